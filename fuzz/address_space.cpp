// Any sequence of changes to an address space and of accesses to it, with an allocator that fails
// at any point, agrees with a model of single pages.

#include <fuzz/space_world.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axvm::fuzz::Input input(data, size);
  axvm::fuzz::SpaceWorld world(input);
  for (int steps = 0; steps < 200 && !input.empty(); ++steps) world.step();
  world.check_all();
  return 0;
}
