#pragma once
// The driver's side of a virtqueue, in both layouts: for tests and fuzzing. It is written from the
// specification (VIRTIO 1.2, 2.7 and 2.8), apart from the device's side.

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <tests/core/devices/fake_device_host.hpp>
#include <vector>

namespace axvm::test::virtio {

/// Memory of the guest that drivers take from and never give back.
class Ram {
 public:
  explicit Ram(FakeDeviceHost& host) : host_(host), next_(host.base) {}

  std::uint64_t take(std::uint64_t size, std::uint64_t alignment = 16) {
    next_ = (next_ + alignment - 1) / alignment * alignment;
    const std::uint64_t at = next_;
    next_ += size;
    const std::uint64_t needed = next_ - host_.base;
    if (host_.memory.size() < needed) host_.memory.resize(needed);
    return at;
  }
  template <class T>
  void store(std::uint64_t at, T value) {
    std::memcpy(&host_.memory[at - host_.base], &value, sizeof value);
  }
  template <class T>
  [[nodiscard]] T load(std::uint64_t at) const {
    T value;
    std::memcpy(&value, &host_.memory[at - host_.base], sizeof value);
    return value;
  }
  void store_bytes(std::uint64_t at, const std::vector<std::uint8_t>& bytes) {
    if (!bytes.empty()) std::memcpy(&host_.memory[at - host_.base], bytes.data(), bytes.size());
  }
  [[nodiscard]] std::vector<std::uint8_t> load_bytes(std::uint64_t at, std::size_t size) const {
    std::vector<std::uint8_t> bytes(size);
    if (size != 0) std::memcpy(bytes.data(), &host_.memory[at - host_.base], size);
    return bytes;
  }

 private:
  FakeDeviceHost& host_;
  std::uint64_t next_;
};

struct Segment {
  std::uint64_t address = 0;
  std::uint32_t length = 0;
  bool writable = false;
};
using Segments = std::vector<Segment>;

struct Used {
  std::uint16_t id;
  std::uint32_t written;
};

inline constexpr std::uint16_t kNext = 1, kWrite = 2, kIndirect = 4, kAvail = 1 << 7,
                               kUsed = 1 << 15;

class DriverQueue {
 public:
  virtual ~DriverQueue() = default;
  DriverQueue(const DriverQueue&) = delete;
  DriverQueue& operator=(const DriverQueue&) = delete;

  /// Makes a chain available. The first `direct` segments have descriptors of their own, the rest
  /// are in an indirect table; by default there is none. Returns the id by which it comes back.
  virtual std::uint16_t add(const Segments& chain, std::size_t direct) = 0;
  std::uint16_t add(const Segments& chain) { return add(chain, chain.size()); }
  /// The next chain that the device has given back.
  virtual std::optional<Used> take_used() = 0;
  /// Places that a chain takes in the ring.
  static std::size_t places(const Segments& chain, std::size_t direct) {
    return direct < chain.size() ? direct + 1 : chain.size();
  }
  [[nodiscard]] virtual std::size_t free_places() const = 0;
  /// Whether the device shall interrupt (without event-idx).
  virtual void want_interrupts(bool wanted) = 0;
  /// With event-idx: only when the chain that is used `skip` chains (split), places (packed) after
  /// the next one comes back.
  virtual void want_interrupt_after(std::uint16_t skip) = 0;
  /// With event-idx and split rings, the index whose addition the device wants to be told of.
  [[nodiscard]] virtual std::optional<std::uint16_t> notification_index() const { return {}; }

  const std::uint16_t size;
  std::uint64_t descriptors = 0, driver = 0, device = 0;

 protected:
  DriverQueue(Ram& ram, std::uint16_t n) : size(n), ram_(ram) {}

  void write_descriptor(std::uint64_t at, const Segment& s, std::uint16_t low, std::uint16_t high) {
    ram_.store(at, s.address);
    ram_.store(at + 8, s.length);
    ram_.store(at + 12, low);
    ram_.store(at + 14, high);
  }
  static std::uint16_t flags_of(const Segment& s) { return s.writable ? kWrite : std::uint16_t{0}; }

  Ram& ram_;
};

class SplitQueue final : public DriverQueue {
 public:
  SplitQueue(Ram& ram, std::uint16_t n) : DriverQueue(ram, n) {
    descriptors = ram.take(16ULL * n);
    driver = ram.take(6ULL + 2 * n, 2);
    device = ram.take(6ULL + 8 * n, 4);
    for (std::uint16_t i = 0; i < n; ++i) free_.push_back(static_cast<std::uint16_t>(n - 1 - i));
  }

  using DriverQueue::add;
  std::uint16_t add(const Segments& chain, std::size_t direct) override {
    std::vector<std::uint16_t> taken;
    for (std::size_t i = 0; i < places(chain, direct); ++i) {
      taken.push_back(free_.back());
      free_.pop_back();
    }
    for (std::size_t i = 0; i < taken.size(); ++i) {
      const bool last = i + 1 == taken.size();
      const Segment segment = i < direct ? chain[i] : table_of(chain, direct);
      unsigned flags = i < direct ? flags_of(segment) : kIndirect;
      if (!last) flags |= kNext;
      write_descriptor(descriptors + 16ULL * taken[i], segment, static_cast<std::uint16_t>(flags),
                       last ? std::uint16_t{0} : taken[i + 1]);
    }
    ram_.store(driver + 4 + 2ULL * (available_ % size), taken.front());
    ram_.store(driver + 2, ++available_);
    const std::uint16_t head = taken.front();
    lent_[head] = std::move(taken);
    return head;
  }
  std::optional<Used> take_used() override {
    if (ram_.load<std::uint16_t>(device + 2) == used_) return std::nullopt;
    const std::uint64_t at = device + 4 + 8ULL * (used_++ % size);
    const auto id = static_cast<std::uint16_t>(ram_.load<std::uint32_t>(at));
    for (const std::uint16_t place : lent_[id]) free_.push_back(place);
    lent_.erase(id);
    return Used{id, ram_.load<std::uint32_t>(at + 4)};
  }
  [[nodiscard]] std::size_t free_places() const override { return free_.size(); }
  void want_interrupts(bool wanted) override {
    ram_.store(driver, static_cast<std::uint16_t>(wanted ? 0 : 1));
  }
  void want_interrupt_after(std::uint16_t skip) override {
    ram_.store(driver + 4 + 2ULL * size, static_cast<std::uint16_t>(used_ + skip));
  }
  [[nodiscard]] std::optional<std::uint16_t> notification_index() const override {
    return ram_.load<std::uint16_t>(device + 4 + 8ULL * size);
  }
  [[nodiscard]] std::uint16_t available() const { return available_; }

 private:
  // Entries of a table are linked in reverse, so that the links matter.
  Segment table_of(const Segments& chain, std::size_t direct) {
    const std::size_t n = chain.size() - direct;
    const std::uint64_t table = ram_.take(16 * n);
    // The first entry is where chains begin; the others follow from the end.
    const auto place = [n](std::size_t i) { return i == 0 ? 0 : n - i; };
    for (std::size_t i = 0; i < n; ++i) {
      const bool last = i + 1 == n;
      const unsigned flags = flags_of(chain[direct + i]) | (last ? 0U : kNext);
      write_descriptor(table + 16 * place(i), chain[direct + i], static_cast<std::uint16_t>(flags),
                       static_cast<std::uint16_t>(last ? 0 : place(i + 1)));
    }
    return {table, static_cast<std::uint32_t>(16 * n), false};
  }

  std::uint16_t available_ = 0;
  std::uint16_t used_ = 0;
  std::vector<std::uint16_t> free_;
  std::map<std::uint16_t, std::vector<std::uint16_t>> lent_;
};

class PackedQueue final : public DriverQueue {
 public:
  PackedQueue(Ram& ram, std::uint16_t n) : DriverQueue(ram, n), free_(n) {
    descriptors = ram.take(16ULL * n);
    driver = ram.take(4, 4);
    device = ram.take(4, 4);
  }

  using DriverQueue::add;
  std::uint16_t add(const Segments& chain, std::size_t direct) override {
    const std::uint16_t id = next_id_++;
    const std::size_t n = places(chain, direct);
    const std::uint64_t head = descriptors + 16ULL * available_;
    std::uint16_t head_flags = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const bool last = i + 1 == n;
      const Segment segment = i < direct ? chain[i] : table_of(chain, direct);
      unsigned flags = i < direct ? flags_of(segment) : kIndirect;
      flags |= (last ? 0U : kNext) | (available_wrap_ ? kAvail : kUsed);
      if (i == 0) head_flags = static_cast<std::uint16_t>(flags);
      // The buffer's id counts in the last descriptor only.
      write_descriptor(
          descriptors + 16ULL * available_, segment, last ? id : static_cast<std::uint16_t>(0xdead),
          i == 0 ? ram_.load<std::uint16_t>(head + 14) : static_cast<std::uint16_t>(flags));
      if (++available_ == size) {
        available_ = 0;
        available_wrap_ = !available_wrap_;
      }
    }
    ram_.store(head + 14, head_flags);  // last: the chain is complete
    free_ -= n;
    lent_[id] = n;
    return id;
  }
  std::optional<Used> take_used() override {
    const std::uint64_t at = descriptors + 16ULL * used_;
    const auto flags = ram_.load<std::uint16_t>(at + 14);
    const bool avail = (flags & kAvail) != 0;
    const bool used = (flags & kUsed) != 0;
    if (avail != used || used != used_wrap_) return std::nullopt;
    const Used result{ram_.load<std::uint16_t>(at + 12), ram_.load<std::uint32_t>(at + 8)};
    const std::size_t n = lent_[result.id];
    lent_.erase(result.id);
    free_ += n;
    used_ = static_cast<std::uint16_t>(used_ + n);
    if (used_ >= size) {
      used_ = static_cast<std::uint16_t>(used_ - size);
      used_wrap_ = !used_wrap_;
    }
    return result;
  }
  [[nodiscard]] std::size_t free_places() const override { return free_; }
  void want_interrupts(bool wanted) override {
    ram_.store(driver + 2, static_cast<std::uint16_t>(wanted ? 0 : 1));
  }
  void want_interrupt_after(std::uint16_t skip) override {
    const auto place = static_cast<std::uint16_t>((used_ + skip) % size);
    const bool wrap = used_ + skip >= size ? !used_wrap_ : used_wrap_;
    ram_.store(driver, static_cast<std::uint16_t>(place | (wrap ? 0x8000U : 0U)));
    ram_.store(driver + 2, std::uint16_t{2});
  }

 private:
  Segment table_of(const Segments& chain, std::size_t direct) {
    const std::size_t n = chain.size() - direct;
    const std::uint64_t table = ram_.take(16 * n);
    for (std::size_t i = 0; i < n; ++i) {
      // Neither an id nor a link counts there.
      write_descriptor(table + 16 * i, chain[direct + i], 0xbeef,
                       static_cast<std::uint16_t>(flags_of(chain[direct + i]) | kNext));
    }
    return {table, static_cast<std::uint32_t>(16 * n), false};
  }

  std::uint16_t available_ = 0;
  bool available_wrap_ = true;
  std::uint16_t used_ = 0;
  bool used_wrap_ = true;
  std::uint16_t next_id_ = 0;
  std::size_t free_;
  std::map<std::uint16_t, std::size_t> lent_;
};

}  // namespace axvm::test::virtio
