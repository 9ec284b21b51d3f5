#pragma once
// Host-physical frames: the part of a HAL that page tables need, and frames set aside.

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
concept FrameMemory = requires(M& memory, HostPhysAddr hpa) {
  { memory.allocate_frame() } -> std::same_as<std::optional<HostPhysAddr>>;
  { memory.deallocate_frame(hpa) };
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

/// Frames allocated before they are needed, so that what uses them cannot fail half-way. Each
/// frame holds the address of the next; those not taken are given back.
template <FrameMemory M>
class FrameReserve {
 public:
  /// `count` frames, or none and NoMemory.
  [[nodiscard]] static Result<FrameReserve> try_make(M& memory, std::size_t count) {
    FrameReserve reserve(memory);
    for (; count > 0; --count) {
      const std::optional<HostPhysAddr> frame = memory.allocate_frame();
      if (!frame) return fail(ErrorKind::NoMemory, "map"sv, "no frame for a table"sv);
      *frame_as<Link>(memory, *frame) = Link{reserve.first_};
      reserve.first_ = *frame;
    }
    return reserve;
  }
  FrameReserve(FrameReserve&& other) noexcept
      : memory_(other.memory_), first_(std::exchange(other.first_, std::nullopt)) {}
  FrameReserve& operator=(FrameReserve&&) = delete;
  ~FrameReserve() {
    while (first_) memory_.deallocate_frame(pop());
  }

  /// A frame, zeroed. Precondition: fewer than `count` have been taken.
  [[nodiscard]] HostPhysAddr take() {
    const HostPhysAddr frame = pop();
    zero_frame(memory_, frame);
    return frame;
  }

 private:
  struct Link {
    std::optional<HostPhysAddr> next;
  };
  explicit FrameReserve(M& memory) noexcept : memory_(memory) {}

  HostPhysAddr pop() {
    const HostPhysAddr frame = *first_;
    first_ = frame_as<Link>(memory_, frame)->next;
    return frame;
  }

  M& memory_;
  std::optional<HostPhysAddr> first_;
};

}  // namespace axvm
