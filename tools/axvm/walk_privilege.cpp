#include <fmt/format.h>

#include <string>
#include <tools/axvm/arguments.hpp>
#include <tools/axvm/walk_privilege.hpp>

namespace axvm::tool {

void add_walk_privilege(CLI::App& app, WalkPrivilege& privilege) {
  app.add_option_function<std::string>(
         "--el",
         [&privilege](const std::string& text) {
           privilege.el = static_cast<std::uint8_t>(number("--el", text, 0, 1));
         },
         "AArch64: Exception level whose permissions apply (default: 1)")
      ->type_name("0|1");
  app.add_option_function<std::string>(
         "--mode",
         [&privilege](const std::string& text) {
           if (text != "vs" && text != "vu") {
             reject(fmt::format("--mode: is {}, expected vs or vu", text));
           }
           privilege.is_user_mode = text == "vu";
         },
         "RISC-V: mode whose permissions apply (default: vs)")
      ->type_name("vs|vu");
}

bool suits(const WalkPrivilege& privilege, hal_sim::Isa isa) {
  if (privilege.el && isa != hal_sim::Isa::Aarch64) {
    complain(
        fmt::format("--el: is of aarch64 guests, expected --mode for {} ones", to_string(isa)));
    return false;
  }
  if (privilege.is_user_mode && isa != hal_sim::Isa::Riscv64) {
    complain(
        fmt::format("--mode: is of riscv64 guests, expected --el for {} ones", to_string(isa)));
    return false;
  }
  return true;
}

}  // namespace axvm::tool
