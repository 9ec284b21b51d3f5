// Any bytes as a compressed trace: unpacked or refused, the same in any pieces.

#include <algorithm>
#include <fuzz/input.hpp>
#include <lab/trace/byte_source.hpp>
#include <string>
#include <vector>

namespace {

using axvm::fuzz::require;
using namespace axvm::lab;

struct Unpacked {
  std::string text;    ///< the first of it
  std::string reason;  ///< that it has no more; empty at the end
};

Unpacked unpack(ByteSource& source, std::size_t at_once) {
  constexpr std::size_t kEnough = 1U << 16;
  Unpacked unpacked;
  std::vector<std::byte> buffer(at_once);
  while (unpacked.text.size() < kEnough) {
    const auto size = source.read(buffer);
    if (!size) {
      unpacked.reason = size.error();
      require(!unpacked.reason.empty() && unpacked.reason.find('\n') == std::string::npos,
              "a reason is one line");
      break;
    }
    require(*size <= at_once, "no more is read than there is room for");
    if (*size == 0) break;
    unpacked.text.append(reinterpret_cast<const char*>(buffer.data()), *size);
  }
  return unpacked;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  for (const auto make : {gunzipped, unzstded}) {
    const Unpacked one = unpack(*make(from_memory(bytes)), 1);
    const Unpacked many = unpack(*make(from_memory(bytes)), 4096);
    // What was unpacked before the damage may be lost with it.
    const std::size_t common = std::min(one.text.size(), many.text.size());
    require(one.text.compare(0, common, many.text, 0, common) == 0, "pieces change nothing");
    if (one.reason.empty() && many.reason.empty() && one.text.size() < many.text.size()) {
      require(one.text.size() >= 1U << 16, "pieces lose nothing");
    }
  }
  return 0;
}
