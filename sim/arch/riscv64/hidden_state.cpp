#include <array>
#include <cstring>
#include <sim/arch/riscv64/csr.hpp>
#include <sim/arch/riscv64/hidden_state.hpp>
#include <sim/cpu/engine_scope.hpp>
#include <vector>

namespace axvm::sim::riscv64 {
namespace {

using Three = std::array<std::uint64_t, 3>;
using Places = std::array<std::size_t, kHiddenWords>;

std::byte* bytes_of(uc_context* context) noexcept { return reinterpret_cast<std::byte*>(context); }

std::uint64_t word_at(uc_context* context, std::size_t place) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes_of(context) + place, sizeof word);
  return word;
}

/// An engine of its own, in which words are given values to be found by.
class Search {
 public:
  Search() {
    if (uc_open(UC_ARCH_RISCV, UC_MODE_RISCV64, &engine_) != UC_ERR_OK) return;
    good_ = uc_ctl_set_cpu_model(engine_, UC_CPU_RISCV64_BASE64) == UC_ERR_OK &&
            uc_context_alloc(engine_, &context_) == UC_ERR_OK;
  }
  ~Search() {
    if (context_ != nullptr) uc_context_free(context_);
    if (engine_ != nullptr) uc_close(engine_);
  }
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  /// All words' places; nothing when one is nowhere, or in two places.
  std::optional<Places> find() {
    if (!good_) return std::nullopt;
    const auto own = [this](int id) {
      return [this, id](std::uint64_t v) { uc_reg_write(engine_, id, &v); };
    };
    constexpr std::uint64_t kPattern = 0x5a5a'1234'9876'a5a4;
    const Three values{kPattern, ~kPattern & ~std::uint64_t{3}, kPattern << 8};
    place(Hidden::Mstatus, own(UC_RISCV_REG_MSTATUS),
          Three{status::SUM, status::MXR, status::SUM | status::SPP});
    place(Hidden::Stvec, own(UC_RISCV_REG_STVEC), values);
    place(Hidden::Sscratch, own(UC_RISCV_REG_SSCRATCH), values);
    place(Hidden::Sepc, own(UC_RISCV_REG_SEPC), values);
    place(Hidden::Scause, own(UC_RISCV_REG_SCAUSE), values);
    place(Hidden::Stval, own(UC_RISCV_REG_STVAL), values);
    place(Hidden::Privilege, own(UC_RISCV_REG_PRIV), Three{1, 0, 3});
    find_reservation();
    if (!good_) return std::nullopt;
    return places_;
  }

 private:
  /// The one place that has each of the values after it was set.
  template <class Set>
  void place(Hidden word, Set&& set, const Three& values) {
    std::vector<std::size_t> candidates;
    for (std::size_t at = 0; at + 8 <= uc_context_size(engine_); at += 8) candidates.push_back(at);
    for (const std::uint64_t value : values) {
      set(value);
      uc_context_save(engine_, context_);
      std::erase_if(candidates, [&](std::size_t at) { return word_at(context_, at) != value; });
    }
    note(word, candidates);
  }
  void note(Hidden word, const std::vector<std::size_t>& candidates) {
    good_ = good_ && candidates.size() == 1;
    if (good_) places_[static_cast<std::size_t>(word)] = candidates.front();
  }
  void find_reservation() {
    constexpr std::uint64_t kCode = 0x10000;
    constexpr std::uint64_t kData = 0x23450;
    constexpr std::uint32_t kLoadReserved = 0x1003'32af;  // lr.d t0, (t1)
    const std::uint64_t values[] = {0x0123'4567'89ab'cdef, 0xfedc'ba98'7654'3211};
    const EngineScope scope;
    uc_mem_map(engine_, kCode, 4096, UC_PROT_ALL);
    uc_mem_map(engine_, kData & ~std::uint64_t{4095}, 4096, UC_PROT_ALL);
    uc_mem_write(engine_, kCode, &kLoadReserved, sizeof kLoadReserved);
    uc_reg_write(engine_, UC_RISCV_REG_T1, &kData);
    // The value is beside its address, and in T0, too.
    const auto load = [&](std::uint64_t value) {
      uc_mem_write(engine_, kData, &value, sizeof value);
      good_ = good_ && uc_emu_start(engine_, kCode, kCode + 4, 0, 0) == UC_ERR_OK;
      uc_context_save(engine_, context_);
    };
    std::vector<std::size_t> candidates;
    for (std::size_t at = 0; at + 16 <= uc_context_size(engine_); at += 8) candidates.push_back(at);
    for (const std::uint64_t value : values) {
      load(value);
      std::erase_if(candidates, [&](std::size_t at) {
        return word_at(context_, at) != kData || word_at(context_, at + 8) != value;
      });
    }
    note(Hidden::ReservedAddress, candidates);
    for (std::size_t& at : candidates) at += 8;
    note(Hidden::ReservedValue, candidates);
  }

  uc_engine* engine_ = nullptr;
  uc_context* context_ = nullptr;
  bool good_ = false;
  Places places_{};
};

const std::optional<Places>& places() {
  static const std::optional<Places> kPlaces = Search().find();
  return kPlaces;
}

std::size_t place_of(Hidden word) noexcept { return (*places())[static_cast<std::size_t>(word)]; }

}  // namespace

std::optional<HiddenState> HiddenState::of(uc_engine* engine) {
  uc_context* context = nullptr;
  if (!places() || uc_context_alloc(engine, &context) != UC_ERR_OK) return std::nullopt;
  return HiddenState(engine, context);
}

std::uint64_t HiddenState::read(Hidden word) const {
  uc_context_save(engine_, context_.get());
  return word_at(context_.get(), place_of(word));
}

std::uint64_t HiddenState::Change::read(Hidden word) const noexcept {
  return word_at(context_, place_of(word));
}

void HiddenState::Change::write(Hidden word, std::uint64_t value) noexcept {
  std::memcpy(bytes_of(context_) + place_of(word), &value, sizeof value);
}

}  // namespace axvm::sim::riscv64
