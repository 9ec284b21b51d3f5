#pragma once
// The far end of one VM's console.

#include <algorithm>
#include <axvm/state.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace axvm::hal_sim {

/// Keeps what the guest wrote and what waits to be read by it.
class ConsolePort {
 public:
  /// Called with each byte as the guest writes it: one for whoever shows it, one for whoever waits
  /// for something in it.
  using Listener = std::function<void(char)>;
  void show(Listener listener) { shower_ = std::move(listener); }
  void listen(Listener listener) { listener_ = std::move(listener); }

  void write(std::uint8_t byte) {
    output_.push_back(static_cast<char>(byte));
    if (shower_) shower_(static_cast<char>(byte));
    if (listener_) listener_(static_cast<char>(byte));
  }
  std::optional<std::uint8_t> read() {
    if (next_ == input_.size()) return std::nullopt;
    return static_cast<std::uint8_t>(input_[next_++]);
  }

  /// Queues bytes for the guest.
  void send(std::string_view text) { input_ += text; }

  /// Everything the guest wrote so far.
  [[nodiscard]] const std::string& output() const noexcept { return output_; }
  [[nodiscard]] bool has_input() const noexcept { return next_ != input_.size(); }
  /// What was written, and what waits to be read.
  void describe(StateVisitor& visitor) {
    describe_text(visitor, "output", output_);
    std::string waits(pending());
    describe_text(visitor, "input", waits);
    if (!visitor.restores()) return;
    input_ = std::move(waits);
    next_ = 0;
  }
  /// What waits to be read.
  [[nodiscard]] std::string_view pending() const noexcept {
    return std::string_view(input_).substr(next_);
  }

 private:
  static void describe_text(StateVisitor& visitor, std::string_view name, std::string& text) {
    constexpr std::uint64_t kMost = 1ULL << 30;
    std::uint64_t size = text.size();
    visitor.field(name, size);
    text.resize(
        static_cast<std::size_t>(std::min(size, std::max<std::uint64_t>(kMost, text.size()))));
    visitor.bytes(name, std::as_writable_bytes(std::span(text)));
  }

  std::string output_;
  std::string input_;
  std::size_t next_ = 0;
  Listener shower_;
  Listener listener_;
};

}  // namespace axvm::hal_sim
