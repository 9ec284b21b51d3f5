#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <sim/arch/aarch64/exclusive_monitor.hpp>
#include <sim/cpu/engine_scope.hpp>
#include <type_traits>

namespace axvm::sim::aarch64 {
namespace {

using Words = std::array<std::uint64_t, 3>;  // address, low, high
using Engine = std::unique_ptr<uc_engine, decltype([](uc_engine* e) { uc_close(e); })>;
using Context = std::unique_ptr<uc_context, decltype([](uc_context* c) { uc_context_free(c); })>;

Context save_context(uc_engine* engine) {
  uc_context* made = nullptr;
  if (uc_context_alloc(engine, &made) != UC_ERR_OK) return nullptr;
  Context context(made);
  if (uc_context_save(engine, made) != UC_ERR_OK) return nullptr;
  return context;
}

// Where a context of the engine holds these words; nothing when nowhere, or in two places.
std::optional<std::size_t> find(uc_engine* engine, const Words& wanted) {
  const Context context = save_context(engine);
  if (!context) return std::nullopt;
  const auto* const bytes = reinterpret_cast<const std::byte*>(context.get());
  const std::size_t size = uc_context_size(engine);
  std::optional<std::size_t> found;
  for (std::size_t at = 0; at + sizeof(Words) <= size; at += sizeof(std::uint64_t)) {
    if (std::memcmp(bytes + at, wanted.data(), sizeof(Words)) != 0) continue;
    if (found) return std::nullopt;
    found = at;
  }
  return found;
}

// An engine of its own executes LDXP, and CLREX after it.
std::optional<std::size_t> show_place() {
  constexpr std::uint64_t kCode = 0x10000;
  constexpr std::array<std::uint32_t, 2> kProgram{0xc87f0440, 0xd5033f5f};  // LDXP X0, X1, [X2]
  constexpr Words kShown{0x23450, 0x0123'4567'89ab'cdef, 0xfedc'ba98'7654'3211};
  uc_engine* opened = nullptr;
  if (uc_open(UC_ARCH_ARM64, UC_MODE_ARM, &opened) != UC_ERR_OK) return std::nullopt;
  const Engine engine(opened);
  const EngineScope scope;
  uc_err error = uc_ctl_set_cpu_model(opened, UC_CPU_ARM64_A72);
  const auto step = [&error](uc_err e) { error = error == UC_ERR_OK ? e : error; };
  step(uc_mem_map(opened, kCode, 4096, UC_PROT_ALL));
  step(uc_mem_map(opened, kShown[0] & ~std::uint64_t{4095}, 4096, UC_PROT_ALL));
  step(uc_mem_write(opened, kCode, kProgram.data(), sizeof(kProgram)));
  step(uc_mem_write(opened, kShown[0], &kShown[1], 2 * sizeof(std::uint64_t)));
  step(uc_reg_write(opened, UC_ARM64_REG_X2, &kShown[0]));
  step(uc_emu_start(opened, kCode, kCode + 4, 0, 0));
  const auto place = find(opened, kShown);
  step(uc_emu_start(opened, kCode + 4, kCode + 8, 0, 0));
  const auto open = find(opened, {ExclusiveMonitor::kOpen, kShown[1], kShown[2]});
  return error == UC_ERR_OK && place == open ? place : std::nullopt;
}

const std::optional<std::size_t>& place() {
  static const std::optional<std::size_t> kPlace = show_place();
  return kPlace;
}

}  // namespace

ExclusiveMonitor read_exclusive_monitor(uc_engine* engine) {
  const Context context = place() ? save_context(engine) : nullptr;
  if (!context) return {};
  Words words{};
  std::memcpy(words.data(), reinterpret_cast<const std::byte*>(context.get()) + *place(),
              sizeof(Words));
  if (words[0] == ExclusiveMonitor::kOpen) return {};
  return {.address = words[0], .low = words[1], .high = words[2]};
}

bool write_exclusive_monitor(uc_engine* engine, const ExclusiveMonitor& monitor) {
  const Context context = place() ? save_context(engine) : nullptr;
  if (!context) return false;
  const Words words{monitor.address, monitor.low, monitor.high};
  std::memcpy(reinterpret_cast<std::byte*>(context.get()) + *place(), words.data(), sizeof(Words));
  return uc_context_restore(engine, context.get()) == UC_ERR_OK;
}

}  // namespace axvm::sim::aarch64
