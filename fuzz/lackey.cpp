// Any bytes as a trace of valgrind's lackey: the laws of traces; a line has at most two accesses.

#include <fuzz/trace.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // " M 0,1" and its end.
  axvm::fuzz::check_trace(std::as_bytes(std::span(data, size)), 3, axvm::lab::read_lackey);
  return 0;
}
