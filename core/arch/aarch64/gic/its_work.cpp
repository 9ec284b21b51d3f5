// What an ITS does: messages (IHI 0069, 5.2) and commands (5.3).

#include <core/arch/aarch64/gic/its.hpp>

namespace axvm::aarch64 {
namespace {

/// What a command takes of an access's kWorkPerAccess: those that look at every LPI take more.
constexpr unsigned cost_of(const ItsCommand& command) {
  switch (command.operation()) {
    case ItsOperation::Invall:
    case ItsOperation::Movall: return 32;
    default: return 1;
  }
}

/// Whether a table was not where the guest said.
constexpr bool is_fault(const Error& error) {
  return error.kind == ErrorKind::BadAddress || error.kind == ErrorKind::NoMemory;
}

std::unexpected<Error> out_of_range(std::string_view what) noexcept {
  return fail(ErrorKind::OutOfRange, "ITS command"sv, what);
}

}  // namespace

Result<> Its::translate(std::uint32_t device, std::uint32_t event) {
  if (!enabled_) return fail(ErrorKind::BadState, "ITS"sv, "the ITS is off"sv);
  const auto mapped = map_.find_event(device, event);
  if (!mapped) return std::unexpected(mapped.error());
  const auto target = map_.find_target(mapped->event.collection);
  if (!target) return std::unexpected(target.error());
  gic_.make_lpi_pending(*target, mapped->event.intid);
  return {};
}

void Its::work() {
  for (unsigned done = 0; enabled_ && queue_.has_work();) {
    if (done >= kWorkPerAccess) {
      left_over_since_ = host_.nanoseconds();
      return;
    }
    std::array<std::byte, ItsCommand::kSize> bytes{};
    if (!host_.read_memory(queue_.front(), bytes)) return queue_.stall();
    const ItsCommand command(bytes);
    const auto carried_out = carry_out(command);
    if (!carried_out && is_fault(carried_out.error())) return queue_.stall();
    queue_.pop();
    done += cost_of(command);
  }
}

Result<> Its::carry_out(const ItsCommand& command) {
  switch (command.operation()) {
    case ItsOperation::Mapd: return map_device(command);
    case ItsOperation::Mapc: return map_collection(command);
    case ItsOperation::Mapti: return map_event(command, command.intid());
    case ItsOperation::Mapi: return map_event(command, command.event());
    case ItsOperation::Movi: return move_event(command);
    case ItsOperation::Movall: return move_all(command);
    case ItsOperation::Int: return translate(command.device(), command.event());
    case ItsOperation::Clear: return clear_event(command, false);
    case ItsOperation::Discard: return clear_event(command, true);
    case ItsOperation::Inv: return reload_event(command);
    case ItsOperation::Invall: return reload_collection(command);
    case ItsOperation::Sync: return {};  // nothing is ever on its way
  }
  return out_of_range("no command has this number"sv);
}

Result<> Its::map_device(const ItsCommand& command) {
  ItsDevice device;
  if (command.valid()) {
    if (command.event_bits() > kItsEventBits) return out_of_range("too many events"sv);
    device.valid = true;
    device.events = command.event_table();
    device.event_bits = command.event_bits();
  }
  return map_.set_device(command.device(), device);
}

Result<> Its::map_collection(const ItsCommand& command) {
  ItsCollection collection;
  if (command.valid()) {
    if (command.target() >= gic_.vcpu_count()) return out_of_range("no such redistributor"sv);
    collection.valid = true;
    collection.vcpu = static_cast<std::uint32_t>(command.target());
  }
  return map_.set_collection(command.collection(), collection);
}

Result<> Its::map_event(const ItsCommand& command, std::uint32_t intid) {
  if (!is_lpi(intid)) return out_of_range("no LPI has this number"sv);
  if (auto there = map_.check_collection(command.collection()); !there) return there;
  const auto at = map_.locate_event(command.device(), command.event());
  if (!at) return std::unexpected(at.error());
  if (auto done = map_.set_event(*at, {intid, command.collection()}); !done) return done;
  lpis_.reload(intid);
  return {};
}

Result<> Its::move_event(const ItsCommand& command) {
  const auto mapped = map_.find_event(command.device(), command.event());
  if (!mapped) return std::unexpected(mapped.error());
  const auto from = map_.find_target(mapped->event.collection);
  if (!from) return std::unexpected(from.error());
  const auto to = map_.find_target(command.collection());
  if (!to) return std::unexpected(to.error());
  const std::uint32_t intid = mapped->event.intid;
  if (auto done = map_.set_event(mapped->at, {intid, command.collection()}); !done) return done;
  gic_.move_lpi(*from, intid, *to);
  return {};
}

Result<> Its::move_all(const ItsCommand& command) {
  const std::uint64_t from = command.target();
  const std::uint64_t to = command.other_target();
  if (from >= gic_.vcpu_count() || to >= gic_.vcpu_count()) {
    return out_of_range("no such redistributor"sv);
  }
  gic_.move_all_lpis(static_cast<unsigned>(from), static_cast<unsigned>(to));
  return {};
}

Result<> Its::clear_event(const ItsCommand& command, bool discard) {
  const auto mapped = map_.find_event(command.device(), command.event());
  if (!mapped) return std::unexpected(mapped.error());
  const auto target = map_.find_target(mapped->event.collection);
  // An event of a collection that is nobody's is pending nowhere.
  if (!target && (!discard || is_fault(target.error()))) return std::unexpected(target.error());
  if (target) gic_.move_lpi(*target, mapped->event.intid, Lpis::kNobody);
  return discard ? map_.set_event(mapped->at, {}) : Result<>();
}

Result<> Its::reload_event(const ItsCommand& command) {
  const auto mapped = map_.find_event(command.device(), command.event());
  if (!mapped) return std::unexpected(mapped.error());
  lpis_.reload(mapped->event.intid);
  return {};
}

/// All collections' configuration is in one table.
Result<> Its::reload_collection(const ItsCommand& command) {
  if (auto target = map_.find_target(command.collection()); !target) {
    return std::unexpected(target.error());
  }
  lpis_.reload_all();
  return {};
}

}  // namespace axvm::aarch64
