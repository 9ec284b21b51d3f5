#include <sim/arch/aarch64/stage2.hpp>
#include <sim/bits.hpp>

namespace axvm::sim::aarch64 {

namespace {

constexpr std::uint64_t kBaddr = 0x0000'ffff'ffff'fffe;  // VTTBR_EL2 bits 47:1

/// SL0 with T0SZ: the root may be up to 16 concatenated tables and must resolve at least one bit
/// (DDI 0487 D8.2.2; S2InconsistentSL in the pseudocode).
constexpr bool sizes_fit(unsigned start_level, unsigned input_bits) noexcept {
  const unsigned below = level_shift(start_level);
  return input_bits >= below + 1 && input_bits <= below + kIndexBits + 4;
}
static_assert(sizes_fit(1, 40) && sizes_fit(1, 43) && !sizes_fit(1, 44));
static_assert(sizes_fit(0, 48) && !sizes_fit(0, 39) && sizes_fit(2, 34) && !sizes_fit(2, 35));

}  // namespace

Stage2::Stage2(const Registers& registers, const Features& features) noexcept {
  const std::uint64_t hcr = registers.hcr_el2;
  const std::uint64_t vtcr = registers.vtcr_el2;
  const std::uint64_t vttbr = registers.vttbr_el2;
  enabled = bit(hcr, 0) || bit(hcr, 12);  // HCR_EL2.DC implies VM
  protect_walks = bit(hcr, 2);
  vmid = static_cast<std::uint16_t>(field(vttbr, features.vmid16 && bit(vtcr, 19) ? 63 : 55, 48));

  const unsigned output_bits =
      address_bits(static_cast<unsigned>(field(vtcr, 18, 16)), features.pa_bits);
  masks = DescriptorMasks{output_bits};

  const auto size = static_cast<unsigned>(field(vtcr, 5, 0));
  const auto sl0 = static_cast<unsigned>(field(vtcr, 7, 6));
  const unsigned bits = 64 - size;
  const unsigned start = sl0 == 3 ? kLastLevel : 2 - sl0;
  // SL0 = 0b11 is reserved; level 0 needs physical addresses of 44 bits (S2InvalidSL).
  const bool usable = sl0 != 3 && !(sl0 == 2 && features.pa_bits < 44) && size <= 39 &&
                      bits <= features.pa_bits && sizes_fit(start, bits);
  start_level = static_cast<std::uint8_t>(usable ? start : 2);
  input_bits = static_cast<std::uint8_t>(usable ? bits : 32);
  input_limit = usable ? std::uint64_t{1} << bits : 0;
  const std::uint64_t table_bytes = std::uint64_t{8} << (input_bits - level_shift(start_level));
  table = vttbr & kBaddr & ~(table_bytes - 1);
  table_oversized = ((vttbr & kBaddr) >> output_bits) != 0;
}

}  // namespace axvm::sim::aarch64
