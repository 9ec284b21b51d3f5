#pragma once
// A call that can be left in the middle and gone on with later: it runs on a stack of its own.

#include <cstddef>

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
  void resume();
  /// From inside: resume() returns. This returns at the next resume().
  void suspend();

 private:
  [[noreturn]] static void begin(Fiber* self);

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
  [[maybe_unused]] const void* outside_bottom_ = nullptr;
  [[maybe_unused]] std::size_t outside_bytes_ = 0;
};

}  // namespace axvm::sim
