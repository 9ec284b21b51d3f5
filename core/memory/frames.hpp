#pragma once
// Host-physical frames: the part of a HAL that page tables need, frames set aside before a change,
// and frames left over by one.

#include <atomic>
#include <axvm/address.hpp>
#include <axvm/result.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

namespace axvm {

/// Any VmHal is one.
template <class M>
concept FrameMemory = requires(M& memory, HostPhysAddr hpa, std::size_t n) {
  { memory.allocate_frame() } -> std::same_as<std::optional<HostPhysAddr>>;
  { memory.deallocate_frame(hpa) };
  { memory.allocate_frames(n, n) } -> std::same_as<std::optional<HostPhysAddr>>;
  { memory.deallocate_frames(hpa, n) };
  { memory.phys_to_virt(hpa) } -> std::same_as<HostVirtAddr>;
};

/// The VMM's pointer to the first byte of a frame, seen as `T`.
template <class T, FrameMemory M>
[[nodiscard]] T* frame_as(M& memory, HostPhysAddr hpa) {
  // The one place where an address becomes a pointer. NOLINTNEXTLINE(performance-no-int-to-ptr)
  return reinterpret_cast<T*>(static_cast<std::uintptr_t>(memory.phys_to_virt(hpa).value));
}

template <FrameMemory M>
void zero_frame(M& memory, HostPhysAddr hpa) {
  std::memset(frame_as<std::byte>(memory, hpa), 0, kPageSize);
}

/// 2^`order` frames in a row, aligned to their size.
template <FrameMemory M>
[[nodiscard]] std::optional<HostPhysAddr> allocate_block(M& memory, unsigned order) {
  if (order == 0) return memory.allocate_frame();
  return memory.allocate_frames(std::size_t{1} << order, kPageSize << order);
}
template <FrameMemory M>
void deallocate_block(M& memory, HostPhysAddr block, unsigned order) {
  if (order == 0) return memory.deallocate_frame(block);
  memory.deallocate_frames(block, std::size_t{1} << order);
}

/// Blocks of frames in a list without memory of its own: the first word of each holds the address
/// of the next, and in bits [11:8] its own order. As an entry of a table that word is invalid in
/// every format, so that a walker may still be in a frame of the list.
class FrameList {
 public:
  FrameList() = default;
  FrameList(FrameList&& other) noexcept
      : first_(std::exchange(other.first_, {})), count_(std::exchange(other.count_, 0)) {}
  FrameList& operator=(FrameList&&) = delete;
  ~FrameList() = default;

  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

  struct Block {
    HostPhysAddr base;
    unsigned order = 0;
  };
  static constexpr unsigned kMaxOrder = 15;

  template <FrameMemory M>
  void push(M& memory, Block block) {
    link(memory, block.base)
        .store(first_.value | std::uint64_t{block.order} << kOrderShift, std::memory_order_relaxed);
    first_ = block.base;
    ++count_;
  }
  /// Precondition: not empty.
  template <FrameMemory M>
  Block pop(M& memory) {
    const HostPhysAddr base = first_;
    const std::uint64_t word = link(memory, base).load(std::memory_order_relaxed);
    first_ = HostPhysAddr(word).align_down(kPageSize);
    --count_;
    return {base, static_cast<unsigned>(word >> kOrderShift & kMaxOrder)};
  }
  template <FrameMemory M>
  void deallocate(M& memory) {
    while (!empty()) {
      const Block block = pop(memory);
      deallocate_block(memory, block.base, block.order);
    }
  }

 private:
  static constexpr unsigned kOrderShift = 8;

  template <FrameMemory M>
  static std::atomic_ref<std::uint64_t> link(M& memory, HostPhysAddr frame) {
    return std::atomic_ref(*frame_as<std::uint64_t>(memory, frame));
  }

  HostPhysAddr first_;
  std::size_t count_ = 0;
};

/// Blocks of frames allocated before they are needed, so that what uses them cannot fail half-way.
/// Those not taken are given back.
template <FrameMemory M>
class FrameReserve {
 public:
  /// `count` blocks of one order, or none and NoMemory.
  [[nodiscard]] static Result<FrameReserve> try_make(M& memory, std::size_t count,
                                                     unsigned order = 0) {
    FrameReserve reserve(memory);
    for (; count > 0; --count) {
      const std::optional<HostPhysAddr> block = allocate_block(memory, order);
      if (!block) return fail(ErrorKind::NoMemory, "map"sv, "no frame for a table"sv);
      reserve.blocks_.push(memory, {*block, order});
    }
    return reserve;
  }
  FrameReserve(FrameReserve&&) noexcept = default;
  FrameReserve& operator=(FrameReserve&&) = delete;
  ~FrameReserve() { blocks_.deallocate(memory_); }

  /// A block with anything in it. Precondition: fewer than `count` have been taken.
  [[nodiscard]] HostPhysAddr take() { return blocks_.pop(memory_).base; }

 private:
  explicit FrameReserve(M& memory) noexcept : memory_(memory) {}

  M& memory_;
  FrameList blocks_;
};

/// Tables that are no longer part of a tree, while CPUs may still walk them.
class RetiredFrames {
 public:
  RetiredFrames() = default;
  template <FrameMemory M>
  explicit RetiredFrames(M& memory) noexcept
      : memory_(&memory),
        deallocate_([](void* m, FrameList& tables) { tables.deallocate(*static_cast<M*>(m)); }) {}

  /// `memory` is the one that this was made with.
  template <FrameMemory M>
  void push(M& memory, FrameList::Block table) {
    tables_.push(memory, table);
  }
  /// No CPU walks them any more.
  void deallocate() {
    if (!tables_.empty()) deallocate_(memory_, tables_);
  }

 private:
  void* memory_ = nullptr;
  void (*deallocate_)(void*, FrameList&) = nullptr;
  FrameList tables_;
};

}  // namespace axvm
