#pragma once

#include <axvm/config.hpp>
#include <axvm/result.hpp>
#include <expected>

namespace axvm {

/// The error for a kind of device that this build does not emulate; its detail names the kind.
[[nodiscard]] std::unexpected<Error> unsupported_device(EmulatedDeviceType type) noexcept;

}  // namespace axvm
