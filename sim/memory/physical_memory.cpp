#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <cstring>
#include <sim/memory/physical_memory.hpp>
#include <utility>

namespace axvm::sim {

namespace {

using Bank = PhysicalMemory::Bank;
using BankMapping = PhysicalMemory::BankMapping;
constexpr std::uint64_t kFrameSize = PhysicalMemory::kFrameSize;

std::optional<std::string> refusal(std::span<const Bank> sorted) {
  if (sorted.empty()) return "no RAM bank";
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const Bank& bank = sorted[i];
    const auto complain = [&bank](std::string_view what) {
      return fmt::format("RAM bank at {:#x}, size {:#x}: {}", bank.base, bank.size, what);
    };
    if (bank.size == 0) return complain("is empty");
    if (bank.base % kFrameSize != 0 || bank.size % kFrameSize != 0) {
      return complain("base and size must be multiples of 4 KiB");
    }
    if (bank.size > PhysicalMemory::kAddressLimit ||
        bank.base > PhysicalMemory::kAddressLimit - bank.size) {
      return complain("ends beyond 52 bits of physical address");
    }
    if (i > 0 && bank.base - sorted[i - 1].base < sorted[i - 1].size) {
      return complain(fmt::format("overlaps the bank at {:#x}", sorted[i - 1].base));
    }
  }
  return std::nullopt;
}

/// The host's record of which pages of this process were ever touched (Linux, proc_pid_pagemap(5)).
/// Where there is none every page counts as touched.
class TouchedPages {
 public:
  TouchedPages() : file_(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)) {}
  ~TouchedPages() {
    if (file_ >= 0) ::close(file_);
  }
  TouchedPages(const TouchedPages&) = delete;
  TouchedPages& operator=(const TouchedPages&) = delete;

  static constexpr std::size_t kBatch = 512;
  /// One flag per page of [host, host + count pages); `count` at most kBatch.
  void query(const std::uint8_t* host, std::size_t count, std::array<bool, kBatch>& touched) {
    std::array<std::uint64_t, kBatch> entries{};
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const auto offset = static_cast<off_t>(reinterpret_cast<std::uintptr_t>(host) / page * 8);
    const bool known =
        page == kFrameSize && file_ >= 0 &&
        ::pread(file_, entries.data(), count * 8, offset) == static_cast<ssize_t>(count * 8);
    constexpr std::uint64_t kPresentOrSwapped = std::uint64_t{3} << 62;
    for (std::size_t i = 0; i < count; ++i) {
      touched[i] = !known || (entries[i] & kPresentOrSwapped) != 0;
    }
  }

 private:
  int file_;
};

bool is_zero(const std::uint8_t* frame) {
  static constexpr std::array<std::uint8_t, kFrameSize> kZeros{};
  return std::memcmp(frame, kZeros.data(), kFrameSize) == 0;
}

/// Addresses of the frames with anything but zeros, ascending.
std::vector<std::uint64_t> used_frames(std::span<const BankMapping> banks) {
  std::vector<std::uint64_t> used;
  TouchedPages pages;
  std::array<bool, TouchedPages::kBatch> touched{};
  for (const BankMapping& bank : banks) {
    for (std::uint64_t offset = 0; offset < bank.size;) {
      const auto count = static_cast<std::size_t>(
          std::min<std::uint64_t>(TouchedPages::kBatch, (bank.size - offset) / kFrameSize));
      pages.query(bank.host + offset, count, touched);
      for (std::size_t i = 0; i < count; ++i, offset += kFrameSize) {
        if (touched[i] && !is_zero(bank.host + offset)) used.push_back(bank.base + offset);
      }
    }
  }
  return used;
}

}  // namespace

std::expected<PhysicalMemory, std::string> PhysicalMemory::create(std::span<const Bank> banks) {
  std::vector<Bank> sorted(banks.begin(), banks.end());
  std::ranges::sort(sorted, {}, &Bank::base);
  if (auto why = refusal(sorted)) return std::unexpected(std::move(*why));

  PhysicalMemory memory;
  memory.banks_.reserve(sorted.size());
  for (const Bank& bank : sorted) {
    void* host = ::mmap(nullptr, bank.size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (host == MAP_FAILED) {
      return std::unexpected(
          fmt::format("RAM bank at {:#x}, size {:#x}: the host has no room", bank.base, bank.size));
    }
    memory.banks_.push_back({bank.base, bank.size, static_cast<std::uint8_t*>(host)});
    memory.frame_count_ += bank.size / kFrameSize;
  }
  memory.first_ = memory.banks_.front();
  return memory;
}

PhysicalMemory::PhysicalMemory(PhysicalMemory&& other) noexcept
    : first_(std::exchange(other.first_, {})),
      banks_(std::exchange(other.banks_, {})),
      frame_count_(std::exchange(other.frame_count_, 0)) {}

PhysicalMemory& PhysicalMemory::operator=(PhysicalMemory&& other) noexcept {
  if (this != &other) {
    release();
    first_ = std::exchange(other.first_, {});
    banks_ = std::exchange(other.banks_, {});
    frame_count_ = std::exchange(other.frame_count_, 0);
  }
  return *this;
}

PhysicalMemory::~PhysicalMemory() { release(); }

void PhysicalMemory::release() noexcept {
  for (const BankMapping& bank : banks_) ::munmap(bank.host, bank.size);
}

std::uint8_t* PhysicalMemory::at_later_bank(std::uint64_t pa) const noexcept {
  for (const BankMapping& bank : banks_) {
    if (pa - bank.base < bank.size) return bank.host + (pa - bank.base);
  }
  return nullptr;
}

void PhysicalMemory::zero(std::uint64_t pa, std::uint64_t size) noexcept {
  // Below this, writing zeros is cheaper than having the host drop pages and bring them back.
  constexpr std::uint64_t kWorthDropping = std::uint64_t{64} << 10;
  std::uint8_t* const bytes = at(pa);
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<std::uintptr_t>(bytes);
  const std::uint64_t head = std::min(size, (page - address % page) % page);
  const std::uint64_t whole = (size - head) / page * page;
  // Pages of a private anonymous mapping come back as zeros (madvise(2), MADV_DONTNEED).
  if (size < kWorthDropping || ::madvise(bytes + head, whole, MADV_DONTNEED) != 0) {
    std::memset(bytes, 0, size);
    return;
  }
  std::memset(bytes, 0, head);
  std::memset(bytes + head + whole, 0, size - head - whole);
}

bool PhysicalMemory::contains(std::uint64_t pa, std::uint64_t size) const noexcept {
  return std::ranges::any_of(banks_, [=](const BankMapping& bank) {
    const std::uint64_t offset = pa - bank.base;
    return offset < bank.size && size <= bank.size - offset;
  });
}

std::optional<std::uint64_t> PhysicalMemory::frame_index(std::uint64_t pa) const noexcept {
  std::uint64_t earlier = 0;
  for (const BankMapping& bank : banks_) {
    if (pa - bank.base < bank.size) return earlier + (pa - bank.base) / kFrameSize;
    earlier += bank.size / kFrameSize;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> PhysicalMemory::pa_of(const void* host) const noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(host);
  for (const BankMapping& bank : banks_) {
    const std::uintptr_t offset = address - reinterpret_cast<std::uintptr_t>(bank.host);
    if (offset < bank.size) return bank.base + offset;
  }
  return std::nullopt;
}

void PhysicalMemory::describe(StateVisitor& visitor) {
  const std::vector<std::uint64_t> before = used_frames(banks_);
  std::uint64_t count = before.size();
  visitor.field("frames", count);

  std::vector<std::uint64_t> after;
  std::array<std::byte, kFrameSize> nowhere{};
  for (std::uint64_t i = 0; i < count; ++i) {
    visitor.enter("frame", i);
    std::uint64_t address = i < before.size() ? before[i] : 0;
    visitor.field("address", address);
    std::uint8_t* frame = address % kFrameSize == 0 ? at(address) : nullptr;
    visitor.bytes("data", frame != nullptr ? std::as_writable_bytes(std::span{frame, kFrameSize})
                                           : std::span<std::byte>{nowhere});
    if (frame != nullptr) after.push_back(address);
    visitor.leave();
  }
  std::ranges::sort(after);
  for (const std::uint64_t address : before) {
    if (!std::ranges::binary_search(after, address)) std::memset(at(address), 0, kFrameSize);
  }
}

}  // namespace axvm::sim
