#include <cstdio>
#include <cstdlib>
#include <hal-sim/vmm_defect.hpp>

namespace axvm::hal_sim {

void vmm_defect(std::string_view what) {
  std::fprintf(stderr, "axvm: defect in the VMM: %.*s\n", static_cast<int>(what.size()),
               what.data());
  std::abort();
}

}  // namespace axvm::hal_sim
