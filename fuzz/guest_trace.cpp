// Any bytes as a recorded stream of a guest: the laws of traces; an access takes a byte at least.

#include <fuzz/trace.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axvm::fuzz::check_trace(std::as_bytes(std::span(data, size)), 1, axvm::lab::read_guest_trace);
  return 0;
}
