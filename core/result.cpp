#include <axvm/result.hpp>

namespace axvm {

std::string_view to_string(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::AlreadyExists: return "AlreadyExists"sv;
    case ErrorKind::BadAddress: return "BadAddress"sv;
    case ErrorKind::BadState: return "BadState"sv;
    case ErrorKind::InvalidData: return "InvalidData"sv;
    case ErrorKind::InvalidInput: return "InvalidInput"sv;
    case ErrorKind::NoMemory: return "NoMemory"sv;
    case ErrorKind::NotFound: return "NotFound"sv;
    case ErrorKind::OutOfRange: return "OutOfRange"sv;
    case ErrorKind::ResourceBusy: return "ResourceBusy"sv;
    case ErrorKind::Unsupported: return "Unsupported"sv;
  }
  return "Unknown"sv;
}

}  // namespace axvm
