#include <bit>
#include <sim/arch/aarch64/guest_timing.hpp>
#include <sim/arch/aarch64/table_formats.hpp>
#include <utility>

namespace axvm::sim::aarch64 {
namespace {

using Kind = timing::Access;
using timing::PageCache;

constexpr std::size_t kStage2 = 2;  // in tables and formats

timing::Descriptor decode_swapped(std::uint64_t entry, unsigned height) noexcept {
  return table_formats::decode<12, 2>(__builtin_bswap64(entry), height);
}

}  // namespace

void GuestTiming::set_profile(const timing::Profile& profile) {
  profile_ = profile;
  mmu_.emplace(profile, memory_);
  enter_context();
}

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
  context.vm = regime.stage2_tag;
  context.asid = stage1.enabled ? regime.asid_tag : regime.stage2_tag;
  context.global = stage1.enabled ? regime.global_tag : regime.stage2_tag;
  return context;
}

void GuestTiming::set_regime(const Regime& regime) {
  Context context = context_of(regime);
  if (context == context_) return;
  context_ = context;
  enter_context();
}

void GuestTiming::enter_context() {
  line_ = kNoLine;
  if (!mmu_) return;
  // Numbers of tags come first: the last one may be what makes all others be forgotten.
  const std::size_t known = tags_.size();
  timing::Spaces spaces{number_of(context_.asid), number_of(context_.global),
                        number_of(context_.vm)};
  if (tags_.size() < known) {
    spaces = {number_of(context_.asid), number_of(context_.global), number_of(context_.vm)};
  }
  mmu_->set_context(stage(0), stage(1), stage(kStage2), spaces);
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

timing::SpaceNumber GuestTiming::number_of(TlbTag tag) {
  if (const auto known = numbers_.find(tag); known != numbers_.end()) return known->second;
  if (tags_.size() >> timing::kSpaceBits != 0) {
    mmu_->invalidate_all();
    numbers_.clear();
    tags_.resize(1);
  }
  const auto number = static_cast<timing::SpaceNumber>(tags_.size());
  tags_.push_back(tag);
  numbers_.emplace(tag, number);
  return number;
}

void GuestTiming::forget(const TlbMaintenance& maintenance) {
  using Op = TlbMaintenance::Op;
  const Op op = maintenance.op;
  const std::uint64_t address = maintenance.address;
  line_ = kNoLine;
  if (!mmu_) return;
  if (op == Op::ALLE1) return mmu_->invalidate_all();
  const bool by_va = op == Op::VAE1 || op == Op::VALE1 || op == Op::VAAE1 || op == Op::VAALE1;
  const bool last_level = op == Op::VALE1 || op == Op::VAALE1;
  const bool by_asid = op == Op::ASIDE1 || op == Op::VAE1 || op == Op::VALE1;
  mmu_->forget_if([&](const PageCache::Entry& entry, unsigned stage) {
    const TlbTag tag = tags_[entry.space];
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

template <class F>
void GuestTiming::for_each_line(unsigned bytes, F&& f) {
  constexpr std::uint64_t kLine = 1U << kLineShift;
  const std::uint64_t end = address_ % kLine + bytes;
  f(significant(address_));
  for (std::uint64_t line = kLine; line < end; line += kLine) {
    f(significant(address_ - address_ % kLine + line));
  }
}

void GuestTiming::advance(std::uint64_t retired) {
  if (retired <= retired_) return;
  if (mmu_) mmu_->advance(retired - retired_);
  retired_ = retired;
}

void GuestTiming::fetch(std::uint64_t pc, std::uint64_t retired) {
  line_ = pc >> kLineShift;
  advance(retired);
  const std::uint64_t va = significant(pc);
  if (mmu_) mmu_->fetch(va);
  if (listener_) listener_(Kind::Fetch, va);
}

void GuestTiming::settle(std::uint64_t retired) {
  const unsigned bytes = std::exchange(bytes_, 0);
  if (bytes == 0 || retired == number_) return;
  advance(number_);
  for_each_line(bytes, [&](std::uint64_t va) {
    const Kind kind = store_ ? Kind::Store : Kind::Load;
    if (mmu_) static_cast<void>(mmu_->access(va, kind));
    if (listener_) listener_(kind, va);
  });
  // The access has begun in the instruction's own cycle.
  retired_ = number_ + 1;
}

void GuestTiming::refuse(std::uint64_t retired) {
  const unsigned bytes = std::exchange(bytes_, 0);
  if (bytes == 0 || retired != number_) return;
  advance(retired);
  for_each_line(bytes, [&](std::uint64_t va) {
    if (mmu_) mmu_->refuse(va, store_ ? Kind::Store : Kind::Load);
  });
}

void GuestTiming::refuse_fetch(std::uint64_t pc, std::uint64_t retired) {
  settle(retired);
  advance(retired);
  if (mmu_) mmu_->refuse(significant(pc), Kind::Fetch);
}

void GuestTiming::stop(std::uint64_t retired) {
  settle(retired);
  advance(retired);
}

void GuestTiming::restart(std::uint64_t retired) {
  bytes_ = 0;
  line_ = kNoLine;
  retired_ = retired;
  // What it knows is of a memory that is no more.
  if (mmu_) set_profile(timing::Profile(profile_));
}

}  // namespace axvm::sim::aarch64
