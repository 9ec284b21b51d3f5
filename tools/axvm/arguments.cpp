#include <fmt/format.h>

#include <hal-sim/config/size_text.hpp>
#include <tools/axvm/arguments.hpp>
#include <tools/axvm/exit_status.hpp>

namespace axvm::tool {

void reject(const std::string& what) { throw CLI::ValidationError(what, kBadUsage); }

std::uint64_t number(const char* option, const std::string& text) {
  const auto value = hal_sim::parse_number(text);
  if (!value) {
    reject(fmt::format("{}: \"{}\" is not a number, expected decimal or 0x hexadecimal", option,
                       text));
  }
  return *value;
}

std::uint64_t number(const char* option, const std::string& text, std::uint64_t least,
                     std::uint64_t most) {
  const std::uint64_t value = number(option, text);
  if (value < least || value > most) {
    reject(fmt::format("{}: is {}, expected {} to {}", option, text, least, most));
  }
  return value;
}

void add_configuration(CLI::App& app, ConfigurationOptions& options) {
  app.add_option("CONFIG", options.files, "TOML files, one per VM; one may have a [sim] table")
      ->required()
      ->type_name("")
      ->expected(-1);
  app.add_option("--images", options.image_directories, "Folder to look for images in")
      ->expected(1)
      ->type_name("DIR");
  app.add_option_function<std::string>(
         "--vcpus",
         [&options](const std::string& text) {
           options.vcpus = static_cast<std::uint32_t>(number("--vcpus", text, 1, 64));
         },
         "vCPUs of each VM, instead of the configuration's")
      ->type_name("N");
  app.add_option_function<std::string>(
         "--memory",
         [&options](const std::string& text) {
           const auto size = hal_sim::parse_size(text);
           if (!size || *size == 0 || *size % 4096 != 0) {
             reject(
                 fmt::format("--memory: \"{}\" is not a size in pages of 4 KiB, expected for "
                             "example 64M or 2G",
                             text));
           }
           options.memory = size;
         },
         "Size of each VM's first memory region, e.g. 64M or 2G")
      ->type_name("SIZE");
}

void add_chaos(CLI::App& app, ConfigurationOptions& options) {
  app.add_option_function<std::string>(
         "--chaos",
         [&options](const std::string& text) { options.chaos = number("--chaos", text); },
         "Perturb the engine at random points; nothing visible may change. 0: off")
      ->type_name("SEED");
}

}  // namespace axvm::tool
