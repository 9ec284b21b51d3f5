#include <doctest/doctest.h>

#include <rapidcheck.h>
#include <sim/arch/aarch64/decode.hpp>
#include <string>

namespace axvm::sim::aarch64::test {

namespace {

constexpr std::uint64_t kPc = 0x4000'0000;
constexpr std::uint64_t kSp = 0xffff'8000'0000'0000;

/// Xn of the test; bit 31 is set so that sign extension shows.
constexpr std::uint64_t X(unsigned n) { return 0x1'0000'0000 * (n + 1) + 0x8000'0012 + n; }
static_assert((X(30) & 0xffff'ffff) == 0x8000'0030);

std::uint64_t read(unsigned n) { return n == 31 ? kSp : X(n); }

struct Syndrome {
  bool valid = false;
  unsigned size = 0;
  bool sign_extend = false;
  unsigned reg = 0;
  bool sixty_four = false;
  bool acquire_release = false;
  bool operator==(const Syndrome&) const = default;
};
constexpr Syndrome kNoSyndrome{};

/// L load, S store, W writeback, U unprivileged, P pair, V SIMD&FP, X exclusive, O ordered,
/// A atomic, F prefetch, Z DC ZVA, C cache maintenance.
std::string properties(const MemoryInstruction& i) {
  std::string s;
  const auto add = [&s](bool present, char letter) {
    if (present) s += letter;
  };
  add(i.is_load, 'L');
  add(i.is_store, 'S');
  add(i.is_exclusive, 'X');
  add(i.is_atomic, 'A');
  add(i.is_pair, 'P');
  add(i.is_ordered, 'O');
  add(i.is_simd, 'V');
  add(i.writeback, 'W');
  add(i.unprivileged, 'U');
  add(i.is_prefetch, 'F');
  add(i.is_dc_zva, 'Z');
  add(i.is_cache_maintenance, 'C');
  return s;
}

struct Row {
  std::uint32_t word;
  const char* properties;
  unsigned bytes;
  std::uint64_t address;
  Syndrome syndrome;
};

// Words as the GNU assembler makes them of the comments.
constexpr Row kRows[] = {
    // clang-format off
    {0xb9400020, "L", 4, X(1), {true, 2, false, 0, false, false}},  // ldr w0, [x1]
    {0xf9400862, "L", 8, X(3) + 16, {true, 3, false, 2, true, false}},  // ldr x2, [x3, #16]
    {0xb90004a4, "S", 4, X(5) + 4, {true, 2, false, 4, false, false}},  // str w4, [x5, #4]
    {0xf93fffff, "S", 8, kSp + 32760, {true, 3, false, 31, true, false}},  // str xzr, [sp, #32760]
    {0x397ffce6, "L", 1, X(7) + 4095, {true, 0, false, 6, false, false}},  // ldrb w6, [x7, #4095]
    {0x39000128, "S", 1, X(9), {true, 0, false, 8, false, false}},  // strb w8, [x9]
    {0x7940056a, "L", 2, X(11) + 2, {true, 1, false, 10, false, false}},  // ldrh w10, [x11, #2]
    {0x790001ac, "S", 2, X(13), {true, 1, false, 12, false, false}},  // strh w12, [x13]
    {0x39c001ee, "L", 1, X(15), {true, 0, true, 14, false, false}},  // ldrsb w14, [x15]
    {0x398001ee, "L", 1, X(15), {true, 0, true, 14, true, false}},  // ldrsb x14, [x15]
    {0x79c00230, "L", 2, X(17), {true, 1, true, 16, false, false}},  // ldrsh w16, [x17]
    {0x79800230, "L", 2, X(17), {true, 1, true, 16, true, false}},  // ldrsh x16, [x17]
    {0xb9800a72, "L", 4, X(19) + 8, {true, 2, true, 18, true, false}},  // ldrsw x18, [x19, #8]
    {0xf8408420, "LW", 8, X(1), kNoSyndrome},  // ldr x0, [x1], #8
    {0xf85f8c20, "LW", 8, X(1) - 8, kNoSyndrome},  // ldr x0, [x1, #-8]!
    {0xb81fc420, "SW", 4, X(1), kNoSyndrome},  // str w0, [x1], #-4
    {0x38001c20, "SW", 1, X(1) + 1, kNoSyndrome},  // strb w0, [x1, #1]!
    {0xb88ff420, "LW", 4, X(1), kNoSyndrome},  // ldrsw x0, [x1], #255
    {0xf85ff020, "L", 8, X(1) - 1, {true, 3, false, 0, true, false}},  // ldur x0, [x1, #-1]
    {0xb80ff062, "S", 4, X(3) + 255, {true, 2, false, 2, false, false}},  // stur w2, [x3, #255]
    {0x389003e4, "L", 1, kSp - 256, {true, 0, true, 4, true, false}},  // ldursb x4, [sp, #-256]
    {0xb88030a4, "L", 4, X(5) + 3, {true, 2, true, 4, true, false}},  // ldursw x4, [x5, #3]
    {0xf8408820, "LU", 8, X(1) + 8, {true, 3, false, 0, true, false}},  // ldtr x0, [x1, #8]
    {0x38000820, "SU", 1, X(1), {true, 0, false, 0, false, false}},  // sttrb w0, [x1]
    {0xb89fc820, "LU", 4, X(1) - 4, {true, 2, true, 0, true, false}},  // ldtrsw x0, [x1, #-4]
    {0xf8626820, "L", 8, X(1) + X(2), {true, 3, false, 0, true, false}},  // ldr x0, [x1, x2]
    {0xf8627820, "L", 8, X(1) + (X(2) << 3), {true, 3, false, 0, true, false}},  // ldr x0, [x1, x2, lsl #3]
    {0xb83e4820, "S", 4, X(1) + 0x8000'0030, {true, 2, false, 0, false, false}},  // str w0, [x1, w30, uxtw]
    {0xb83ed820, "S", 4, X(1) + (0xffff'ffff'8000'0030 << 2), {true, 2, false, 0, false, false}},  // str w0, [x1, w30, sxtw #2]
    {0x78a2fbe0, "L", 2, kSp + (X(2) << 1), {true, 1, true, 0, true, false}},  // ldrsh x0, [sp, x2, sxtx #1]
    {0x387f6820, "L", 1, X(1), {true, 0, false, 0, false, false}},  // ldrb w0, [x1, xzr]
    {0x18000800, "L", 4, kPc + 0x100, {true, 2, false, 0, false, false}},  // ldr w0, .+0x100
    {0x58ffffc0, "L", 8, kPc - 8, {true, 3, false, 0, true, false}},  // ldr x0, .-8
    {0x98000020, "L", 4, kPc + 4, {true, 2, true, 0, true, false}},  // ldrsw x0, .+4
    {0x9c000080, "LV", 16, kPc + 16, kNoSyndrome},  // ldr q0, .+16
    {0xd8000080, "F", 0, kPc + 16, kNoSyndrome},  // prfm pldl1keep, .+16
    {0xf9800420, "F", 0, X(1) + 8, kNoSyndrome},  // prfm pldl1keep, [x1, #8]
    {0xf8a27831, "F", 0, X(1) + (X(2) << 3), kNoSyndrome},  // prfm pstl1strm, [x1, x2, lsl #3]
    {0xf89fd020, "F", 0, X(1) - 3, kNoSyndrome},  // prfum pldl1keep, [x1, #-3]
    {0xa9400440, "LP", 16, X(2), kNoSyndrome},  // ldp x0, x1, [x2]
    {0x297f0440, "LP", 8, X(2) - 8, kNoSyndrome},  // ldp w0, w1, [x2, #-8]
    {0xa9bf7bfd, "SPW", 16, kSp - 16, kNoSyndrome},  // stp x29, x30, [sp, #-16]!
    {0xa8c17bfd, "LPW", 16, kSp, kNoSyndrome},  // ldp x29, x30, [sp], #16
    {0x69408440, "LP", 8, X(2) + 4, kNoSyndrome},  // ldpsw x0, x1, [x2, #4]
    {0xa81f8440, "SP", 16, X(2) + 504, kNoSyndrome},  // stnp x0, x1, [x2, #504]
    {0x28600440, "LP", 8, X(2) - 256, kNoSyndrome},  // ldnp w0, w1, [x2, #-256]
    {0xad200440, "SPV", 32, X(2) - 1024, kNoSyndrome},  // stp q0, q1, [x2, #-1024]
    {0x6d5f8440, "LPV", 16, X(2) + 504, kNoSyndrome},  // ldp d0, d1, [x2, #504]
    {0x2cc10440, "LPVW", 8, X(2), kNoSyndrome},  // ldp s0, s1, [x2], #8
    {0xac000440, "SPV", 32, X(2), kNoSyndrome},  // stnp q0, q1, [x2]
    {0x3dc00420, "LV", 16, X(1) + 16, kNoSyndrome},  // ldr q0, [x1, #16]
    {0x3ca27820, "SV", 16, X(1) + (X(2) << 4), kNoSyndrome},  // str q0, [x1, x2, lsl #4]
    {0xfd400420, "LV", 8, X(1) + 8, kNoSyndrome},  // ldr d0, [x1, #8]
    {0x3c001420, "SVW", 1, X(1), kNoSyndrome},  // str b0, [x1], #1
    {0x7c5fe020, "LV", 2, X(1) - 2, kNoSyndrome},  // ldur h0, [x1, #-2]
    {0x3c801020, "SV", 16, X(1) + 1, kNoSyndrome},  // stur q0, [x1, #1]
    {0xc85f7c20, "LX", 8, X(1), kNoSyndrome},  // ldxr x0, [x1]
    {0x885ffc20, "LXO", 4, X(1), kNoSyndrome},  // ldaxr w0, [x1]
    {0x085f7c20, "LX", 1, X(1), kNoSyndrome},  // ldxrb w0, [x1]
    {0xc8007c41, "SX", 8, X(2), kNoSyndrome},  // stxr w0, x1, [x2]
    {0x4800ffe1, "SXO", 2, kSp, kNoSyndrome},  // stlxrh w0, w1, [sp]
    {0xc87f0440, "LXP", 16, X(2), kNoSyndrome},  // ldxp x0, x1, [x2]
    {0x887f8440, "LXPO", 8, X(2), kNoSyndrome},  // ldaxp w0, w1, [x2]
    {0xc8200861, "SXP", 16, X(3), kNoSyndrome},  // stxp w0, x1, x2, [x3]
    {0x88208861, "SXPO", 8, X(3), kNoSyndrome},  // stlxp w0, w1, w2, [x3]
    {0xc8dffc20, "LO", 8, X(1), {true, 3, false, 0, true, true}},  // ldar x0, [x1]
    {0x48dffc20, "LO", 2, X(1), {true, 1, false, 0, false, true}},  // ldarh w0, [x1]
    {0x889ffd07, "SO", 4, X(8), {true, 2, false, 7, false, true}},  // stlr w7, [x8]
    {0x089fffe7, "SO", 1, kSp, {true, 0, false, 7, false, true}},  // stlrb w7, [sp]
    {0xc8df7c20, "LO", 8, X(1), {true, 3, false, 0, true, true}},  // ldlar x0, [x1]
    {0x089f7c20, "SO", 1, X(1), {true, 0, false, 0, false, true}},  // stllrb w0, [x1]
    {0xf8bfc020, "LO", 8, X(1), {true, 3, false, 0, true, true}},  // ldapr x0, [x1]
    {0x38bfc020, "LO", 1, X(1), {true, 0, false, 0, false, true}},  // ldaprb w0, [x1]
    {0xd95f8020, "LO", 8, X(1) - 8, {true, 3, false, 0, true, true}},  // ldapur x0, [x1, #-8]
    {0x99804020, "LO", 4, X(1) + 4, {true, 2, true, 0, true, true}},  // ldapursw x0, [x1, #4]
    {0x59002020, "SO", 2, X(1) + 2, {true, 1, false, 0, false, true}},  // stlurh w0, [x1, #2]
    {0xf8200041, "LSA", 8, X(2), kNoSyndrome},  // ldadd x0, x1, [x2]
    {0xb8e00041, "LSAO", 4, X(2), kNoSyndrome},  // ldaddal w0, w1, [x2]
    {0xf82013ff, "LSA", 8, kSp, kNoSyndrome},  // stclr x0, [sp]
    {0x38205041, "LSA", 1, X(2), kNoSyndrome},  // ldsminb w0, w1, [x2]
    {0xf8208041, "LSA", 8, X(2), kNoSyndrome},  // swp x0, x1, [x2]
    {0x78e08041, "LSAO", 2, X(2), kNoSyndrome},  // swpalh w0, w1, [x2]
    {0xc8a07c41, "LSA", 8, X(2), kNoSyndrome},  // cas x0, x1, [x2]
    {0x08e07c41, "LSAO", 1, X(2), kNoSyndrome},  // casab w0, w1, [x2]
    {0x48a0fc41, "LSAO", 2, X(2), kNoSyndrome},  // caslh w0, w1, [x2]
    {0x48207c82, "LSAP", 16, X(4), kNoSyndrome},  // casp x0, x1, x2, x3, [x4]
    {0x0860fc82, "LSAPO", 8, X(4), kNoSyndrome},  // caspal w0, w1, w2, w3, [x4]
    {0x4c407020, "LV", 16, X(1), kNoSyndrome},  // ld1 {v0.16b}, [x1]
    {0x0cdf2020, "LVW", 32, X(1), kNoSyndrome},  // ld1 {v0.8b-v3.8b}, [x1], #32
    {0x4c006820, "SV", 48, X(1), kNoSyndrome},  // st1 {v0.4s-v2.4s}, [x1]
    {0x4c408420, "LV", 32, X(1), kNoSyndrome},  // ld2 {v0.8h, v1.8h}, [x1]
    {0x0cc24020, "LVW", 24, X(1), kNoSyndrome},  // ld3 {v0.8b-v2.8b}, [x1], x2
    {0x4c000fe0, "SV", 64, kSp, kNoSyndrome},  // st4 {v0.2d-v3.2d}, [sp]
    {0x0d400c20, "LV", 1, X(1), kNoSyndrome},  // ld1 {v0.b}[3], [x1]
    {0x4d9f8420, "SVW", 8, X(1), kNoSyndrome},  // st1 {v0.d}[1], [x1], #8
    {0x0d605020, "LV", 4, X(1), kNoSyndrome},  // ld2 {v0.h, v1.h}[2], [x1]
    {0x0d00b020, "SV", 12, X(1), kNoSyndrome},  // st3 {v0.s-v2.s}[1], [x1]
    {0x0d60a420, "LV", 32, X(1), kNoSyndrome},  // ld4 {v0.d-v3.d}[0], [x1]
    {0x4d40c820, "LV", 4, X(1), kNoSyndrome},  // ld1r {v0.4s}, [x1]
    {0x4d60e020, "LV", 4, X(1), kNoSyndrome},  // ld4r {v0.16b-v3.16b}, [x1]
    {0xf8201420, "L", 8, X(1) + 8, {true, 3, false, 0, true, false}},  // ldraa x0, [x1, #8]
    {0xf8e00c20, "LW", 8, X(1) - 4096, kNoSyndrome},  // ldrab x0, [x1, #-4096]!
    {0xd50b7425, "SZ", 64, X(5), kNoSyndrome},  // dc zva, x5
    {0xd50b7e25, "LC", 0, X(5), kNoSyndrome},  // dc civac, x5
    {0xd50b7a20, "LC", 0, X(0), kNoSyndrome},  // dc cvac, x0
    {0xd50b7b20, "LC", 0, X(0), kNoSyndrome},  // dc cvau, x0
    {0xd508763f, "LC", 0, 0, kNoSyndrome},  // dc ivac, xzr
    {0xd508781f, "LC", 0, 0, kNoSyndrome},  // at s1e1r, xzr
    {0xd50b753d, "LC", 0, X(29), kNoSyndrome},  // ic ivau, x29
    // clang-format on
};

}  // namespace

TEST_CASE("loads, stores and cache instructions") {
  for (const Row& row : kRows) {
    CAPTURE(row.word);
    const auto i = decode_memory_instruction(row.word);
    REQUIRE(i.has_value());
    CHECK(properties(*i) == row.properties);
    CHECK(i->access_bytes == row.bytes);
    CHECK(i->address(read, kPc) == row.address);
    const Syndrome syndrome{i->syndrome_valid,  i->access_size, i->sign_extend,
                            i->register_number, i->sixty_four,  i->acquire_release};
    CHECK((syndrome == row.syndrome));
  }
}

TEST_CASE("everything else is no memory instruction") {
  constexpr std::uint32_t kOthers[] = {
      // clang-format off
      0xd503201f,  // nop
      0x8b020020,  // add x0, x1, x2
      0x14000000,  // b .
      0xd4000001,  // svc #0
      0xd53b0020,  // mrs x0, ctr_el0
      0xd508751f,  // ic iallu
      0xd5087640,  // dc isw, x0
      0xd508871f,  // tlbi vmalle1
      0x1e622820,  // fadd d0, d1, d2
      0xd5033fdf,  // isb
      0x00000000,  // unallocated or later than Armv8.4
      0xfcc00000,  // unallocated or later than Armv8.4
      0xb9c00000,  // unallocated or later than Armv8.4
      0xf9c00000,  // unallocated or later than Armv8.4
      0xbcc00800,  // unallocated or later than Armv8.4
      0xf8200800,  // unallocated or later than Armv8.4
      0x6bc00000,  // unallocated or later than Armv8.4
      0xe9400000,  // unallocated or later than Armv8.4
      0x69000000,  // unallocated or later than Armv8.4
      0x0c401000,  // unallocated or later than Armv8.4
      0xdc000000,  // unallocated or later than Armv8.4
      0xd9200000,  // unallocated or later than Armv8.4
      0xf83f9000,  // unallocated or later than Armv8.4
      0x08a00000,  // unallocated or later than Armv8.4
      // clang-format on
  };
  for (const std::uint32_t word : kOthers) {
    CAPTURE(word);
    CHECK_FALSE(decode_memory_instruction(word).has_value());
  }
}

TEST_CASE("decoding is total and consistent") {
  CHECK(rc::check([] {
    // Mostly words of the loads and stores group.
    const auto noise = *rc::gen::arbitrary<std::uint32_t>();
    const auto word = *rc::gen::element(noise, (noise & ~0x0200'0000U) | 0x0800'0000U,
                                        0xd508'7000U | (noise & 0x0007'0fffU));
    const auto i = decode_memory_instruction(word);
    if (!i) return;
    RC_ASSERT(i->is_load || i->is_store || i->is_prefetch);
    RC_ASSERT(i->access_bytes <= 64);
    RC_ASSERT((i->access_bytes == 0) == (i->is_prefetch || i->is_cache_maintenance));
    RC_ASSERT(i->rn < 32 && i->rm < 32 && i->shift <= 4);
    if (i->syndrome_valid) {
      RC_ASSERT(i->is_load != i->is_store);
      RC_ASSERT(!i->writeback && !i->is_pair && !i->is_simd && !i->is_exclusive && !i->is_atomic);
      RC_ASSERT(i->access_bytes == 1U << i->access_size);
    } else {
      RC_ASSERT(!i->sign_extend && !i->sixty_four && !i->acquire_release);
    }
  }));
}

}  // namespace axvm::sim::aarch64::test
