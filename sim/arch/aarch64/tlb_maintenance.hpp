#pragma once
// TLB maintenance as instructions ask for it (DDI 0487 D8.17), for whoever remembers translations
// beside the strict TLB.

#include <cstdint>

namespace axvm::sim::aarch64 {

struct TlbMaintenance {
  enum class Op : std::uint8_t {
    VMALLE1,
    ASIDE1,
    VAE1,
    VALE1,
    VAAE1,
    VAALE1,
    IPAS2E1,
    VMALLS12E1,
    ALLE1,
  };
  Op op = Op::ALLE1;
  std::uint16_t vmid = 0;
  std::uint16_t asid = 0;     ///< of ASIDE1, VAE1, VALE1
  std::uint64_t address = 0;  ///< the whole address: of IPAS2E1 an IPA, of others a VA
};

class MaintenanceObserver {
 public:
  MaintenanceObserver() = default;
  MaintenanceObserver(const MaintenanceObserver&) = delete;
  MaintenanceObserver& operator=(const MaintenanceObserver&) = delete;
  virtual ~MaintenanceObserver() = default;
  virtual void forget(const TlbMaintenance& maintenance) = 0;
};

}  // namespace axvm::sim::aarch64
