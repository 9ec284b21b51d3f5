#include <axvm/exit.hpp>
#include <axvm/result.hpp>

namespace axvm {

std::string_view to_string(const ExitReason& reason) noexcept {
  using namespace exit_reason;
  if (std::holds_alternative<ExternalInterrupt>(reason)) return "external interrupt"sv;
  if (std::holds_alternative<Halt>(reason)) return "halt"sv;
  if (std::holds_alternative<Yield>(reason)) return "yield"sv;
  if (std::holds_alternative<CpuUp>(reason)) return "cpu up"sv;
  if (std::holds_alternative<CpuDown>(reason)) return "cpu down"sv;
  if (const auto* down = std::get_if<SystemDown>(&reason)) {
    return down->reset ? "system reset"sv : "system down"sv;
  }
  return "guest fault"sv;
}

}  // namespace axvm
