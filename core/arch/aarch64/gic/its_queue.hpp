#pragma once
// The queue of an ITS's commands: GITS_CBASER, GITS_CWRITER, GITS_CREADR (IHI 0069, 5.3 and
// 12.19).

#include <axvm/address.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <cstdint>

namespace axvm::aarch64 {

/// A ring of up to 1 MiB in guest memory, read from CREADR until CWRITER.
class ItsQueue {
 public:
  [[nodiscard]] std::uint64_t base() const noexcept { return base_; }
  /// Both offsets become 0.
  void set_base(std::uint64_t value) noexcept;
  [[nodiscard]] std::uint64_t writer() const noexcept { return writer_; }
  /// An offset that is not in the ring is ignored. Retry: goes on where it has stalled.
  void set_writer(std::uint64_t value) noexcept;
  /// With Stalled.
  [[nodiscard]] std::uint64_t reader() const noexcept { return reader_ | (stalled_ ? 1 : 0); }

  /// There is a command to carry out.
  [[nodiscard]] bool has_work() const noexcept {
    return (base_ >> 63) != 0 && !stalled_ && reader_ != writer_;
  }
  /// Where that is.
  [[nodiscard]] GuestPhysAddr front() const noexcept;
  void pop() noexcept;
  /// It could not be carried out; nothing is until the guest asks for it (CWRITER.Retry).
  void stall() noexcept { stalled_ = true; }

  void reset() noexcept { *this = {}; }
  void describe(StateVisitor& visitor);

 private:
  [[nodiscard]] std::uint64_t size() const noexcept { return ((base_ & 0xff) + 1) << 12; }

  std::uint64_t base_ = 0;
  std::uint64_t writer_ = 0;
  std::uint64_t reader_ = 0;
  bool stalled_ = false;
};

}  // namespace axvm::aarch64
