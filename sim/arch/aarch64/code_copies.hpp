#pragma once
// Copies of frames of code, for the engine to fetch from in their place: some instructions are
// others there. Guests never see them; data accesses go to the frames themselves.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <sim/memory/physical_memory.hpp>
#include <vector>

namespace axvm::sim::aarch64 {

class CodeCopies {
 public:
  static constexpr std::size_t kMaxCopies = 4096;
  static constexpr std::uint64_t kSize = kMaxCopies * PhysicalMemory::kFrameSize;
  /// Where the engine finds them: beyond all RAM and devices, within its 48 bits.
  static constexpr std::uint64_t kBase = 0xf000'0000'0000;

  /// A copy; valid until it is forgotten.
  struct Copy {
    std::uint64_t address;  ///< as the engine sees it
    std::uint8_t* bytes;    ///< 4 KiB
  };

  /// Room for kMaxCopies, backed by the host as it is used; nothing when the host has no room.
  static std::optional<CodeCopies> create();

  /// The memory to be mapped for the engine at kBase.
  [[nodiscard]] std::uint8_t* memory() const noexcept { return memory_.get(); }

  /// The copy of the frame at `pa`.
  [[nodiscard]] std::optional<Copy> find(std::uint64_t pa) const;
  [[nodiscard]] bool full() const noexcept { return free_.empty() && used_ == kMaxCopies; }
  /// Makes a copy of the frame at `pa`, which has none, from its `bytes`. Not when full.
  Copy make(std::uint64_t pa, const std::uint8_t* bytes);
  /// The frame at `pa` has no copy any more. The engine's code from it is the caller's to forget.
  void forget(std::uint64_t pa);
  void forget_all() noexcept;

 private:
  struct Unmap {
    void operator()(std::uint8_t* memory) const noexcept;
  };
  explicit CodeCopies(std::uint8_t* memory) : memory_(memory) {}
  [[nodiscard]] Copy copy(std::uint32_t index) const noexcept;

  std::unique_ptr<std::uint8_t, Unmap> memory_;
  std::map<std::uint64_t, std::uint32_t> copies_;  ///< by frame
  std::vector<std::uint32_t> free_;                ///< below used_
  std::uint32_t used_ = 0;
};

}  // namespace axvm::sim::aarch64
