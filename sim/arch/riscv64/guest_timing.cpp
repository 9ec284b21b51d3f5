#include <sim/arch/riscv64/guest_timing.hpp>
#include <sim/arch/riscv64/table_formats.hpp>

namespace axvm::sim::riscv64 {
namespace {

using timing::PageCache;

timing::TableFormat format_of(unsigned levels, unsigned input_bits) noexcept {
  return {.name = {},
          .page_shift = kPageBits,
          .index_bits = kIndexBits,
          .levels = levels,
          .input_bits = input_bits,
          .max_leaf_height = levels - 1,
          .decode = decode_table};
}

}  // namespace

void GuestTiming::decode(std::uint32_t word, Decoded& decoded) {
  decoded.word = word;
  decoded.instruction = {};
  if (const auto instruction = decode_memory_instruction(word)) decoded.instruction = *instruction;
}

void GuestTiming::set_regime(const Regime& regime) {
  const bool on = regime.vs.enabled();
  // With the VS-stage Bare, what is remembered is the G-stage's, and forgotten as that is.
  const Context context{.vs_root = on ? regime.vs.root : 0,
                        .g_root = regime.g.enabled() ? regime.g.root : 0,
                        .vs_levels = regime.vs.levels,
                        .g_levels = regime.g.levels,
                        .tags = {.asid = on ? regime.asid_tag : regime.g_tag,
                                 .global = on ? regime.global_tag : regime.g_tag,
                                 .vm = regime.g_tag}};
  if (context == context_) return;
  context_ = context;
  enter(context.tags, {});
}

void GuestTiming::enter_tables(timing::TimingMmu& mmu, timing::Spaces spaces) {
  timing::Stage lower;
  timing::Stage upper;
  timing::Stage g_stage;
  if (context_.vs_levels != 0) {
    // The root's upper half translates the addresses whose upper bits are all set.
    const unsigned half_bits = kPageBits + kIndexBits * context_.vs_levels - 1;
    constexpr std::uint64_t kHalf = (1U << (kPageBits - 1));
    formats_[0] = format_of(context_.vs_levels, half_bits);
    lower = {.format = formats_.data(), .root = context_.vs_root};
    upper = {.format = formats_.data(),
             .root = context_.vs_root + kHalf,
             .sign = ~std::uint64_t{0} << half_bits};
  }
  if (context_.g_levels != 0) {
    formats_[1] = format_of(context_.g_levels, kPageBits + kIndexBits * context_.g_levels + 2);
    g_stage = {.format = &formats_[1], .root = context_.g_root};
  }
  mmu.set_context(lower, upper, g_stage, spaces);
}

void GuestTiming::forget(const Fence& fence) {
  constexpr unsigned kGStage = 2;  // of a tag
  forget_if([&](TlbTag tag, const PageCache::Entry& entry, unsigned stage) {
    if (tag.vmid() != fence.vmid) return false;
    const auto is_in_range = [&] {
      return !fence.range || fence.range->overlaps(entry.leaf(), entry.leaf_bytes());
    };
    if (fence.of_g_stage) {
      if (tag.kind() == kGStage || !fence.range) return is_in_range();
      return stage == 0;
    }
    if (tag.kind() == kGStage) return false;
    if (fence.asid && (tag.kind() != 0 || tag.asid() != *fence.asid)) return false;
    // Walk caches hold pointers, which no leaf is.
    return (stage == 0 || !fence.range) && is_in_range();
  });
}

}  // namespace axvm::sim::riscv64
