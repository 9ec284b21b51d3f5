#include <axvm/result.hpp>

namespace axvm {

std::string_view to_string(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::AlreadyExists: return "AlreadyExists";
    case ErrorKind::BadAddress: return "BadAddress";
    case ErrorKind::BadState: return "BadState";
    case ErrorKind::InvalidData: return "InvalidData";
    case ErrorKind::InvalidInput: return "InvalidInput";
    case ErrorKind::NoMemory: return "NoMemory";
    case ErrorKind::NotFound: return "NotFound";
    case ErrorKind::OutOfRange: return "OutOfRange";
    case ErrorKind::ResourceBusy: return "ResourceBusy";
    case ErrorKind::Unsupported: return "Unsupported";
  }
  return "Unknown";
}

}  // namespace axvm
