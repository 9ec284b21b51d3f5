// Any program at EL1 on a small machine ends by itself, at the limit or in a report about the
// guest. The first eight bytes choose a program (tests/guests/hostile), each further six replace a
// word of it: where, and by what.

#include <cstring>
#include <fuzz/input.hpp>
#include <tests/guests/hostile/machine.hpp>
#include <tests/guests/hostile/program.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace axvm::test::hostile;
  axvm::fuzz::Input input(data, size);
  const auto seed = input.take<std::uint64_t>();
  std::vector<std::uint8_t> image = make_program(seed);
  while (!input.empty()) {
    const std::size_t at = input.take<std::uint16_t>() % (image.size() / 4) * 4;
    const auto word = input.take<std::uint32_t>();
    std::memcpy(image.data() + at, &word, sizeof word);
  }
  const Report report = run(seed, image, {.instructions = 5'000});
  axvm::fuzz::require(report.is_guests_doing(), "whatever a guest does is the guest's doing");
  return 0;
}
