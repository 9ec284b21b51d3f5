// Any commands, messages and CPUs against a model that knows of events and LPIs only.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <map>
#include <optional>
#include <tests/core/arch/aarch64/its_fixture.hpp>
#include <utility>

using namespace axvm;
using namespace axvm::aarch64;
using namespace axvm::test;

namespace {

constexpr unsigned kVcpus = 3;
constexpr std::uint32_t kDeviceCount = 3, kEventCount = 4, kCollectionCount = 4, kLpiKinds = 6;

/// Of any size, however small the case.
unsigned below(unsigned n) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0U, n)); }

struct Model {
  struct Event {
    std::uint32_t intid, collection;
  };
  std::set<std::uint32_t> devices;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Event> events;  ///< of devices, mapped or not
  std::map<std::uint32_t, unsigned> collections;
  std::array<std::set<std::uint32_t>, kVcpus> pending;
  std::set<std::uint32_t> enabled;        ///< as the table says
  std::set<std::uint32_t> known_enabled;  ///< as the controller knows

  Event* find(std::uint32_t device, std::uint32_t event) {
    if (!devices.contains(device)) return nullptr;
    const auto found = events.find({device, event});
    return found == events.end() ? nullptr : &found->second;
  }
  std::optional<unsigned> target(std::uint32_t collection) {
    const auto found = collections.find(collection);
    if (found == collections.end()) return std::nullopt;
    return found->second;
  }
  void happen(std::uint32_t device, std::uint32_t event) {
    const Event* mapped = find(device, event);
    if (mapped == nullptr) return;
    if (const auto vcpu = target(mapped->collection)) pending[*vcpu].insert(mapped->intid);
  }
  void learn(std::uint32_t intid) {
    if (enabled.contains(intid)) {
      known_enabled.insert(intid);
    } else {
      known_enabled.erase(intid);
    }
  }
};

struct Both : ItsWorld {
  Both() : ItsWorld(kVcpus) {
    start();
    for (unsigned i = 0; i < kVcpus; ++i) model.collections[i] = i;
    for (std::uint32_t i = 0; i < kLpiKinds; ++i) {
      model.enabled.insert(kFirstLpi + i);
      model.known_enabled.insert(kFirstLpi + i);
    }
    for (std::uint32_t device = 0; device < kDeviceCount; ++device) {
      map_device(device, 2, kEvents + 256 * device);
      model.devices.insert(device);
      for (std::uint32_t event = 0; event < kEventCount; ++event) {
        const std::uint32_t intid = kFirstLpi + (device + event) % kLpiKinds;
        map_event(device, event, intid, event % kVcpus);
        model.events[{device, event}] = {intid, event % kVcpus};
      }
    }
  }

  void step() {
    const auto device = below(kDeviceCount);
    const auto event = below(kEventCount);
    const auto collection = below(kCollectionCount);
    const auto intid = kFirstLpi + below(kLpiKinds);
    const auto vcpu = below(kVcpus);
    switch (below(16)) {
      case 0:
        map_device(device, 2, kEvents + 256 * device);
        model.devices.insert(device);
        break;
      case 1:
        command(0x08 | std::uint64_t{device} << 32, 0, 0);
        model.devices.erase(device);
        break;
      case 2:
        map_collection(collection, vcpu);
        model.collections[collection] = vcpu;
        break;
      case 3:
        command(0x09, 0, collection);
        model.collections.erase(collection);
        break;
      case 4: {
        const bool on = *rc::gen::arbitrary<bool>();
        configure(intid, 0xa0, on);
        if (on) {
          model.enabled.insert(intid);
        } else {
          model.enabled.erase(intid);
        }
        break;
      }
      case 5:
        command(ItsOperation::Inv, device, event);
        if (const auto* mapped = model.find(device, event)) model.learn(mapped->intid);
        break;
      case 6:
        command(ItsOperation::Invall, 0, 0, collection);
        if (!model.target(collection)) break;
        for (std::uint32_t i = 0; i < kLpiKinds; ++i) model.learn(kFirstLpi + i);
        break;
      case 7: move(device, event, collection); break;
      case 8: {
        const auto to = below(kVcpus);
        move_all(vcpu, to);
        if (vcpu == to) break;
        model.pending[to].merge(model.pending[vcpu]);
        model.pending[vcpu].clear();
        break;
      }
      case 9:
      case 10: clear(device, event, *rc::gen::arbitrary<bool>()); break;
      case 11: take_some(vcpu); break;
      case 12:
        static_cast<void>(gic->send_message(device, event)), model.happen(device, event);
        break;
      case 13:
        map_event(device, event, intid, collection);
        if (!model.devices.contains(device)) break;
        model.events[{device, event}] = {intid, collection};
        model.learn(intid);
        break;
      default: command(ItsOperation::Int, device, event); model.happen(device, event);
    }
    RC_ASSERT(get(kCreader) == writer);
  }

  void move(std::uint32_t device, std::uint32_t event, std::uint32_t collection) {
    command(ItsOperation::Movi, device, event, collection);
    Model::Event* mapped = model.find(device, event);
    if (mapped == nullptr) return;
    const auto from = model.target(mapped->collection);
    const auto to = model.target(collection);
    if (!from || !to) return;
    mapped->collection = collection;
    if (model.pending[*from].erase(mapped->intid) != 0) model.pending[*to].insert(mapped->intid);
  }

  void clear(std::uint32_t device, std::uint32_t event, bool discard) {
    command(discard ? ItsOperation::Discard : ItsOperation::Clear, device, event);
    Model::Event* mapped = model.find(device, event);
    if (mapped == nullptr) return;
    if (const auto from = model.target(mapped->collection)) {
      model.pending[*from].erase(mapped->intid);
    }
    if (discard) model.events.erase({device, event});
  }

  /// A CPU runs: it takes some of what its list registers hold.
  void take_some(unsigned vcpu) {
    const Intids held_now = fill(vcpu, 2);
    RC_ASSERT(held.more == (deliverable(vcpu).size() > 2));
    Intids wanted = deliverable(vcpu);
    if (wanted.size() > 2) wanted.resize(2);
    RC_ASSERT(held_now == wanted);
    // Meanwhile another CPU gives commands.
    if (*rc::gen::arbitrary<bool>()) {
      const auto device = below(kDeviceCount);
      const auto event = below(kEventCount);
      if (*rc::gen::arbitrary<bool>()) {
        move(device, event, below(kCollectionCount));
      } else {
        clear(device, event, *rc::gen::arbitrary<bool>());
      }
      return fold(vcpu);
    }
    for (unsigned n = 0; n < held.count; ++n) {
      if (!*rc::gen::arbitrary<bool>()) continue;
      held.entries[n].pending = false;
      model.pending[vcpu].erase(held.entries[n].intid);
    }
    fold(vcpu);
  }
  Intids deliverable(unsigned vcpu) {
    Intids out;
    for (const std::uint32_t intid : model.pending[vcpu]) {
      if (model.known_enabled.contains(intid)) out.push_back(intid);
    }
    return out;
  }

  Model model;
};

}  // namespace

TEST_CASE("its: any commands do what a model of events and LPIs says") {
  CHECK(rc::check("the model agrees", [] {
    Both both;
    const int steps = 1 + static_cast<int>(below(200));
    for (int i = 0; i < steps; ++i) both.step();
    for (unsigned vcpu = 0; vcpu < kVcpus; ++vcpu) {
      RC_ASSERT(both.take(vcpu) == both.deliverable(vcpu));
    }
  }));
}
