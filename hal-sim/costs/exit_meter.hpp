#pragma once
// Adds up what exits cost, by kind.

#include <array>
#include <cstdint>
#include <hal-sim/costs/exit_prices.hpp>
#include <hal-sim/trace/trace_sink.hpp>
#include <vector>

namespace axvm::hal_sim {

class ExitMeter final : public TraceSink {
 public:
  struct Row {
    std::uint64_t count = 0;
    std::uint64_t cycles = 0;
  };

  explicit ExitMeter(ExitPrices prices) : prices_(std::move(prices)) {}

  void event(const Stamp& stamp, const Event& event) override;
  void unmaintained_code(const sim::UnmaintainedCode&) override {}

  [[nodiscard]] const ExitPrices& prices() const noexcept { return prices_; }
  /// Exits so far; those that have not ended yet included.
  [[nodiscard]] std::array<Row, kExitKinds> rows() const;
  [[nodiscard]] std::uint64_t cycles() const;

 private:
  /// The last exit on each pCPU.
  struct Open {
    bool any = false;
    ExitKind kind = ExitKind::Other;
    std::uint64_t cycles = 0;
  };
  static void add(std::array<Row, kExitKinds>& rows, const Open& exit);

  ExitPrices prices_;
  std::vector<Open> open_;  // by pCPU
  std::array<Row, kExitKinds> rows_{};
};

}  // namespace axvm::hal_sim
