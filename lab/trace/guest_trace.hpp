#pragma once
// What a guest has accessed, as `axvm run --record-stream` writes it.
//
// A file begins with the four bytes "AXS1". Each access then is a number of one byte or more: seven
// bits each, the lowest first, bit 7 set in all but the last. In the first byte bits 6:5 are the
// kind (0 fetch, 1 load, 2 store) and bits 4:0 the lowest of the number, which is the distance from
// the last address of that kind (at first 0) modulo 2^64, as zigzag: 2 d for d >= 0, -2 d - 1 else.
// Kind 3 ends the file; its number is that of all accesses.

#include <array>
#include <cstdint>
#include <functional>
#include <sim/timing/counters.hpp>
#include <string>
#include <string_view>

namespace axvm::lab {

class GuestTraceWriter {
 public:
  using Sink = std::function<void(std::string_view bytes)>;
  explicit GuestTraceWriter(Sink sink);
  void add(sim::timing::Access access, std::uint64_t va);
  /// The end; nothing comes after it.
  void finish();

 private:
  void number(unsigned kind, std::uint64_t value);
  void flush();

  Sink sink_;
  std::string buffer_;
  std::array<std::uint64_t, 3> last_{};  // address, by kind
  std::uint64_t count_ = 0;
};

}  // namespace axvm::lab
