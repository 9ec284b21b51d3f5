#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>
#include <lab/trace/trace_reader.hpp>
#include <type_traits>

namespace axvm::lab {
namespace {

using sim::timing::Access;

// As ChampSim's tracers write it. An address of 0 stands for none.
struct Instruction {
  std::uint64_t ip;
  std::uint8_t is_branch;
  std::uint8_t branch_taken;
  std::array<std::uint8_t, 2> destination_registers;
  std::array<std::uint8_t, 4> source_registers;
  std::array<std::uint64_t, 2> destination_memory;
  std::array<std::uint64_t, 4> source_memory;
};
static_assert(sizeof(Instruction) == 64 && std::is_trivially_copyable_v<Instruction>);
static_assert(std::endian::native == std::endian::little);

class ChampsimReader : public TraceReader {
 public:
  ChampsimReader(std::string name, std::unique_ptr<ByteSource> bytes)
      : name_(std::move(name)), bytes_(std::move(bytes)) {}

  std::expected<std::size_t, std::string> read(std::span<Reference> references) override {
    std::size_t count = 0;
    while (count < references.size()) {
      if (next_ == waiting_) {
        const auto more = next_instruction();
        if (!more) return std::unexpected(more.error());
        if (!*more) break;
      }
      references[count++] = accesses_.at(next_++);
    }
    return count;
  }

 private:
  // False at the end.
  std::expected<bool, std::string> next_instruction() {
    Instruction instruction{};
    const auto size = bytes_->read(std::as_writable_bytes(std::span(&instruction, 1)));
    if (!size) return std::unexpected(fmt::format("{}: {}", name_, size.error()));
    if (*size == 0) return false;
    const auto wrong = [&](std::string_view what) {
      return std::unexpected(fmt::format("{}: instruction {} (byte {}): {}", name_, number_,
                                         number_ * sizeof instruction, what));
    };
    if (*size < sizeof instruction) {
      return wrong(fmt::format("the file ends after {} of its 64 bytes", *size));
    }
    if (instruction.is_branch > 1 || instruction.branch_taken > 1) {
      return wrong(fmt::format("is_branch is {} and branch_taken {}, expected 0 or 1",
                               instruction.is_branch, instruction.branch_taken));
    }
    ++number_;
    next_ = waiting_ = 0;
    add(instruction.ip, Access::Fetch);
    for (const std::uint64_t address : instruction.source_memory) {
      if (address != 0) add(address, Access::Load);
    }
    for (const std::uint64_t address : instruction.destination_memory) {
      if (address != 0) add(address, Access::Store);
    }
    return true;
  }
  void add(std::uint64_t address, Access access) {
    accesses_.at(waiting_++) = {.offset = address, .access = access, .waits = false};
  }

  std::string name_;
  std::unique_ptr<ByteSource> bytes_;
  std::array<Reference, 7> accesses_{};  // of the last instruction
  std::size_t next_ = 0;
  std::size_t waiting_ = 0;
  std::uint64_t number_ = 0;
};

}  // namespace

std::unique_ptr<TraceReader> read_champsim(std::string name, std::unique_ptr<ByteSource> bytes) {
  return std::make_unique<ChampsimReader>(std::move(name), std::move(bytes));
}

}  // namespace axvm::lab
