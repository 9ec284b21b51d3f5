#include <fmt/format.h>

#include <explain/aarch64/layouts.hpp>

namespace axvm::explain::aarch64 {

namespace {

std::string class_text(std::uint64_t, std::uint64_t ec) {
  return std::string(exception_class_text(ec));
}

// What EC, IL and ISS are is the same at all Exception levels.
constexpr Field kFields[] = {
    res0(63, 56),
    {.high = 55,
     .low = 32,
     .name = "ISS2",
     .about = "more of the syndrome, where FEAT_LS64, FEAT_S1PIE and their like are implemented"},
    {.high = 31, .low = 26, .name = "EC", .about = "exception class", .meaning = class_text},
    flag(25, "IL", "instruction length", "32-bit, or not known", "16-bit"),
    {.high = 24, .low = 0, .name = "ISS", .about = "syndrome, by exception class"},
};
static_assert(is_exact(kFields));

constexpr Layout kEl2{"Exception Syndrome Register (EL2)", "Arm ARM, ESR_EL2", kFields, iss_layout};
constexpr Layout kEl1{"Exception Syndrome Register (EL1)", "Arm ARM, ESR_EL1", kFields, iss_layout};

}  // namespace

const Layout& esr_el2(std::uint64_t) { return kEl2; }
const Layout& esr_el1(std::uint64_t) { return kEl1; }

}  // namespace axvm::explain::aarch64
