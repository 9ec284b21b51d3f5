#include <axvm/config.hpp>
#include <axvm/ivc.hpp>
#include <new>

namespace axvm {

const IvcMember* IvcChannel::find(VmId vm) const noexcept {
  for (std::size_t n = 0; n < member_count; ++n) {
    if (members[n].vm == vm) return &members[n];
  }
  return nullptr;
}

void IvcChannel::leave(VmId vm) noexcept {
  std::size_t n = 0;
  while (members[n].vm != vm) ++n;
  --member_count;
  for (; n < member_count; ++n) members[n] = members[n + 1];
}

IvcRegistry::~IvcRegistry() {
  while (first_ != nullptr) remove(first_->channel);
}

template <class Matches>
IvcChannel* IvcRegistry::first_of(const Matches& matches) noexcept {
  for (Node* node = first_; node != nullptr; node = node->next) {
    if (matches(node->channel)) return &node->channel;
  }
  return nullptr;
}

template <class Matches>
std::size_t IvcRegistry::count(const Matches& matches) const noexcept {
  std::size_t found = 0;
  for (const Node* node = first_; node != nullptr; node = node->next) {
    if (matches(node->channel)) ++found;
  }
  return found;
}

IvcChannel* IvcRegistry::find_published(VmId publisher, std::uint64_t key) noexcept {
  return first_of(
      [=](const IvcChannel& c) { return c.published && c.publisher == publisher && c.key == key; });
}

IvcChannel* IvcRegistry::find_joined(VmId vm, VmId publisher, std::uint64_t key) noexcept {
  return first_of([=](const IvcChannel& c) {
    return c.publisher == publisher && c.key == key && c.find(vm) != nullptr;
  });
}

IvcChannel* IvcRegistry::find_any(VmId vm) noexcept {
  return first_of([=](const IvcChannel& c) { return c.find(vm) != nullptr; });
}

Result<> IvcRegistry::may_publish(VmId vm, std::uint64_t key) noexcept {
  if (find_published(vm, key) != nullptr || find_joined(vm, vm, key) != nullptr) {
    return fail(ErrorKind::AlreadyExists, "publish channel"sv, "the key is in use"sv);
  }
  // Also what it has withdrawn while others still use it: they hold memory on its account.
  if (count([=](const IvcChannel& c) { return c.publisher == vm; }) >= kIvcMaxPublished) {
    return fail(ErrorKind::ResourceBusy, "publish channel"sv, "the VM has too many channels"sv);
  }
  return {};
}

Result<> IvcRegistry::may_join(VmId vm, const IvcChannel& channel) noexcept {
  if (find_joined(vm, channel.publisher, channel.key) != nullptr) {
    return fail(ErrorKind::AlreadyExists, "join channel"sv, "the VM has joined it"sv);
  }
  if (channel.member_count == channel.members.size()) {
    return fail(ErrorKind::ResourceBusy, "join channel"sv, "the channel has too many members"sv);
  }
  if (count([=](const IvcChannel& c) { return c.find(vm) != nullptr; }) >= kIvcMaxJoined) {
    return fail(ErrorKind::ResourceBusy, "join channel"sv, "the VM has joined too many channels"sv);
  }
  return {};
}

std::optional<GuestPhysAddr> IvcRegistry::place(VmId vm, GuestPhysRange window,
                                                std::uint64_t size) noexcept {
  GuestPhysRange candidate{window.base, size};
  while (window.contains(candidate.base, candidate.size)) {
    const IvcChannel* const obstacle = first_of([&](const IvcChannel& c) {
      const IvcMember* const member = c.find(vm);
      return member != nullptr && GuestPhysRange{member->base, c.size}.overlaps(candidate);
    });
    if (obstacle == nullptr) return candidate.base;
    candidate.base = obstacle->find(vm)->base + obstacle->size;
  }
  return std::nullopt;
}

Result<IvcChannel*> IvcRegistry::add(VmId publisher, std::uint64_t key, HostPhysAddr memory,
                                     std::uint64_t size) {
  void* const storage = allocator_.allocate(sizeof(Node), alignof(Node));
  if (storage == nullptr) {
    return fail(ErrorKind::NoMemory, "publish channel"sv, "no memory for its record"sv);
  }
  IvcChannel channel{.publisher = publisher, .key = key, .memory = memory, .size = size};
  first_ = ::new (storage) Node{channel, first_};
  return &first_->channel;
}

void IvcRegistry::remove(IvcChannel& channel) noexcept {
  Node** link = &first_;
  while (&(*link)->channel != &channel) link = &(*link)->next;
  Node* const node = *link;
  *link = node->next;
  node->~Node();
  allocator_.deallocate(node, sizeof(Node), alignof(Node));
}

void IvcRegistry::set_bell(VmId vm, IvcDoorbell bell) noexcept {
  for (Node* node = first_; node != nullptr; node = node->next) {
    for (IvcMember& member : node->channel.members) {
      if (member.vm == vm) member.bell = bell;
    }
  }
}

void IvcRegistry::describe_channel(IvcChannel& c, StateVisitor& visitor) {
  visitor.field("key"sv, c.key);
  visitor.value("publisher"sv, c.publisher.value);
  visitor.field("memory"sv, c.memory.value);
  visitor.field("size"sv, c.size);
  visitor.value("published"sv, c.published);
  visitor.value("members"sv, c.member_count);
  if (c.member_count > c.members.size()) c.member_count = c.members.size();
  for (std::size_t n = 0; n < c.member_count; ++n) {
    visitor.value("member"sv, c.members[n].vm.value);
    visitor.field("base"sv, c.members[n].base.value);
  }
}

void IvcRegistry::describe(StateVisitor& visitor) {
  std::uint64_t number = 0;
  for (Node* node = first_; node != nullptr; node = node->next) ++number;
  visitor.field("channels"sv, number);
  if (number > kIvcMaxPublished * kMaxVmId) number = kIvcMaxPublished * kMaxVmId;
  Node** link = &first_;
  for (std::uint64_t i = 0; i < number; ++i) {
    if (*link == nullptr) {
      void* const storage = allocator_.allocate(sizeof(Node), alignof(Node));
      if (storage == nullptr) return;
      *link = ::new (storage) Node{};
    }
    visitor.enter("channel"sv, i);
    describe_channel((*link)->channel, visitor);
    visitor.leave();
    link = &(*link)->next;
  }
  while (*link != nullptr) remove((*link)->channel);
}

}  // namespace axvm
