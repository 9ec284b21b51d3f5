#include <sim/timing/guest_accesses.hpp>
#include <utility>

namespace axvm::sim::timing {

void GuestAccesses::set_profile(const Profile& profile) {
  profile_ = profile;
  mmu_.emplace(profile, memory_);
  enter_context();
}

void GuestAccesses::enter(const Tags& tags, std::array<bool, 2> top_byte_ignored) {
  current_ = tags;
  top_byte_ignored_ = top_byte_ignored;
  enter_context();
}

void GuestAccesses::enter_context() {
  line_ = kNoLine;
  if (!mmu_) return;
  // Numbers of tags come first: the last one may be what makes all others be forgotten.
  const std::size_t known = tags_.size();
  const auto numbers = [this] {
    Spaces spaces;
    spaces.asid = number_of(current_.asid);
    spaces.global = number_of(current_.global);
    spaces.vm = number_of(current_.vm);
    return spaces;
  };
  Spaces spaces = numbers();
  if (tags_.size() < known) spaces = numbers();
  enter_tables(*mmu_, spaces);
}

SpaceNumber GuestAccesses::number_of(TlbTag tag) {
  if (const auto known = numbers_.find(tag); known != numbers_.end()) return known->second;
  if (tags_.size() >> kSpaceBits != 0) {
    mmu_->invalidate_all();
    numbers_.clear();
    tags_.resize(1);
  }
  const auto number = static_cast<SpaceNumber>(tags_.size());
  tags_.push_back(tag);
  numbers_.emplace(tag, number);
  return number;
}

void GuestAccesses::forget_all() {
  line_ = kNoLine;
  if (mmu_) mmu_->invalidate_all();
}

template <class F>
void GuestAccesses::for_each_line(unsigned bytes, F&& f) {
  constexpr std::uint64_t kLine = 1U << kLineShift;
  const std::uint64_t end = address_ % kLine + bytes;
  f(significant(address_));
  for (std::uint64_t line = kLine; line < end; line += kLine) {
    f(significant(address_ - address_ % kLine + line));
  }
}

void GuestAccesses::advance(std::uint64_t retired) {
  if (retired <= retired_) return;
  if (mmu_) mmu_->advance(retired - retired_);
  retired_ = retired;
}

void GuestAccesses::fetch(std::uint64_t pc, std::uint64_t retired) {
  line_ = pc >> kLineShift;
  advance(retired);
  const std::uint64_t va = significant(pc);
  if (mmu_) mmu_->fetch(va);
  if (listener_) listener_(Access::Fetch, va);
}

void GuestAccesses::settle(std::uint64_t retired) {
  const unsigned bytes = std::exchange(bytes_, 0);
  if (bytes == 0 || retired == number_) return;
  advance(number_);
  for_each_line(bytes, [&](std::uint64_t va) {
    const Access kind = store_ ? Access::Store : Access::Load;
    if (mmu_) static_cast<void>(mmu_->access(va, kind));
    if (listener_) listener_(kind, va);
  });
  // The access has begun in the instruction's own cycle.
  retired_ = number_ + 1;
}

void GuestAccesses::refuse(std::uint64_t retired) {
  const unsigned bytes = std::exchange(bytes_, 0);
  if (bytes == 0 || retired != number_) return;
  advance(retired);
  for_each_line(bytes, [&](std::uint64_t va) {
    if (mmu_) mmu_->refuse(va, store_ ? Access::Store : Access::Load);
  });
}

void GuestAccesses::refuse_fetch(std::uint64_t pc, std::uint64_t retired) {
  settle(retired);
  advance(retired);
  if (mmu_) mmu_->refuse(significant(pc), Access::Fetch);
}

void GuestAccesses::stop(std::uint64_t retired) {
  settle(retired);
  advance(retired);
}

void GuestAccesses::restart(std::uint64_t retired) {
  bytes_ = 0;
  line_ = kNoLine;
  retired_ = retired;
  // What it knows is of a memory that is no more.
  if (mmu_) set_profile(Profile(profile_));
}

}  // namespace axvm::sim::timing
