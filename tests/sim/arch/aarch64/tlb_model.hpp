#pragma once
// What the strict TLB has to be equal to.

#include <cstdint>
#include <sim/arch/aarch64/tlb.hpp>
#include <vector>

namespace axvm::sim::aarch64::test {

/// The TLB as one would write it without regard for speed: a list in order of age.
class TlbModel {
 public:
  explicit TlbModel(std::uint32_t capacity) : capacity_(capacity) {}

  struct Record {
    TlbTag tag;
    TlbEntry entry;
    bool operator==(const Record&) const = default;
  };

  const TlbEntry* find(TlbTag tag, std::uint64_t input) const {
    for (unsigned level = 3; level >= 1; --level) {
      for (const Record& r : records) {
        if (r.tag == tag && r.entry.level == level && covers(r.entry.input, level, input)) {
          return &r.entry;
        }
      }
    }
    return nullptr;
  }
  void insert(TlbTag tag, const TlbEntry& entry) {
    if (records.size() == capacity_) {
      records.erase(records.begin());
      ++evictions;
    }
    records.push_back({tag, entry});
  }
  void drop(TlbTag tag, std::uint64_t input) {
    std::erase_if(records, [&](const Record& r) {
      return r.tag == tag && covers(r.entry.input, r.entry.stage1_level, input);
    });
  }
  void drop_all_asids(std::uint16_t vmid, std::uint64_t input) {
    std::erase_if(records, [&](const Record& r) {
      return r.tag.vmid() == vmid && r.tag.kind() != 2 &&
             covers(r.entry.input, r.entry.stage1_level, input);
    });
  }
  void drop_if(auto&& predicate) {
    std::erase_if(records, [&](const Record& r) { return predicate(r.tag); });
  }
  static bool covers(std::uint64_t start, unsigned level, std::uint64_t input) {
    return ((start ^ input) & ~(level_size(level) - 1)) == 0;
  }

  std::vector<Record> records;
  std::uint64_t evictions = 0;

 private:
  std::uint32_t capacity_;
};

}  // namespace axvm::sim::aarch64::test
