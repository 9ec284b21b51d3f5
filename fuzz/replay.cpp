// Runs a harness as an ordinary test: on each file of its seed corpus, then on pseudo-random
// inputs, the same every time. Usage: replay_NAME COUNT [FILE|FOLDER…]

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

Bytes current;

/// Keeps the input that the harness died of: `./x fuzz` can run it again.
extern "C" void keep_input(int signal) {
  const int file = ::open("failing-input", O_CREAT | O_TRUNC | O_WRONLY, 0644);
  if (file >= 0 && ::write(file, current.data(), current.size()) >= 0) {
    constexpr std::string_view kNote = "the input is in the file failing-input\n";
    static_cast<void>(!::write(STDERR_FILENO, kNote.data(), kNote.size()));
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(Bytes input) {
  current = std::move(input);
  LLVMFuzzerTestOneInput(current.data(), current.size());
}

Bytes read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(stream), {});
}

/// SplitMix64.
class Random {
 public:
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e37'79b9'7f4a'7c15);
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }
  std::uint8_t byte() { return static_cast<std::uint8_t>(next()); }

 private:
  std::uint64_t state_ = 20240607;
};

Bytes noise(Random& random) {
  Bytes bytes(random.below(400));
  for (std::uint8_t& byte : bytes) byte = random.byte();
  return bytes;
}

/// A seed with a few bytes changed, inserted, removed or taken from another seed.
Bytes mutant(const std::vector<Bytes>& seeds, Random& random) {
  Bytes bytes = seeds[random.below(seeds.size())];
  for (std::size_t n = 1 + random.below(6); n > 0; --n) {
    const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(random.below(bytes.size() + 1));
    switch (random.below(4)) {
      case 0:
        if (at != bytes.end()) *at = random.byte();
        break;
      case 1: bytes.insert(at, random.byte()); break;
      case 2: {
        const auto rest = static_cast<std::size_t>(bytes.end() - at);
        bytes.erase(at, at + static_cast<std::ptrdiff_t>(random.below(std::min(rest, 8UL) + 1)));
        break;
      }
      default: {
        const Bytes& other = seeds[random.below(seeds.size())];
        const std::size_t from = random.below(other.size() + 1);
        const std::size_t length = random.below(std::min(other.size() - from, 64UL) + 1);
        const Bytes piece(other.begin() + static_cast<std::ptrdiff_t>(from),
                          other.begin() + static_cast<std::ptrdiff_t>(from + length));
        bytes.insert(at, piece.begin(), piece.end());
      }
    }
  }
  return bytes;
}

std::vector<Bytes> read_seeds(int argc, char** argv) {
  std::vector<fs::path> files;
  for (int i = 2; i < argc; ++i) {
    if (!fs::is_directory(argv[i])) {
      files.emplace_back(argv[i]);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(argv[i])) files.push_back(entry.path());
  }
  std::ranges::sort(files);  // folders have no order of their own
  std::vector<Bytes> seeds;
  for (const fs::path& file : files) seeds.push_back(read(file));
  return seeds;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t count = 0;
  const std::string_view asked = argc > 1 ? argv[1] : "";
  const auto parsed = std::from_chars(asked.data(), asked.data() + asked.size(), count);
  if (parsed.ec != std::errc() || parsed.ptr != asked.data() + asked.size()) {
    std::fprintf(stderr, "usage: %s COUNT [FILE|FOLDER…]\n", argv[0]);
    return 2;
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) {
    std::signal(signal, keep_input);
  }
  const std::vector<Bytes> seeds = read_seeds(argc, argv);
  for (const Bytes& seed : seeds) run(seed);
  Random random;
  for (std::size_t i = 0; i < count; ++i) {
    run(seeds.empty() || i % 2 == 0 ? noise(random) : mutant(seeds, random));
  }
  std::printf("%zu seeds, %zu pseudo-random inputs\n", seeds.size(), count);
}
