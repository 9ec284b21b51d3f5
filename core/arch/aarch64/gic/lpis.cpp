#include <core/arch/aarch64/gic/lpis.hpp>
#include <core/lowest_bit.hpp>
#include <cstring>

namespace axvm::aarch64 {
namespace {

constexpr std::uint8_t kEnabled = 1;
constexpr std::uint8_t kPriority = 0xf8;  // five bits are implemented

constexpr std::size_t byte_of(std::uint32_t intid) { return (intid - kFirstLpi) / 8; }
constexpr std::uint8_t bit_of(std::uint32_t intid) {
  return static_cast<std::uint8_t>(1U << (intid % 8));
}

/// Calls `f` with each LPI whose bit is set, in ascending order.
template <class F>
void for_each_lpi(const LpiBits& bits, F&& f) {
  for (std::size_t at = 0; at < bits.size(); at += 8) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8; ++i) word |= std::uint64_t{bits[at + i]} << (8 * i);
    for (; word != 0; word &= word - 1) {
      f(kFirstLpi + 8 * static_cast<std::uint32_t>(at) + lowest_bit(word));
    }
  }
}

}  // namespace

Result<Lpis> Lpis::try_make(Allocator allocator, std::size_t vcpus) {
  auto cpus = Array<Cpu>::try_make(allocator, vcpus);
  if (!cpus) return std::unexpected(cpus.error());
  while (!cpus->full()) cpus->emplace_back();
  auto configuration = Box<LpiConfiguration>::try_make(allocator);
  if (!configuration) return std::unexpected(configuration.error());
  return Lpis(std::move(*cpus), std::move(*configuration));
}

void Lpis::reset() noexcept {
  for (Cpu& cpu : cpus_) cpu = {};
  configuration_->fill(0);
}

// --- configuration -------------------------------------------------------------------------------

bool Lpis::are_enabled() const noexcept {
  for (const Cpu& cpu : cpus_) {
    if (cpu.enabled) return true;
  }
  return false;
}

void Lpis::enable(unsigned vcpu, const LpiBits& pending) noexcept {
  cpus_[vcpu].enabled = true;
  cpus_[vcpu].pending = pending;
  cpus_[vcpu].idle = false;
}

void Lpis::configure(std::uint32_t first, std::span<const std::uint8_t> bytes) noexcept {
  std::memcpy(configuration_->data() + (first - kFirstLpi), bytes.data(), bytes.size());
}

LpiBits Lpis::disable(unsigned vcpu) noexcept {
  const LpiBits pending = cpus_[vcpu].pending;
  cpus_[vcpu] = {};
  cpus_[vcpu].heirs.fill(kNobody);
  return pending;
}

// --- pending -------------------------------------------------------------------------------------

bool Lpis::is_pending(unsigned vcpu, std::uint32_t intid) const noexcept {
  return (cpus_[vcpu].pending[byte_of(intid)] & bit_of(intid)) != 0;
}

bool Lpis::make_pending(unsigned vcpu, std::uint32_t intid) noexcept {
  if (!cpus_[vcpu].enabled) return false;
  cpus_[vcpu].pending[byte_of(intid)] |= bit_of(intid);
  cpus_[vcpu].idle = false;
  return true;
}

void Lpis::move(unsigned from, std::uint32_t intid, std::uint8_t to) noexcept {
  if (!is_pending(from, intid)) return;
  std::uint8_t& byte = cpus_[from].pending[byte_of(intid)];
  byte = static_cast<std::uint8_t>(byte & ~bit_of(intid));
  if (to != kNobody) make_pending(to, intid);
}

void Lpis::move_all(unsigned from, unsigned to) noexcept {
  if (from == to) return;
  for (std::size_t i = 0; i < cpus_[from].pending.size(); ++i) {
    if (cpus_[to].enabled) cpus_[to].pending[i] |= cpus_[from].pending[i];
    cpus_[from].pending[i] = 0;
  }
  cpus_[to].idle = false;
}

// --- list registers ------------------------------------------------------------------------------

void Lpis::collect(unsigned vcpu, ListRegisters& best, unsigned capacity) noexcept {
  if (cpus_[vcpu].idle) return;
  cpus_[vcpu].idle = true;
  for_each_lpi(cpus_[vcpu].pending, [&](std::uint32_t intid) {
    cpus_[vcpu].idle = false;
    const std::uint8_t configuration = (*configuration_)[intid - kFirstLpi];
    if ((configuration & kEnabled) == 0) return;
    ListRegister entry;
    entry.intid = intid;
    entry.pending = true;
    entry.group1 = true;
    entry.priority = configuration & kPriority;
    best.insert(entry, capacity);
  });
}

void Lpis::lend(unsigned vcpu, unsigned n, std::uint32_t intid) noexcept {
  move(vcpu, intid, kNobody);
  cpus_[vcpu].heirs[n] = static_cast<std::uint8_t>(vcpu);
}

std::uint8_t Lpis::take_back(unsigned vcpu, unsigned n, std::uint32_t intid,
                             bool pending) noexcept {
  const std::uint8_t heir = cpus_[vcpu].heirs[n];
  if (!pending || heir == kNobody || !make_pending(heir, intid)) return kNobody;
  return heir;
}

// --- state ---------------------------------------------------------------------------------------

void Lpis::describe(StateVisitor& visitor) {
  visitor.bytes("configuration"sv, std::as_writable_bytes(std::span(*configuration_)));
  for (Cpu& cpu : cpus_) {
    std::uint64_t enabled = cpu.enabled ? 1 : 0;
    visitor.field("enabled"sv, enabled);
    cpu.enabled = enabled != 0;
    visitor.bytes("pending"sv, std::as_writable_bytes(std::span(cpu.pending)));
    visitor.bytes("heirs"sv, std::as_writable_bytes(std::span(cpu.heirs)));
    // A restored state may be anything.
    for (std::uint8_t& heir : cpu.heirs) heir = heir < cpus_.size() ? heir : kNobody;
    if (!cpu.enabled) cpu.pending = {};
    cpu.idle = false;
  }
}

}  // namespace axvm::aarch64
