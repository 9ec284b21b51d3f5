// Any bytes as a trace of ChampSim: the laws of traces; an instruction has at most seven accesses.

#include <fuzz/trace.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axvm::fuzz::check_trace(std::as_bytes(std::span(data, size)), 64 / 7, axvm::lab::read_champsim);
  return 0;
}
