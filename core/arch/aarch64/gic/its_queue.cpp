#include <core/arch/aarch64/gic/its_command.hpp>
#include <core/arch/aarch64/gic/its_queue.hpp>

namespace axvm::aarch64 {
namespace {

/// GITS_CBASER: Valid, InnerCache, OuterCache, Physical_Address, Shareability, Size.
constexpr std::uint64_t kBaseFields = 0xb8ef'ffff'ffff'fcff;
constexpr std::uint64_t kAddress = 0x000f'ffff'ffff'f000;
constexpr std::uint64_t kOffset = 0xf'ffe0;  // GITS_CWRITER, GITS_CREADR
constexpr std::uint64_t kRetry = 1;

}  // namespace

void ItsQueue::set_base(std::uint64_t value) noexcept {
  reset();
  base_ = value & kBaseFields;
}

void ItsQueue::set_writer(std::uint64_t value) noexcept {
  const std::uint64_t offset = value & kOffset;
  if (offset < size()) writer_ = offset;
  if ((value & kRetry) != 0) stalled_ = false;
}

GuestPhysAddr ItsQueue::front() const noexcept {
  return GuestPhysAddr((base_ & kAddress) + reader_);
}

void ItsQueue::pop() noexcept {
  reader_ += ItsCommand::kSize;
  if (reader_ >= size()) reader_ = 0;
}

void ItsQueue::describe(StateVisitor& visitor) {
  visitor.field("cbaser"sv, base_);
  visitor.field("cwriter"sv, writer_);
  visitor.field("creadr"sv, reader_);
  std::uint64_t stalled = stalled_ ? 1 : 0;
  visitor.field("stalled"sv, stalled);
  // A restored state may be anything.
  base_ &= kBaseFields;
  writer_ = (writer_ & kOffset) < size() ? writer_ & kOffset : 0;
  reader_ = (reader_ & kOffset) < size() ? reader_ & kOffset : 0;
  stalled_ = stalled != 0;
}

}  // namespace axvm::aarch64
