#pragma once
// One description of an object's state serves hash, snapshot, comparison and display.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace axvm {

/// Receives each field of an object by name. `describe(StateVisitor&)` of an object calls it for
/// everything that decides the object's future, in a fixed order, and for nothing else (no
/// pointers, no statistics, no caches). A restoring visitor writes through the references.
class StateVisitor {
 public:
  virtual void enter(std::string_view name, std::uint64_t index) {
    static_cast<void>(name);
    static_cast<void>(index);
  }
  virtual void leave() {}
  virtual void field(std::string_view name, std::uint64_t& value) {
    static_cast<void>(name);
    static_cast<void>(value);
  }
  virtual void bytes(std::string_view name, std::span<std::byte> value) {
    static_cast<void>(name);
    static_cast<void>(value);
  }

  /// Whether values are written through the references: what an object has only because of what it
  /// was before (caches, pointers) is then to be dropped or found anew.
  [[nodiscard]] virtual bool restores() const noexcept { return false; }

  /// Any integral, enumeration or bool field.
  template <class T>
  void value(std::string_view name, T& v) {
    auto wide = static_cast<std::uint64_t>(v);
    field(name, wide);
    v = static_cast<T>(wide);
  }

 protected:
  ~StateVisitor() = default;
};

}  // namespace axvm
