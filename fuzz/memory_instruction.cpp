// Any word as a memory instruction: the machine's decoder and the VMM's are total and agree, and
// what the machine writes to ESR_EL2 and HPFAR_EL2 for an abort is what the VMM reads from them.

#include <core/arch/aarch64/memory_instruction.hpp>
#include <core/arch/aarch64/syndrome.hpp>
#include <fuzz/input.hpp>
#include <hal-sim/arch/aarch64/trace/syndrome_text.hpp>
#include <optional>
#include <sim/arch/aarch64/decode.hpp>
#include <sim/arch/aarch64/syndrome.hpp>

namespace {

namespace sim = axvm::sim::aarch64;
namespace vmm = axvm::aarch64;
using axvm::fuzz::Input;
using axvm::fuzz::require;

/// Words among the loads and stores, and DC and IC, are as frequent as all others.
std::uint32_t word_from(Input& input) {
  const auto kind = input.below(3);
  const auto noise = input.take<std::uint32_t>();
  if (kind == 0) return (noise & ~0x0200'0000U) | 0x0800'0000U;
  if (kind == 1) return 0xd508'7000U | (noise & 0x0007'0fffU);
  return noise;
}

void check_decoded(const sim::MemoryInstruction& i) {
  require(i.is_load || i.is_store || i.is_prefetch, "a memory instruction loads or stores");
  require(i.access_bytes <= 64, "no instruction moves more than 64 bytes");
  require(i.rn < 32 && i.rm < 32 && i.shift <= 4, "fields are in range");
  require(!i.syndrome_valid || i.access_bytes == 1U << i.access_size, "SAS is the access' size");
  require(!i.syndrome_valid || i.register_number < 32, "SRT is a register");
  static_cast<void>(i.address([](unsigned n) { return ~std::uint64_t{n}; }, ~std::uint64_t{3}));
}

/// What the VMM makes of a word that the machine takes for `theirs`, if for anything.
void check_vmm(std::uint32_t word, const std::optional<sim::MemoryInstruction>& theirs,
               Input& input) {
  using Kind = vmm::MemoryInstruction::Kind;
  const auto ours = vmm::decode_memory_instruction(word);
  const bool authenticated = (word & 0x3f20'0400) == 0x3820'0400;
  const bool plain = theirs && !theirs->is_atomic && !theirs->is_exclusive &&
                     !theirs->is_cache_maintenance && !authenticated;
  require(!plain || ours.has_value(), "the VMM knows what the machine executes");
  if (!ours || ours->kind == Kind::Atomic || ours->kind == Kind::Structure) return;
  require(theirs.has_value(), "the machine executes what the VMM knows");
  require((ours->kind == Kind::Prefetch) == theirs->is_prefetch, "prefetches");
  require((ours->kind == Kind::ZeroBlock) == theirs->is_dc_zva, "DC ZVA");
  if (ours->kind != Kind::Load && ours->kind != Kind::Store) return;
  require((ours->kind == Kind::Load) == theirs->is_load, "direction");
  require(ours->bytes() == theirs->access_bytes, "size");
  require(ours->is_pair == theirs->is_pair && ours->is_simd == theirs->is_simd, "registers");
  require(ours->writes_back() == theirs->writeback, "write-back");
  require(ours->unprivileged == theirs->unprivileged, "privilege");
  const auto base = input.take<std::uint64_t>();
  const auto index = input.take<std::uint64_t>();
  const auto pc = input.take<std::uint64_t>() & ~3ULL;
  const bool same = ours->rn == ours->rm;
  const auto read = [&](unsigned n) { return n == theirs->rn ? base : index; };
  if (theirs->addressing == sim::MemoryInstruction::Addressing::Register && same) return;
  require(ours->address(base, ours->rm == 31 ? 0 : index, pc) == theirs->address(read, pc),
          "address");
}

sim::Fault fault_from(Input& input) {
  using sim::FaultKind;
  constexpr FaultKind kKinds[] = {FaultKind::AddressSize,   FaultKind::Translation,
                                  FaultKind::AccessFlag,    FaultKind::Permission,
                                  FaultKind::ExternalAbort, FaultKind::ExternalAbortOnWalk,
                                  FaultKind::Alignment,     FaultKind::TlbConflict};
  sim::Fault fault{.kind = input.one_of(kKinds),
                   .stage = 2,
                   .level = static_cast<std::uint8_t>(input.below(4)),
                   .during_stage1_walk = input.once_in(4)};
  fault.ipa = input.take<std::uint64_t>() & 0x0000'ffff'ffff'ffff;
  // Both stages share the offset in the page, but for a descriptor's address.
  fault.va = (input.take<std::uint64_t>() & ~0xfffULL) | (fault.ipa & 0xfff);
  return fault;
}

void check_abort(const vmm::Abort& abort, const sim::Fault& fault, bool far_valid) {
  require(abort.status_code == fault.status_code(), "both sides mean the same status code");
  require(abort.on_table_walk == fault.during_stage1_walk, "S1PTW");
  require(abort.ipa_valid() == sim::hpfar_valid(fault), "HPFAR_EL2 is read when it is written");
  require(abort.far_valid == far_valid, "FnV");
  const bool names_fault = fault.kind == sim::FaultKind::Translation;
  require((abort.fault == vmm::Fault::Translation) == names_fault, "translation faults");
  if (!abort.ipa_valid()) return;
  const auto ipa = vmm::fault_ipa(abort, fault.va, sim::hpfar(fault.ipa));
  const std::uint64_t known = abort.on_table_walk ? fault.ipa & ~0xfffULL : fault.ipa;
  require(ipa.value == known, "HPFAR_EL2 and FAR_EL2 give the address back");
}

void check_data_abort(const vmm::DataAbort& abort, const sim::MemoryInstruction& i, bool write,
                      const sim::Fault& fault) {
  require(abort.described == (i.syndrome_valid && !fault.during_stage1_walk), "ISV");
  require(abort.cache_maintenance == i.is_cache_maintenance, "CM");
  require(abort.is_write == (write || i.is_cache_maintenance), "WnR");
  if (!abort.described) return;
  require(bytes(abort.width) == i.access_bytes, "SAS");
  require(abort.sign_extend == i.sign_extend, "SSE");
  require(abort.rt == i.register_number, "SRT");
  require(abort.is_64bit == i.sixty_four, "SF");
  require(abort.acquire_release == i.acquire_release, "AR");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  while (!input.empty()) {
    const std::uint32_t word = word_from(input);
    const auto instruction = sim::decode_memory_instruction(word);
    check_vmm(word, instruction, input);
    if (!instruction) continue;
    check_decoded(*instruction);

    const sim::Fault fault = fault_from(input);
    const unsigned el = input.below(2);
    const bool write = instruction->is_store && (!instruction->is_atomic || input.below(2) != 0);
    const bool far_valid = fault.kind != sim::FaultKind::ExternalAbort || input.below(2) != 0;
    const std::uint64_t esr =
        sim::data_abort_syndrome(fault, sim::Target::El2, el, write, &*instruction, far_valid);
    require(vmm::exception_class(esr) == vmm::ExceptionClass::DataAbortLower, "EC");
    const vmm::DataAbort abort(esr);
    check_abort(abort, fault, far_valid);
    check_data_abort(abort, *instruction, write, fault);
    require(!axvm::hal_sim::aarch64::syndrome_text(esr).empty(), "every syndrome has a text");

    const std::uint64_t fetch = sim::instruction_abort_syndrome(fault, sim::Target::El2, el);
    require(vmm::exception_class(fetch) == vmm::ExceptionClass::InstructionAbortLower, "EC");
    check_abort(vmm::InstructionAbort(fetch), fault, true);
  }
  return 0;
}
