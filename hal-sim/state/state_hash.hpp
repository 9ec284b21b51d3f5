#pragma once
// The visitors that turn a described state into a hash.

#include <axvm/state.hpp>
#include <hal-sim/state/hasher.hpp>
#include <sim/state.hpp>

namespace axvm::hal_sim {

/// Feeds every name and value of a described object to a Hasher. `Base` is the core's StateVisitor
/// or the machine's: they say the same in two languages.
template <class Base>
class HashVisitor final : public Base {
 public:
  explicit HashVisitor(Hasher& hasher) : hasher_(hasher) {}

  void enter(std::string_view name, std::uint64_t index) override {
    hasher_.add(name);
    hasher_.add(index);
  }
  void leave() override { hasher_.add(std::string_view("}")); }
  void field(std::string_view name, std::uint64_t& value) override {
    hasher_.add(name);
    hasher_.add(value);
  }
  void bytes(std::string_view name, std::span<std::byte> value) override {
    hasher_.add(name);
    hasher_.add(std::span<const std::byte>(value));
  }

 private:
  Hasher& hasher_;
};

using CoreHashVisitor = HashVisitor<axvm::StateVisitor>;
using SimHashVisitor = HashVisitor<axvm::sim::StateVisitor>;

}  // namespace axvm::hal_sim
