#pragma once
// Errors as values: every fallible operation of the core returns a Result.

#include <cstdint>
#include <expected>
#include <string_view>

namespace axvm {

// Text with its length: a plain literal would need strlen, which bare metal does not have.
using namespace std::string_view_literals;

/// Kinds of failure, named as upstream's AxError names them.
enum class ErrorKind : std::uint8_t {
  AlreadyExists,  ///< the thing to be made is there already (a mapping, a VM id)
  BadAddress,     ///< an address that nothing backs
  BadState,       ///< the object's state does not admit the operation
  InvalidData,    ///< data (an image, a table) is malformed
  InvalidInput,   ///< an argument is outside its documented range
  NoMemory,       ///< an allocator returned null
  NotFound,       ///< no object of that name or address
  OutOfRange,     ///< an index or address is beyond the end
  ResourceBusy,   ///< somebody else holds it
  Unsupported,    ///< neither this hardware nor this build can do it
};

/// The kind's name, as written in reports ("InvalidInput").
[[nodiscard]] std::string_view to_string(ErrorKind kind) noexcept;

/// What failed, where, and why. All text is static: an Error allocates nothing.
struct Error {
  ErrorKind kind;
  std::string_view operation;  ///< what was attempted ("map", "boot")
  std::string_view detail;     ///< what was wrong and what was expected

  friend constexpr bool operator==(const Error&, const Error&) = default;
};

/// A value or an Error. Use `has_value()`, `*r`, `r.error()`; `.value()` throws and is banned.
template <class T = void>
using Result = std::expected<T, Error>;

/// `return fail(ErrorKind::BadState, "boot", "VM is already running");`
[[nodiscard]] constexpr std::unexpected<Error> fail(ErrorKind kind, std::string_view operation,
                                                    std::string_view detail) noexcept {
  return std::unexpected(Error{kind, operation, detail});
}

}  // namespace axvm
