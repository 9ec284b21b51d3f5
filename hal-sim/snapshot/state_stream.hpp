#pragma once
// The visitors that write a described state to a section, and read it back.

#include <axvm/state.hpp>
#include <cstring>
#include <hal-sim/load/bytes.hpp>
#include <hal-sim/snapshot/snapshot_format.hpp>
#include <sim/state.hpp>
#include <string>

namespace axvm::hal_sim {

/// What stands for a field's name before its value (FNV-1a), so that a reader that describes the
/// state in another way notices at once.
[[nodiscard]] constexpr std::uint32_t state_tag(std::string_view name) noexcept {
  std::uint32_t tag = 0x811c'9dc5;
  for (const char c : name) tag = (tag ^ static_cast<unsigned char>(c)) * 0x0100'0193;
  return tag;
}

/// Each field as its tag and 8 bytes; bytes as their tag, their number and themselves. `Base` is
/// the core's StateVisitor or the machine's.
template <class Base>
class SaveVisitor final : public Base {
 public:
  explicit SaveVisitor(SnapshotWriter& writer) : writer_(writer) {}

  void enter(std::string_view name, std::uint64_t index) override { field(name, index); }
  void leave() override {}
  void field(std::string_view name, std::uint64_t& value) override {
    writer_.write_tag(state_tag(name));
    writer_.write(value);
  }
  void bytes(std::string_view name, std::span<std::byte> value) override {
    writer_.write_tag(state_tag(name));
    writer_.write(std::uint64_t{value.size()});
    writer_.write(std::span<const std::byte>(value));
  }

 private:
  SnapshotWriter& writer_;
};

/// Gives every field the value that it was saved with. At the first one that was not saved in this
/// place it stops: that one and all later ones stay as they are.
template <class Base>
class LoadVisitor final : public Base {
 public:
  explicit LoadVisitor(ByteView saved) : saved_(saved) {}

  /// What was not as expected, in a few words; empty when everything was, to the end.
  [[nodiscard]] std::string error() const {
    if (error_.empty() && at_ != saved_.size()) return "has more than is described";
    return error_;
  }

  [[nodiscard]] bool restores() const noexcept override { return true; }
  void enter(std::string_view name, std::uint64_t index) override {
    std::uint64_t saved = index;
    field(name, saved);
    if (saved != index) fail(name);
  }
  void leave() override {}
  void field(std::string_view name, std::uint64_t& value) override {
    if (!take_tag(name) || !take(value)) fail(name);
  }
  void bytes(std::string_view name, std::span<std::byte> value) override {
    std::uint64_t size = 0;
    if (!take_tag(name) || !take(size) || size != value.size() || size > saved_.size() - at_) {
      return fail(name);
    }
    if (!value.empty()) std::memcpy(value.data(), saved_.data() + at_, value.size());
    at_ += value.size();
  }

 private:
  void fail(std::string_view name) {
    if (error_.empty()) error_ = "has no \"" + std::string(name) + "\" where it is expected";
    at_ = saved_.size();
  }
  bool take_tag(std::string_view name) {
    if (!error_.empty() || saved_.size() - at_ < 4) return false;
    const auto tag = little_endian<std::uint32_t>(saved_, at_);
    at_ += 4;
    return tag == state_tag(name);
  }
  bool take(std::uint64_t& value) {
    if (saved_.size() - at_ < 8) return false;
    value = little_endian<std::uint64_t>(saved_, at_);
    at_ += 8;
    return true;
  }

  ByteView saved_;
  std::size_t at_ = 0;
  std::string error_;
};

}  // namespace axvm::hal_sim
