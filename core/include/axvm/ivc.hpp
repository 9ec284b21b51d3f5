#pragma once
// Inter-VM communication: which memory VMs share with each other. A HAL holds one IvcHub, which all
// of its VMs use; the core works on it.

#include <array>
#include <axvm/address.hpp>
#include <axvm/lock_rank.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace axvm {

inline constexpr std::uint64_t kIvcMaxBytes = 1ULL << 20;  ///< of one channel
inline constexpr std::size_t kIvcMaxPublished = 8;         ///< channels by one VM
inline constexpr std::size_t kIvcMaxJoined = 16;   ///< channels, own ones among them, of one VM
inline constexpr std::size_t kIvcMaxMembers = 16;  ///< VMs of one channel

/// Where a VM's channels appear in its memory, and how it learns of news.
struct IvcWindow {
  GuestPhysRange range{};          ///< whole pages; empty: the VM has no channels
  std::uint32_t interrupt_id = 0;  ///< raised by notifications; 0: none
};

/// What begins a channel's memory: little-endian, followed by what its members agree on.
struct IvcHeader {
  std::uint64_t publisher = 0;
  std::uint64_t key = 0;
};

/// How a member is told of news: as long as it is a member.
class IvcDoorbell {
 public:
  IvcDoorbell() = default;
  template <class Vm>
  explicit IvcDoorbell(Vm& vm) noexcept
      : vm_(&vm), ring_([](void* v) { return static_cast<Vm*>(v)->on_notification(); }) {}

  /// Errors: Unsupported (the VM takes no such interrupt, or is not there).
  [[nodiscard]] Result<> ring() const {
    if (ring_ == nullptr) return fail(ErrorKind::Unsupported, "notify"sv, "nobody is there"sv);
    return ring_(vm_);
  }

 private:
  void* vm_ = nullptr;
  Result<> (*ring_)(void*) = nullptr;
};

/// A VM's share of a channel.
struct IvcMember {
  VmId vm;
  GuestPhysAddr base;  ///< where the channel begins in its memory
  IvcDoorbell bell;
};

/// Contiguous host memory that belongs to as many VMs as have joined it.
struct IvcChannel {
  VmId publisher;
  std::uint64_t key = 0;
  HostPhysAddr memory;
  std::uint64_t size = 0;  ///< bytes, whole pages
  bool published = true;   ///< may be joined; its publisher can take that back
  std::array<IvcMember, kIvcMaxMembers> members{};
  std::size_t member_count = 0;

  /// Null when `vm` has not joined.
  [[nodiscard]] const IvcMember* find(VmId vm) const noexcept;
  void join(IvcMember member) noexcept { members[member_count++] = member; }
  /// Precondition: `vm` has joined.
  void leave(VmId vm) noexcept;
};

/// All channels. Owns their records, not their memory. Not synchronised.
class IvcRegistry {
 public:
  explicit IvcRegistry(Allocator allocator) noexcept : allocator_(allocator) {}
  IvcRegistry(const IvcRegistry&) = delete;
  IvcRegistry& operator=(const IvcRegistry&) = delete;
  ~IvcRegistry();

  /// The channel that others may join under this name; null when there is none.
  [[nodiscard]] IvcChannel* find_published(VmId publisher, std::uint64_t key) noexcept;
  /// The channel of this name that `vm` has joined; null when there is none.
  [[nodiscard]] IvcChannel* find_joined(VmId vm, VmId publisher, std::uint64_t key) noexcept;
  /// Any channel that `vm` has joined.
  [[nodiscard]] IvcChannel* find_any(VmId vm) noexcept;

  /// Whether `vm` may publish under `key`. Errors: AlreadyExists, ResourceBusy (it has published as
  /// many as it may).
  [[nodiscard]] Result<> may_publish(VmId vm, std::uint64_t key) noexcept;
  /// Whether `vm` may join `channel`. Errors: AlreadyExists (it has, or another of that name),
  /// ResourceBusy (too many members, or channels of this VM).
  [[nodiscard]] Result<> may_join(VmId vm, const IvcChannel& channel) noexcept;
  /// The lowest place for `size` bytes in the window of `vm`.
  [[nodiscard]] std::optional<GuestPhysAddr> place(VmId vm, GuestPhysRange window,
                                                   std::uint64_t size) noexcept;

  /// A channel without members. Errors: NoMemory.
  [[nodiscard]] Result<IvcChannel*> add(VmId publisher, std::uint64_t key, HostPhysAddr memory,
                                        std::uint64_t size);
  /// Precondition: it has no members.
  void remove(IvcChannel& channel) noexcept;

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

  /// But for the doorbells: set_bell() has to restore them.
  void describe(StateVisitor& visitor);
  /// How `vm` is told of news in all channels that it has joined.
  void set_bell(VmId vm, IvcDoorbell bell) noexcept;

 private:
  struct Node {
    IvcChannel channel;
    Node* next = nullptr;
  };
  static void describe_channel(IvcChannel& channel, StateVisitor& visitor);
  template <class Matches>
  [[nodiscard]] IvcChannel* first_of(const Matches& matches) noexcept;
  template <class Matches>
  [[nodiscard]] std::size_t count(const Matches& matches) const noexcept;

  Allocator allocator_;
  Node* first_ = nullptr;
};

/// The registry and its lock, which comes before all others.
template <class H>
class IvcHub {
 public:
  explicit IvcHub(H& hal) : lock_(hal, LockRank::Ivc), registry_(Allocator::of(hal)) {}

  [[nodiscard]] typename H::Lock& lock() noexcept { return lock_; }
  [[nodiscard]] IvcRegistry& registry() noexcept { return registry_; }

 private:
  typename H::Lock lock_;
  IvcRegistry registry_;
};

}  // namespace axvm
