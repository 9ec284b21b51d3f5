#pragma once
// NOR flash with the Common Flash Interface (JESD68.01, JEP137) and Intel's basic command set
// (0x0001): one chip, 16 bits wide.

#include <array>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/devices/device.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace axvm {

/// Erased when made. Commands complete at once; blocks are never locked.
class CfiFlash final : public Device {
 public:
  static constexpr std::uint64_t kBlockSize = 128 << 10;  ///< what one erase command erases
  static constexpr std::uint64_t kLargestSize = 64 << 20;
  static constexpr std::size_t kBufferSize = 32;  ///< what one buffered write programs, at most

  [[nodiscard]] static constexpr bool is_possible_size(std::uint64_t size) noexcept {
    return (size & (size - 1)) == 0 && size >= kBlockSize && size <= kLargestSize;
  }

  /// Precondition: is_possible_size(range.size). Errors: NoMemory.
  [[nodiscard]] static Result<Box<CfiFlash>> try_make(Allocator allocator, std::string_view name,
                                                      BusRange range);
  CfiFlash(std::string_view name, BusRange range, Array<std::byte> cells) noexcept;

  /// Any width and alignment. What is written to cells can only clear bits.
  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override;
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override;

  /// Its contents stay.
  void reset() override;

  void describe(StateVisitor& visitor) override;

 private:
  /// What reads give.
  enum class Mode : std::uint8_t { Array, Status, Identifier, Query };
  /// What the next write is.
  enum class Step : std::uint8_t {
    Command,
    Program,
    EraseConfirm,
    Lock,
    BufferCount,
    BufferData,
    BufferConfirm,
  };

  void command(std::uint8_t value);
  void take_buffer_data(std::uint64_t offset, AccessWidth width, std::uint64_t value);
  void program(std::uint64_t offset, std::uint64_t value, unsigned count) noexcept;
  void program_buffer() noexcept;
  void erase_block(std::uint64_t offset) noexcept;
  void refuse() noexcept;
  [[nodiscard]] std::uint16_t answer(std::uint64_t index) const noexcept;
  [[nodiscard]] std::uint8_t query(std::uint64_t index) const noexcept;

  Array<std::byte> cells_;
  Mode mode_ = Mode::Array;
  Step step_ = Step::Command;
  std::uint8_t status_;
  std::uint64_t buffer_base_ = 0;  ///< of the write buffer in the bank, a multiple of its size
  std::uint32_t buffer_left_ = 0;  ///< writes still to come
  bool buffer_begun_ = false;      ///< the first write said which part of the bank it is for
  std::array<std::byte, kBufferSize> buffer_{};
};

}  // namespace axvm
