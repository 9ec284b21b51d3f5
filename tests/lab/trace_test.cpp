#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cstring>
#include <lab/experiment.hpp>
#include <lab/result.hpp>
#include <lab/trace/trace_reader.hpp>
#include <lab/trace/trace_stream.hpp>
#include <string>
#include <tests/support/temporary_folder.hpp>
#include <vector>

namespace axvm::lab::test {
namespace {

using axvm::test::TemporaryFolder;
using sim::timing::Access;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// "F401b770 L1000 S1000*", or what is wrong; `batch` at a time.
std::string told(TraceReader& reader, std::size_t batch = 3) {
  std::string text;
  std::vector<Reference> references(batch);
  for (;;) {
    const auto count = reader.read(references);
    if (!count) return text + count.error();
    if (*count == 0) return text;
    for (const Reference& reference : std::span(references).first(*count)) {
      text += fmt::format("{}{:x}{} ", "FLS"[static_cast<int>(reference.access)], reference.offset,
                          reference.waits ? "*" : "");
    }
  }
}
std::string lackey(const std::string& text) {
  return told(*read_lackey("t.lackey", from_memory(bytes_of(text))), 1);
}
std::string champsim(const std::string& text) {
  return told(*read_champsim("t", from_memory(bytes_of(text))), 1);
}

struct Instruction {
  std::uint64_t ip = 0;
  std::array<std::uint64_t, 2> stores{};
  std::array<std::uint64_t, 4> loads{};
};
std::string packed(const Instruction& instruction) {
  std::string text(64, '\0');
  std::memcpy(text.data(), &instruction.ip, 8);
  std::memcpy(text.data() + 16, instruction.stores.data(), 16);
  std::memcpy(text.data() + 32, instruction.loads.data(), 32);
  return text;
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

constexpr const char* kLines =
    "==7== Lackey, an example Valgrind tool\n"
    "I  04001090,3\n"
    " L 7ffffefff80,8\n"
    " S 7ffffefff78,8\n"
    "\n"
    " M 0421c7cc,4\n"
    "I  04001093,5\n";
constexpr const char* kTold = "F4001090 L7ffffefff80 S7ffffefff78 L421c7cc S421c7cc* F4001093 ";

std::string all_of(ByteSource& source, std::size_t at_once) {
  std::string text;
  std::vector<std::byte> buffer(at_once);
  for (;;) {
    const auto size = source.read(buffer);
    if (!size) return size.error();
    if (*size == 0) return text;
    text.append(reinterpret_cast<const char*>(buffer.data()), *size);
  }
}

}  // namespace

TEST_CASE("a trace of lackey: fetches, loads, stores, and loads and stores of the same bytes") {
  CHECK(lackey(kLines) == kTold);
  for (std::size_t batch = 1; batch < 8; ++batch) {
    CHECK(told(*read_lackey("t", from_memory(bytes_of(kLines))), batch) == kTold);
  }
}

TEST_CASE("a malformed trace of lackey is one line with the line's number") {
  const std::string expected =
      ", expected \"I  ADDRESS,SIZE\", or \" L \", \" S \" or \" M \" and the same";
  for (const std::string line :
       {"I 4001090,3", "hello", " X 10,4", " L 10", " L ,4", " L 10,", " L 10,0", " L 10,4 ",
        " L 11112222333344445,4", " L 10,70000", "L 10,4", " L  10,4"}) {
    CHECK(lackey("I  10,4\n" + line + "\n") == "F10 t.lackey:2: is \"" + line + "\"" + expected);
  }
  CHECK(lackey("\x1b[31m\n") == "t.lackey:1: is \"?[31m\"" + expected);
  CHECK(lackey(std::string(50, 'x') + "\n") ==
        "t.lackey:1: is \"" + std::string(40, 'x') + "...\"" + expected);
  CHECK(lackey("I  10,4\n L 20,1") == "F10 t.lackey:2: the file ends within the line");
  CHECK(lackey(std::string(5000, 'x')) == "t.lackey:1: is a line of more than 4096 bytes");
}

TEST_CASE("a trace of ChampSim: an instruction is fetched, loads, then stores") {
  const std::string text = packed({.ip = 0x400000, .stores = {0x30, 0}, .loads = {0x10, 0, 0x20}}) +
                           packed({.ip = 0x400004}) +
                           packed({.ip = 8, .stores = {1, 2}, .loads = {3, 4, 5, 6}});
  CHECK(champsim(text) == "F400000 L10 L20 S30 F400004 F8 L3 L4 L5 L6 S1 S2 ");
}

TEST_CASE("a malformed trace of ChampSim is one line with the instruction's place") {
  const std::string one = packed({.ip = 0x10});
  CHECK(champsim(one + one.substr(0, 63)) ==
        "F10 t: instruction 1 (byte 64): the file ends after 63 of its 64 bytes");
  std::string branch = one;
  branch[8] = 2;
  CHECK(champsim(one + branch) ==
        "F10 t: instruction 1 (byte 64): is_branch is 2 and branch_taken 0, expected 0 or 1");
}

TEST_CASE("what is compressed comes out whole, in any pieces, from any number of members") {
  CHECK(rc::check([] {
    const auto text = *rc::gen::arbitrary<std::string>();
    const auto more = *rc::gen::arbitrary<std::string>();
    const auto at_once = static_cast<std::size_t>(*rc::gen::inRange(1, 50));
    const std::string gz = gzip(text) + gzip(more);
    const std::string zst = zstd(text) + zstd(more);
    RC_ASSERT(all_of(*gunzipped(from_memory(bytes_of(gz))), at_once) == text + more);
    RC_ASSERT(all_of(*unzstded(from_memory(bytes_of(zst))), at_once) == text + more);
  }));
}

TEST_CASE("what is compressed and damaged, or ends early, is said to be") {
  std::string text;
  for (int i = 0; i < 10000; ++i) text += std::to_string(i * i) + '\n';
  for (const bool gz : {true, false}) {
    CAPTURE(gz);
    const std::string whole = gz ? gzip(text) : zstd(text);
    const auto unpacked = [&](const std::string& bytes) {
      auto memory = from_memory(bytes_of(bytes));
      return all_of(*(gz ? gunzipped(std::move(memory)) : unzstded(std::move(memory))), 1000);
    };
    CHECK(unpacked(whole) == text);
    CHECK(unpacked(whole.substr(0, whole.size() - 1)) ==
          (gz ? "ends within its gzip data" : "ends within its zstd data"));
    std::string damaged = whole;
    damaged[0] = 'x';
    CHECK(unpacked(damaged).starts_with(gz ? "is a damaged gzip" : "is a damaged zstd"));
  }
}

TEST_CASE("a trace's kind is how its name ends, and what is behind it how it is packed") {
  CHECK(trace_kind("a.lackey")->suffix == ".lackey");
  CHECK(trace_kind("a.lackey.gz")->suffix == ".lackey");
  CHECK(trace_kind("600.perlbench_s-210B.champsimtrace.zst")->suffix == ".champsimtrace");
  for (const char* name : {"a", "lackey", "a.champsimtrace.xz", "a.gz", "a.lackey.gz.zst"}) {
    CHECK(trace_kind(name) == nullptr);
  }
  const TemporaryFolder folder;
  for (const auto& [name, text] : {std::pair<std::string, std::string>{"a.lackey", kLines},
                                   {"a.lackey.gz", gzip(kLines)},
                                   {"a.lackey.zst", zstd(kLines)}}) {
    const auto reader = open_trace(folder.file(name, text));
    REQUIRE(reader.has_value());
    CHECK(told(**reader) == kTold);
  }
  CHECK_FALSE(open_trace(folder.path() / "none.lackey").has_value());
}

TEST_CASE("a trace begins again at its end, and its pages are those that it touches") {
  const TemporaryFolder folder;
  const auto file = folder.file("a.lackey", kLines);
  const auto stream = make_stream({.kind = StreamKind::Trace, .trace = file});
  std::vector<Reference> references(20);
  REQUIRE(stream->next(references).has_value());
  for (std::size_t i = 0; i + 6 < references.size(); ++i) {
    CHECK(references[i].offset == references[i + 6].offset);
    CHECK(references[i].access == references[i + 6].access);
  }
  using Pages = std::vector<std::uint64_t>;
  CHECK(touched_pages(file, 1, 1 << 20) == Pages{0x4001000});
  CHECK(touched_pages(file, 100, 1 << 20) == Pages{0x4001000, 0x7ffffeff000, 0x421c000});
}

TEST_CASE("a trace without accesses is refused, and one that ends early when it is read") {
  const TemporaryFolder folder;
  const auto text = [&](const char* name, const std::string& lines) {
    std::vector<Reference> references(3);
    const auto file = folder.file(name, lines);
    const auto done = make_stream({.kind = StreamKind::Trace, .trace = file})->next(references);
    REQUIRE_FALSE(done.has_value());
    return done.error().substr(folder.path().string().size() + 1);
  };
  CHECK(text("a.lackey", "==1== nothing\n") == "a.lackey: has no accesses");
  CHECK(text("b.lackey", "I  10,4\n L 1") == "b.lackey:2: the file ends within the line");
}

TEST_CASE("a program is translated where it was, by tables for what it touches") {
  const TemporaryFolder folder;
  static_cast<void>(folder.file("profiles/bare.toml", "[memory]\ncycles = 1\n"));
  static_cast<void>(folder.file("a.lackey", kLines));
  const auto run_with = [&](const std::string& stage1, const std::string& stage2) {
    const auto experiment = load_experiment(folder.file(
        "e.toml", fmt::format("title = \"t\"\n[sweep]\nprofile = \"bare\"\nstage1 = \"{}\"\n"
                              "stage2 = \"{}\"\nstream = \"a.lackey\"\naccesses = 6\n",
                              stage1, stage2)));
    REQUIRE_MESSAGE(experiment.has_value(), to_string(experiment.error().front()));
    return run(experiment->points.front());
  };
  for (const char* const stage1 :
       {"vmsa-4k-48/4K", "x86-5/2M", "vmsa-64k-48/64K", "sv48/2M:50,4K:50"}) {
    CAPTURE(stage1);
    const auto result = run_with(stage1, "vmsa-4k-48/4K");
    REQUIRE_MESSAGE(result.has_value(), result.error());
    CHECK(result->counters.accesses == 6);
    CHECK(result->counters.fetches == 2);
    CHECK(result->counters.faults == 0);
  }
  const auto native = run_with("vmsa-4k-48/4K", "off");
  CHECK(native->counters.stage1_references() == 6 * 4);
  const auto narrow = run_with("sv39/4K", "off");
  REQUIRE_FALSE(narrow.has_value());
  CHECK(narrow.error() == "the trace has address 0x7ffffeff000, expected at most 39 bits for sv39");
  const auto without = run_with("off", "vmsa-4k-48/4K");
  REQUIRE_FALSE(without.has_value());
  CHECK(without.error() == "stage1 is off: a trace's addresses need tables");
}

}  // namespace axvm::lab::test
