#pragma once
// Described state as a list of values: to compare, to restore, and to restore nonsense.

#include <algorithm>
#include <cstdint>
#include <fuzz/input.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::fuzz {

struct StateValue {
  std::string name;
  std::uint64_t number = 0;
  std::vector<std::byte> bytes;

  friend bool operator==(const StateValue&, const StateValue&) = default;
};
using State = std::vector<StateValue>;

/// `Base` is the StateVisitor of the core or of the machine.
template <class Base>
class Save final : public Base {
 public:
  void enter(std::string_view name, std::uint64_t index) override {
    state.push_back({std::string(name), index, {}});
  }
  void leave() override { state.push_back({}); }
  void field(std::string_view name, std::uint64_t& value) override {
    state.push_back({std::string(name), value, {}});
  }
  void bytes(std::string_view name, std::span<std::byte> value) override {
    state.push_back({std::string(name), 0, {value.begin(), value.end()}});
  }

  State state;
};

template <class Base>
class Restore final : public Base {
 public:
  explicit Restore(const State& state) : state_(state) {}

  [[nodiscard]] bool restores() const noexcept override { return true; }
  void enter(std::string_view name, std::uint64_t index) override {
    require(next(name).number == index, "a description names the same objects again");
  }
  void leave() override { static_cast<void>(next({})); }
  void field(std::string_view name, std::uint64_t& value) override { value = next(name).number; }
  void bytes(std::string_view name, std::span<std::byte> value) override {
    const std::vector<std::byte>& saved = next(name).bytes;
    require(saved.size() == value.size(), "a description's bytes are as many again");
    std::ranges::copy(saved, value.begin());
  }

 private:
  const StateValue& next(std::string_view name) {
    require(at_ < state_.size() && state_[at_].name == name,
            "a description names the same fields again");
    return state_[at_++];
  }

  const State& state_;
  std::size_t at_ = 0;
};

/// Restores whatever the input says, as a damaged snapshot would.
template <class Base>
class RestoreAnything final : public Base {
 public:
  explicit RestoreAnything(Input& input) : input_(input) {}

  [[nodiscard]] bool restores() const noexcept override { return true; }
  void enter(std::string_view, std::uint64_t) override {}
  void leave() override {}
  void field(std::string_view, std::uint64_t& value) override {
    switch (input_.below(4)) {
      case 0: break;
      case 1: value = input_.take<std::uint8_t>(); break;
      case 2: value ^= std::uint64_t{1} << input_.below(64); break;
      default: value = input_.take<std::uint64_t>();
    }
  }
  void bytes(std::string_view, std::span<std::byte> value) override {
    for (std::byte& byte : value) byte ^= std::byte{input_.take<std::uint8_t>()};
  }

 private:
  Input& input_;
};

/// The state of anything with describe(Base&).
template <class Base, class T>
State state_of(T& object) {
  Save<Base> save;
  object.describe(save);
  return std::move(save.state);
}

}  // namespace axvm::fuzz
