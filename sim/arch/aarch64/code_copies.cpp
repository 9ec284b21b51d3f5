#include <sys/mman.h>

#include <cstring>
#include <sim/arch/aarch64/code_copies.hpp>

namespace axvm::sim::aarch64 {

void CodeCopies::Unmap::operator()(std::uint8_t* memory) const noexcept { ::munmap(memory, kSize); }

std::optional<CodeCopies> CodeCopies::create() {
  void* const memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return std::nullopt;
  return CodeCopies(static_cast<std::uint8_t*>(memory));
}

CodeCopies::Copy CodeCopies::copy(std::uint32_t index) const noexcept {
  const std::uint64_t offset = index * PhysicalMemory::kFrameSize;
  return {.address = kBase + offset, .bytes = memory_.get() + offset};
}

std::optional<CodeCopies::Copy> CodeCopies::find(std::uint64_t pa) const {
  const auto found = copies_.find(pa);
  if (found == copies_.end()) return std::nullopt;
  return copy(found->second);
}

CodeCopies::Copy CodeCopies::make(std::uint64_t pa, const std::uint8_t* bytes) {
  std::uint32_t index = used_;
  if (free_.empty()) {
    ++used_;
  } else {
    index = free_.back();
    free_.pop_back();
  }
  copies_.emplace(pa, index);
  const Copy made = copy(index);
  std::memcpy(made.bytes, bytes, PhysicalMemory::kFrameSize);
  return made;
}

void CodeCopies::forget(std::uint64_t pa) {
  const auto found = copies_.find(pa);
  if (found == copies_.end()) return;
  free_.push_back(found->second);
  copies_.erase(found);
}

void CodeCopies::forget_all() noexcept {
  copies_.clear();
  free_.clear();
  used_ = 0;
}

}  // namespace axvm::sim::aarch64
