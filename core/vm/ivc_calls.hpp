#pragma once
// What a VM does with channels to others, on behalf of its guest. Every address that the guest
// gives is checked before anything changes, and what fails half-way is taken back.

#include <array>
#include <axvm/address.hpp>
#include <axvm/ivc.hpp>
#include <axvm/mapping.hpp>
#include <axvm/result.hpp>
#include <core/lock.hpp>
#include <core/memory/address_space.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

namespace axvm {

/// `Vm` is VmServices. Runs on the CPU that the VM's guest has called from.
template <class Vm>
class IvcCalls {
 public:
  explicit IvcCalls(Vm& vm) noexcept : vm_(vm), registry_(vm.hal().ivc().registry()) {}

  /// Offers a channel of the size at `size_pointer` (0: one page; rounded up to pages) to other
  /// VMs and maps it here; writes its address and real size back. Errors: Unsupported (the VM has
  /// no window for channels), BadAddress (a pointer), InvalidInput (too big), AlreadyExists,
  /// ResourceBusy (too many), NoMemory (no room in the window or in the host).
  Result<> publish(std::uint64_t key, GuestPhysAddr base_pointer, GuestPhysAddr size_pointer) {
    const LockGuard guard(vm_.hal().ivc().lock());
    if (auto checked = check_pointers(base_pointer, size_pointer); !checked) return checked;
    const auto wanted = read_number(size_pointer);
    if (!wanted) return std::unexpected(wanted.error());
    if (*wanted > kIvcMaxBytes) {
      return fail(ErrorKind::InvalidInput, "publish channel"sv, "a channel has 1 MiB at most"sv);
    }
    const std::uint64_t pages = *wanted == 0 ? 1 : (*wanted + kPageSize - 1) / kPageSize;
    if (auto may = registry_.may_publish(vm_.id(), key); !may) return may;

    const auto memory = vm_.hal().allocate_frames(static_cast<std::size_t>(pages), kPageSize);
    if (!memory) return fail(ErrorKind::NoMemory, "publish channel"sv, "no contiguous memory"sv);
    vm_.hal().zero_range(*memory, static_cast<std::size_t>(pages * kPageSize));
    const auto channel = registry_.add(vm_.id(), key, *memory, pages * kPageSize);
    if (!channel) {
      vm_.hal().deallocate_frames(*memory, static_cast<std::size_t>(pages));
      return std::unexpected(channel.error());
    }
    auto joined = join(**channel, base_pointer, size_pointer);
    if (joined) joined = write_header(**channel);
    reclaim_if_unused(**channel);
    return joined;
  }

  /// Maps a channel that another VM offers; writes its address and size. Errors: as publish, and
  /// NotFound.
  Result<> subscribe(VmId publisher, std::uint64_t key, GuestPhysAddr base_pointer,
                     GuestPhysAddr size_pointer) {
    const LockGuard guard(vm_.hal().ivc().lock());
    if (auto checked = check_pointers(base_pointer, size_pointer); !checked) return checked;
    IvcChannel* const channel = registry_.find_published(publisher, key);
    if (channel == nullptr) return no_channel("subscribe channel"sv);
    return join(*channel, base_pointer, size_pointer);
  }

  /// Takes an offer back and unmaps the channel here. Those who have joined keep it. Errors:
  /// NotFound, NoMemory (no room to split mappings).
  Result<> unpublish(std::uint64_t key) { return unsubscribe(vm_.id(), key); }

  /// Unmaps a channel here; the last who leaves gives its memory back. Errors: as unpublish.
  Result<> unsubscribe(VmId publisher, std::uint64_t key) {
    if (!has_window()) return no_window();
    const LockGuard guard(vm_.hal().ivc().lock());
    IvcChannel* const channel = registry_.find_joined(vm_.id(), publisher, key);
    if (channel == nullptr) return no_channel("leave channel"sv);
    const GuestPhysRange range{channel->find(vm_.id())->base, channel->size};
    auto unmapped =
        vm_.with_memory([&](auto& space, auto& tlb) { return space.unmap(range, tlb); });
    if (!unmapped) return unmapped;
    leave(*channel);
    return {};
  }

  /// Interrupts another member, on either side of an offer: `target` or this VM is the publisher.
  /// Errors: NotFound (a channel that both have joined), BadState (two subscribers), Unsupported
  /// (the target takes no interrupts).
  Result<> notify(VmId publisher, std::uint64_t key, VmId target) {
    if (!has_window()) return no_window();
    const LockGuard guard(vm_.hal().ivc().lock());
    IvcChannel* const channel = registry_.find_joined(vm_.id(), publisher, key);
    const IvcMember* const other = channel != nullptr ? channel->find(target) : nullptr;
    if (other == nullptr || target == vm_.id()) return no_channel("notify"sv);
    if (target != publisher && vm_.id() != publisher) {
      return fail(ErrorKind::BadState, "notify"sv, "neither side is the publisher"sv);
    }
    return other->bell.ring();
  }

  /// Whether the VM has joined any channel.
  [[nodiscard]] bool is_member() {
    const LockGuard guard(vm_.hal().ivc().lock());
    return registry_.find_any(vm_.id()) != nullptr;
  }

  /// The VM's memory goes away as a whole, or is cleared: it leaves every channel.
  void leave_all() {
    const LockGuard guard(vm_.hal().ivc().lock());
    while (IvcChannel* const channel = registry_.find_any(vm_.id())) {
      const GuestPhysRange range{channel->find(vm_.id())->base, channel->size};
      static_cast<void>(
          vm_.with_memory([&](auto& space, auto& tlb) { return space.unmap(range, tlb); }));
      leave(*channel);
    }
  }

 private:
  static std::unexpected<Error> no_channel(std::string_view operation) noexcept {
    return fail(ErrorKind::NotFound, operation, "there is no such channel for this VM"sv);
  }

  [[nodiscard]] bool has_window() const noexcept { return vm_.ivc_window().range.size != 0; }
  static std::unexpected<Error> no_window() noexcept {
    return fail(ErrorKind::Unsupported, "channel call"sv, "the VM has no ivc-channel device"sv);
  }

  /// Two numbers can be written at these addresses.
  Result<> check_pointers(GuestPhysAddr first, GuestPhysAddr second) {
    if (!has_window()) return no_window();
    for (const GuestPhysAddr pointer : {first, second}) {
      if (!pointer.is_aligned(sizeof(std::uint64_t)) || !vm_.is_memory(pointer)) {
        return bad_pointer();
      }
      // Backs lazy memory, too, so that writing later cannot fail.
      const auto there =
          vm_.handle_page_fault(vm_.hal().this_cpu().hardware(), pointer, MappingFlags::Write);
      if (!there) return std::unexpected(there.error());
      if (there->kind == PageFaultOutcome::Kind::Unhandled) return bad_pointer();
    }
    return {};
  }
  static std::unexpected<Error> bad_pointer() noexcept {
    return fail(ErrorKind::BadAddress, "join channel"sv,
                "a pointer is unaligned or not to writable memory"sv);
  }

  /// Finds room for `channel`, maps it and tells the guest. A failure leaves nothing behind.
  Result<> join(IvcChannel& channel, GuestPhysAddr base_pointer, GuestPhysAddr size_pointer) {
    if (auto may = registry_.may_join(vm_.id(), channel); !may) return may;
    const auto base = registry_.place(vm_.id(), vm_.ivc_window().range, channel.size);
    if (!base) return fail(ErrorKind::NoMemory, "join channel"sv, "the window is full"sv);
    const GuestPhysRange range{*base, channel.size};
    auto done = vm_.with_memory([&](auto& space, auto& tlb) {
      return space.map_linear(range, channel.memory, kReadWrite, tlb);
    });
    if (!done) return done;
    done = write_number(base_pointer, base->value);
    if (done) done = write_number(size_pointer, channel.size);
    if (!done) {
      static_cast<void>(
          vm_.with_memory([&](auto& space, auto& tlb) { return space.unmap(range, tlb); }));
      return done;
    }
    channel.join({vm_.id(), *base, vm_.doorbell()});
    return {};
  }

  void leave(IvcChannel& channel) {
    if (channel.publisher == vm_.id()) channel.published = false;
    channel.leave(vm_.id());
    reclaim_if_unused(channel);
  }

  void reclaim_if_unused(IvcChannel& channel) {
    if (channel.member_count != 0) return;
    const HostPhysAddr memory = channel.memory;
    const std::uint64_t pages = channel.size / kPageSize;
    registry_.remove(channel);
    vm_.hal().deallocate_frames(memory, static_cast<std::size_t>(pages));
  }

  // --- numbers in guest memory, little-endian -------------------------------------------------

  Result<> write_header(const IvcChannel& channel) {
    const GuestPhysAddr base = channel.find(vm_.id())->base;
    auto done = write_number(base + offsetof(IvcHeader, publisher), channel.publisher.value);
    if (done) done = write_number(base + offsetof(IvcHeader, key), channel.key);
    return done;
  }

  using Number = std::array<std::byte, sizeof(std::uint64_t)>;
  Result<std::uint64_t> read_number(GuestPhysAddr at) {
    Number bytes{};
    auto done = vm_.with_memory([&](auto& space, auto&) { return space.read(at, bytes); });
    if (!done) return std::unexpected(done.error());
    std::uint64_t value = 0;
    for (std::size_t n = bytes.size(); n > 0; --n) {
      value = value << 8 | std::to_integer<std::uint64_t>(bytes[n - 1]);
    }
    return value;
  }
  Result<> write_number(GuestPhysAddr at, std::uint64_t value) {
    Number bytes{};
    for (std::byte& byte : bytes) {
      byte = static_cast<std::byte>(value);
      value >>= 8;
    }
    return vm_.with_memory([&](auto& space, auto& tlb) { return space.write(at, bytes, tlb); });
  }

  Vm& vm_;
  IvcRegistry& registry_;
};

}  // namespace axvm
