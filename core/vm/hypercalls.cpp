#include <core/vm/hypercalls.hpp>

namespace axvm {

std::string_view to_string(Hypercall call) noexcept {
  switch (call) {
    case Hypercall::HypervisorDisable: return "HypervisorDisable"sv;
    case Hypercall::HypervisorPrepareDisable: return "HyperVisorPrepareDisable"sv;
    case Hypercall::HypervisorDebug: return "HyperVisorDebug"sv;
    case Hypercall::IvcPublishChannel: return "HIVCPublishChannel"sv;
    case Hypercall::IvcSubscribeChannel: return "HIVCSubscribChannel"sv;
    case Hypercall::IvcUnpublishChannel: return "HIVCUnPublishChannel"sv;
    case Hypercall::IvcUnsubscribeChannel: return "HIVCUnSubscribChannel"sv;
    case Hypercall::IvcNotify: return "HIVCNotify"sv;
  }
  return {};
}

HypercallStatus hypercall_status(const Result<>& result) noexcept {
  if (result) return HypercallStatus::Success;
  switch (result.error().kind) {
    case ErrorKind::AlreadyExists: return HypercallStatus::AlreadyExists;
    case ErrorKind::BadAddress: return HypercallStatus::InvalidAddress;
    case ErrorKind::BadState: return HypercallStatus::Denied;
    case ErrorKind::NoMemory: return HypercallStatus::NoMemory;
    case ErrorKind::NotFound: return HypercallStatus::NotFound;
    case ErrorKind::ResourceBusy: return HypercallStatus::Busy;
    case ErrorKind::Unsupported: return HypercallStatus::NotSupported;
    case ErrorKind::InvalidData:
    case ErrorKind::InvalidInput:
    case ErrorKind::OutOfRange: return HypercallStatus::InvalidParameters;
  }
  return HypercallStatus::NotSupported;
}

}  // namespace axvm
