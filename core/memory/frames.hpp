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

/// Frames in a list without memory of its own: the first word of each is the address of the next.
/// As an entry of a table that word is invalid in every format, so that a walker may still be in a
/// frame of the list.
class FrameList {
 public:
  FrameList() = default;
  FrameList(FrameList&& other) noexcept
      : first_(std::exchange(other.first_, {})), count_(std::exchange(other.count_, 0)) {}
  FrameList& operator=(FrameList&&) = delete;
  ~FrameList() = default;

  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

  template <FrameMemory M>
  void push(M& memory, HostPhysAddr frame) {
    link(memory, frame).store(first_.value, std::memory_order_relaxed);
    first_ = frame;
    ++count_;
  }
  /// Precondition: not empty.
  template <FrameMemory M>
  HostPhysAddr pop(M& memory) {
    const HostPhysAddr frame = first_;
    first_ = HostPhysAddr(link(memory, frame).load(std::memory_order_relaxed));
    --count_;
    return frame;
  }
  template <FrameMemory M>
  void deallocate(M& memory) {
    while (!empty()) memory.deallocate_frame(pop(memory));
  }

 private:
  template <FrameMemory M>
  static std::atomic_ref<std::uint64_t> link(M& memory, HostPhysAddr frame) {
    return std::atomic_ref(*frame_as<std::uint64_t>(memory, frame));
  }

  HostPhysAddr first_;
  std::size_t count_ = 0;
};

/// Frames allocated before they are needed, so that what uses them cannot fail half-way. Those not
/// taken are given back.
template <FrameMemory M>
class FrameReserve {
 public:
  /// `count` frames, or none and NoMemory.
  [[nodiscard]] static Result<FrameReserve> try_make(M& memory, std::size_t count) {
    FrameReserve reserve(memory);
    for (; count > 0; --count) {
      const std::optional<HostPhysAddr> frame = memory.allocate_frame();
      if (!frame) return fail(ErrorKind::NoMemory, "map"sv, "no frame for a table"sv);
      reserve.frames_.push(memory, *frame);
    }
    return reserve;
  }
  FrameReserve(FrameReserve&&) noexcept = default;
  FrameReserve& operator=(FrameReserve&&) = delete;
  ~FrameReserve() { frames_.deallocate(memory_); }

  /// A frame with anything in it. Precondition: fewer than `count` have been taken.
  [[nodiscard]] HostPhysAddr take() { return frames_.pop(memory_); }
  /// The same, zeroed.
  [[nodiscard]] HostPhysAddr take_zeroed() {
    const HostPhysAddr frame = take();
    zero_frame(memory_, frame);
    return frame;
  }

 private:
  explicit FrameReserve(M& memory) noexcept : memory_(memory) {}

  M& memory_;
  FrameList frames_;
};

/// Tables that are no longer part of a tree, while CPUs may still walk them.
class RetiredFrames {
 public:
  RetiredFrames() = default;
  template <FrameMemory M>
  explicit RetiredFrames(M& memory) noexcept
      : memory_(&memory),
        deallocate_([](void* m, FrameList& frames) { frames.deallocate(*static_cast<M*>(m)); }) {}

  /// `memory` is the one that this was made with.
  template <FrameMemory M>
  void push(M& memory, HostPhysAddr frame) {
    frames_.push(memory, frame);
  }
  /// No CPU walks them any more.
  void deallocate() {
    if (!frames_.empty()) deallocate_(memory_, frames_);
  }

 private:
  void* memory_ = nullptr;
  void (*deallocate_)(void*, FrameList&) = nullptr;
  FrameList frames_;
};

}  // namespace axvm
