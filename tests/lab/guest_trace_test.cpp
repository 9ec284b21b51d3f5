#include <doctest/doctest.h>

#include <lab/trace/guest_trace.hpp>
#include <lab/trace/trace_reader.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace axvm::lab::test {
namespace {

using sim::timing::Access;
using Accesses = std::vector<std::pair<Access, std::uint64_t>>;

std::string written(const Accesses& accesses) {
  std::string bytes;
  GuestTraceWriter writer([&](std::string_view more) { bytes += more; });
  for (const auto& [access, va] : accesses) writer.add(access, va);
  writer.finish();
  return bytes;
}

/// What is read, `batch` at a time; the error instead.
std::pair<Accesses, std::string> read(const std::string& bytes, std::size_t batch = 7) {
  const auto reader = read_guest_trace("guest.axs", from_memory(std::as_bytes(std::span(bytes))));
  std::vector<Reference> references(batch);
  Accesses accesses;
  for (;;) {
    const auto count = reader->read(references);
    if (!count) return {{}, count.error()};
    if (*count == 0) return {accesses, ""};
    for (std::size_t i = 0; i < *count; ++i) {
      accesses.emplace_back(references[i].access, references[i].offset);
    }
  }
}

}  // namespace

TEST_CASE("a recorded stream is read as it was written, whatever its addresses") {
  const Accesses accesses{{Access::Fetch, 0x8000'0800'0000},
                          {Access::Load, 0x40'0008},
                          {Access::Store, 0x8000'0820'1234},
                          {Access::Load, 0xffff'ffff'ffff},
                          {Access::Load, 0},
                          {Access::Store, 1}};
  for (const std::size_t batch : {1U, 2U, 100U})
    CHECK(read(written(accesses), batch).first == accesses);
  // Of a kernel's address 48 bits are left.
  CHECK(read(written({{Access::Load, 0xffff'8000'1234'5678}})).first ==
        Accesses{{Access::Load, 0x8000'1234'5678}});
}

TEST_CASE("a long recorded stream is a byte or two for each line of code") {
  Accesses accesses;
  for (std::uint64_t line = 0; line < 100'000; ++line) {
    accesses.emplace_back(Access::Fetch, 0x4008'0000 + line * 64);
  }
  const std::string bytes = written(accesses);
  CHECK(bytes.size() < 2 * accesses.size() + 16);
  CHECK(read(bytes, 1024).first == accesses);
}

TEST_CASE("a recorded stream that is cut or damaged is one line with the place") {
  const std::string good = written({{Access::Load, 0x1234'5678}});
  CHECK(read("").second == "guest.axs: byte 0: the file ends within the trace");
  CHECK(read("AXS2").second ==
        "guest.axs: byte 4: this is no recorded stream, expected \"AXS1\" at its beginning");
  for (std::size_t size = 4; size < good.size(); ++size) {
    CHECK(read(good.substr(0, size)).second.find("the file ends within the trace") !=
          std::string::npos);
  }
  CHECK(read(good + good).second.find("the file goes on behind the end") != std::string::npos);
  CHECK(read("AXS1\x20\x65").second == "guest.axs: byte 6: there were 1 accesses, expected 5");
  CHECK(read("AXS1" + std::string(40, '\xff')).second.find("the number is too large") !=
        std::string::npos);
  CHECK(read(written({})).second.empty());
}

}  // namespace axvm::lab::test
