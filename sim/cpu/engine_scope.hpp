#pragma once
// What is different for the engine while it works for us.

namespace axvm::sim {

/// While one exists on a thread, two functions that the engine calls there do something else than
/// in the rest of the process:
///
/// * gettimeofday answers 0. Unicorn sizes its TLB by the time of day. Guests cannot see the size
///   (that TLB only caches the strict one), but with the host's clock in the loop the number of
///   fills, and so every profile, would differ from run to run.
/// * For each block that it translates, the engine searches its whole TLB for writable entries of
///   the block's page. There are none (FetchCoherence), and the search took a twelfth of a boot.
///   This is a function inside the engine's shared object; where it cannot be replaced, it runs.
class EngineScope {
 public:
  EngineScope() noexcept { ++depth; }
  ~EngineScope() { --depth; }
  EngineScope(const EngineScope&) = delete;
  EngineScope& operator=(const EngineScope&) = delete;

  /// Whether this thread is in one.
  [[nodiscard]] static bool entered() noexcept { return depth != 0; }

 private:
  // Not inline: who uses a scope needs the functions beside its definition, too.
  static constinit thread_local unsigned depth;
};

}  // namespace axvm::sim
