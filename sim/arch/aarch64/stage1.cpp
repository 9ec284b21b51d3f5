#include <sim/arch/aarch64/stage1.hpp>
#include <sim/bits.hpp>

namespace axvm::sim::aarch64 {

namespace {

constexpr std::uint64_t kBaddr = 0x0000'ffff'ffff'fffe;  // TTBRn_EL1 bits 47:1

/// The level that resolves the top bits of an `input_bits` wide address.
constexpr unsigned start_level(unsigned input_bits) noexcept {
  return kLastLevel - (input_bits - kGranuleBits - 1) / kIndexBits;
}
static_assert(start_level(48) == 0 && start_level(40) == 0 && start_level(39) == 1);
static_assert(start_level(31) == 1 && start_level(30) == 2 && start_level(25) == 2);

Stage1Half half_of(std::uint64_t ttbr, std::uint64_t tcr, bool upper, unsigned output_bits,
                   bool may_disable_hierarchy) noexcept {
  const unsigned base = upper ? 16 : 0;
  const auto size = static_cast<unsigned>(field(tcr, base + 5, base));
  // A size out of bounds is a level 0 translation fault (DDI 0487 D8.2.4 allows this choice).
  const bool usable = size >= 16 && size <= 39 && !bit(tcr, base + 7);
  const unsigned input_bits = usable ? 64 - size : 48;

  Stage1Half half;
  half.input_bits = static_cast<std::uint8_t>(input_bits);
  half.start_level = static_cast<std::uint8_t>(start_level(input_bits));
  half.input_limit = usable ? std::uint64_t{1} << input_bits : 0;
  half.sign = upper ? ~std::uint64_t{0} : 0;
  half.top_byte_ignored = bit(tcr, upper ? 38 : 37);
  half.hierarchical = !(may_disable_hierarchy && bit(tcr, upper ? 42 : 41));
  const std::uint64_t table_bytes = std::uint64_t{8}
                                    << (input_bits - level_shift(half.start_level));
  half.table = ttbr & kBaddr & ~(table_bytes - 1);
  half.table_oversized = ((ttbr & kBaddr) >> output_bits) != 0;
  return half;
}

}  // namespace

Stage1::Stage1(const Registers& registers, const Features& features) noexcept {
  const std::uint64_t tcr = registers.tcr_el1;
  const bool dc = bit(registers.hcr_el2, 12);
  enabled = bit(registers.sctlr_el1, 0) && !dc;
  wxn = bit(registers.sctlr_el1, 19);
  big_endian = bit(registers.sctlr_el1, 25);
  flat_memory = dc ? kNormalWriteBack : 0;
  mair = registers.mair_el1;

  const unsigned output_bits =
      address_bits(static_cast<unsigned>(field(tcr, 34, 32)), features.pa_bits);
  masks = DescriptorMasks{output_bits};
  half[0] = half_of(registers.ttbr0_el1, tcr, false, output_bits, features.hierarchical_disable);
  half[1] = half_of(registers.ttbr1_el1, tcr, true, output_bits, features.hierarchical_disable);

  const std::uint64_t tagged = bit(tcr, 22) ? registers.ttbr1_el1 : registers.ttbr0_el1;
  asid = static_cast<std::uint16_t>(field(tagged, bit(tcr, 36) ? 63 : 55, 48));
}

}  // namespace axvm::sim::aarch64
