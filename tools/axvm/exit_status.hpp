#pragma once
// What the command says to whoever started it.

namespace axvm::tool {

inline constexpr int kPoweredOff = 0;   ///< the guest switched itself off; the check passed
inline constexpr int kGuestFailed = 1;  ///< fault, reset, endless wait, engine failure, lost output
inline constexpr int kBadUsage = 2;     ///< bad arguments, configuration or files
inline constexpr int kLimitReached = 3;  ///< --max-instructions

inline constexpr int kSignalled = 128;  ///< plus the signal's number, as shells report it

}  // namespace axvm::tool
