#include <bit>
#include <sim/arch/aarch64/guest_timing.hpp>
#include <sim/arch/aarch64/table_formats.hpp>

namespace axvm::sim::aarch64 {
namespace {

using timing::PageCache;

constexpr std::size_t kStage2 = 2;  // in tables and formats

timing::Descriptor decode_swapped(std::uint64_t entry, unsigned height) noexcept {
  return table_formats::decode<12, 2>(__builtin_bswap64(entry), height);
}

}  // namespace

void GuestTiming::decode(std::uint32_t word, Decoded& decoded) {
  decoded.word = word;
  decoded.instruction = {};
  if (const auto instruction = decode_memory_instruction(word)) decoded.instruction = *instruction;
}

GuestTiming::Context GuestTiming::context_of(const Regime& regime) {
  Context context;
  const Stage1& stage1 = regime.stage1;
  const Stage2& stage2 = regime.stage2;
  for (std::size_t i = 0; i < 2 && stage1.enabled; ++i) {
    const Stage1Half& half = stage1.half[i];
    context.tables.at(i) = {.root = half.table,
                            .start_level = half.start_level,
                            .input_bits = half.input_bits,
                            .on = true,
                            .refuses = half.input_limit == 0 || half.table_oversized,
                            .big_endian = stage1.big_endian};
    context.top_byte_ignored.at(i) = half.top_byte_ignored;
  }
  if (stage2.enabled) {
    context.tables[kStage2] = {.root = stage2.table,
                               .start_level = stage2.start_level,
                               .input_bits = stage2.input_bits,
                               .on = true,
                               .refuses = stage2.input_limit == 0 || stage2.table_oversized};
  }
  // Without stage 1, what is remembered is stage 2's, and forgotten as that is.
  context.tags.vm = regime.stage2_tag;
  context.tags.asid = stage1.enabled ? regime.asid_tag : regime.stage2_tag;
  context.tags.global = stage1.enabled ? regime.global_tag : regime.stage2_tag;
  return context;
}

void GuestTiming::set_regime(const Regime& regime) {
  Context context = context_of(regime);
  if (context == context_) return;
  context_ = context;
  enter(context.tags, context.top_byte_ignored);
}

void GuestTiming::enter_tables(timing::TimingMmu& mmu, timing::Spaces spaces) {
  mmu.set_context(stage(0), stage(1), stage(kStage2), spaces);
}

timing::Stage GuestTiming::stage(std::size_t number) {
  const Context::Tables& tables = context_.tables.at(number);
  if (!tables.on) return {};
  timing::TableFormat& format = formats_.at(number);
  format = {.name = {},
            .page_shift = kGranuleBits,
            .index_bits = kIndexBits,
            .levels = kLastLevel + 1 - tables.start_level,
            .input_bits = tables.input_bits,
            .max_leaf_height = 2,
            .decode = tables.big_endian ? decode_swapped : table_formats::decode<12, 2>};
  const std::uint64_t sign = number == 1 ? ~0ULL << tables.input_bits : 0;
  return {.format = &format, .root = tables.root, .sign = sign, .refuses = tables.refuses};
}

void GuestTiming::forget(const TlbMaintenance& maintenance) {
  using Op = TlbMaintenance::Op;
  const Op op = maintenance.op;
  const std::uint64_t address = maintenance.address;
  if (op == Op::ALLE1) return forget_all();
  const bool by_va = op == Op::VAE1 || op == Op::VALE1 || op == Op::VAAE1 || op == Op::VAALE1;
  const bool last_level = op == Op::VALE1 || op == Op::VAALE1;
  const bool by_asid = op == Op::ASIDE1 || op == Op::VAE1 || op == Op::VALE1;
  forget_if([&](TlbTag tag, const PageCache::Entry& entry, unsigned stage) {
    if (tag.vmid() != maintenance.vmid) return false;
    if (op == Op::VMALLS12E1) return true;
    const bool of_stage2 = tag.kind() == 2;
    if (op == Op::IPAS2E1) {
      return of_stage2 && entry.is_of_leaf_with(address);
    }
    if (of_stage2) return false;
    if (by_asid && tag.kind() == 0 && tag.asid() != maintenance.asid) return false;
    if (op == Op::ASIDE1) return tag.kind() == 0;
    if (!by_va) return true;
    // Stage 1's walk caches hold tables, which no leaf is from.
    return !(last_level && stage == 1) && entry.is_of_leaf_with(address);
  });
}

}  // namespace axvm::sim::aarch64
