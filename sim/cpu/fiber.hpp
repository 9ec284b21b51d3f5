#pragma once
// A call that can be left in the middle and gone on with later: it runs on a stack of its own.

#include <cstddef>
#include <sim/cpu/stack_switch.hpp>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AXVM_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define AXVM_ADDRESS_SANITIZER
#endif

namespace axvm::sim {

/// Runs `body(argument)`, which never returns, whenever somebody resumes it, until it suspends
/// itself. A switch costs about as much as a call. May be resumed from inside another fiber and,
/// one after the other, from several threads. What suspended code has not finished is dropped by
/// the destructor without unwinding.
class Fiber {
 public:
  using Body = void (*)(void* argument);

  Fiber(Body body, void* argument);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Returns when the fiber suspends itself.
  void resume() {
    leave_outside();
    inside_ = switch_stack(inside_, this).from;
    arrive_outside();
  }
  /// From inside: resume() returns. This returns at the next resume().
  void suspend() {
    leave_inside();
    outside_ = switch_stack(outside_, nullptr).from;
    arrive_inside();
  }

 private:
  [[noreturn]] static void begin(Fiber* self);
#ifdef AXVM_ADDRESS_SANITIZER
  void leave_outside() noexcept;
  void arrive_outside() noexcept;
  void leave_inside() noexcept;
  void arrive_inside() noexcept;
  void end() noexcept;
#else
  void leave_outside() noexcept {}
  void arrive_outside() noexcept {}
  void leave_inside() noexcept {}
  void arrive_inside() noexcept {}
  void end() noexcept {}
#endif

  // Touched only where memory is: most of it never is.
  static constexpr std::size_t kStackBytes = std::size_t{1} << 20;
  static constexpr std::size_t kGuardBytes = std::size_t{1} << 16;

  Body body_;
  void* argument_;
  std::byte* stack_ = nullptr;
  void* inside_ = nullptr;   ///< where the fiber goes on
  void* outside_ = nullptr;  ///< where who resumed it goes on

  // What the address sanitizer wants to know of the other stack.
  [[maybe_unused]] void* shadow_inside_ = nullptr;
  [[maybe_unused]] void* shadow_outside_ = nullptr;
  [[maybe_unused]] bool ending_ = false;
  [[maybe_unused]] const void* outside_bottom_ = nullptr;
  [[maybe_unused]] std::size_t outside_bytes_ = 0;
};

}  // namespace axvm::sim
