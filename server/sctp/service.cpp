#include "sctp/service.hpp"

#include <deque>
#include <iterator>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "sctp/association.hpp"
#include "sctp/stack.hpp"

namespace meridian::sctp {
namespace {

/// Packets are not queued beyond this many events that nobody polls; SCTP sends them again.
constexpr std::size_t kMaxEvents = 65'536;
/// What one read from the stack takes at most; larger messages come in parts.
constexpr std::size_t kScratchSize = 64 * 1024;

}  // namespace

class Service::Impl {
 public:
  Impl() : scratch_(kScratchSize), stack_(&Impl::on_output, this) {}

  void handle(Command command, Instant now) {
    stack_.advance(now);
    std::visit([&](auto& kind) { on(kind, now); }, command);
    process_ready();
  }

  void handle_timeout(Instant now) {
    stack_.advance(now);
    for (auto key = waiting_.begin(); key != waiting_.end();) {
      Association& association = associations_.at(*key);
      association.flush();
      key = association.has_waiting() ? std::next(key) : waiting_.erase(key);
    }
    process_ready();
  }

  [[nodiscard]] Instant next_timeout() const {
    return associations_.empty() ? Instant::never() : stack_.next_tick();
  }

  [[nodiscard]] std::optional<Event> poll_event() {
    if (events_.empty()) {
      return std::nullopt;
    }
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] std::size_t associations() const { return associations_.size(); }

 private:
  struct Route {
    TransportId transport;
    WorkerIndex worker;
  };

  static void on_output(void* context, AssociationKey key, Bytes packet) {
    Impl& self = *static_cast<Impl*>(context);
    const auto route = self.routes_.find(key);
    if (route == self.routes_.end()) {
      return;
    }
    if (self.events_.size() >= kMaxEvents) {
      ++self.counters_.packets_not_queued;
      return;
    }
    self.events_.push_back(PacketToSend{
        route->second.transport, route->second.worker, {packet.begin(), packet.end()}});
  }

  void on(Open& open, Instant) {
    if (keys_.contains(open.transport)) {
      return;
    }
    if (associations_.size() >= kMaxAssociations) {
      events_.push_back(AssociationClosed{open.transport, CloseReason::kLimit});
      return;
    }
    const AssociationKey key = stack_.make_key();
    routes_[key] = {open.transport, open.worker};  // first, since connecting sends
    auto socket = stack_.connect(key);
    if (!socket) {
      routes_.erase(key);
      stack_.forget_key(key);
      events_.push_back(AssociationClosed{open.transport, CloseReason::kInternal});
      return;
    }
    keys_[open.transport] = key;
    associations_.try_emplace(key, open, std::move(socket), counters_, events_);
  }

  void on(Close& close, Instant) {
    if (const auto found = keys_.find(close.transport); found != keys_.end()) {
      erase(found->second, close.transport);
    }
  }

  void on(Packet& packet, Instant now) {
    const auto found = keys_.find(packet.transport);
    if (found == keys_.end()) {
      ++counters_.packets_for_unknown_transport;
      return;
    }
    if (!associations_.at(found->second).admit_packet(now)) {
      ++counters_.packets_over_rate;
      return;
    }
    stack_.input(found->second, packet.bytes);
  }

  void on(Send& send, Instant) {
    if (Association* const association = find(send.transport)) {
      association->send(send);
      note_waiting(*association);
    } else {
      ++counters_.sends_without_channel;
    }
  }

  void on(OpenChannel& open, Instant) {
    if (Association* const association = find(open.transport)) {
      association->open_channel(open.options);
      note_waiting(*association);
    }
  }

  void on(CloseChannel& close, Instant) {
    if (Association* const association = find(close.transport)) {
      association->close_channel(close.channel);
      note_waiting(*association);
    }
  }

  [[nodiscard]] Association* find(TransportId transport) {
    const auto found = keys_.find(transport);
    return found == keys_.end() ? nullptr : &associations_.at(found->second);
  }

  void note_waiting(const Association& association) {
    if (association.has_waiting()) {
      waiting_.insert(keys_.at(association.transport()));
    }
  }

  void process_ready() {
    for (const AssociationKey key : stack_.take_ready()) {
      const auto found = associations_.find(key);
      if (found == associations_.end()) {
        continue;
      }
      if (const auto reason = found->second.process(scratch_)) {
        const TransportId transport = found->second.transport();
        erase(key, transport);
        events_.push_back(AssociationClosed{transport, *reason});
        continue;
      }
      note_waiting(found->second);
    }
  }

  void erase(AssociationKey key, TransportId transport) {
    waiting_.erase(key);
    associations_.erase(key);  // may send an ABORT, so the route goes last
    keys_.erase(transport);
    routes_.erase(key);
    stack_.forget_key(key);
  }

  Counters counters_;
  std::deque<Event> events_;
  std::vector<std::uint8_t> scratch_;
  std::unordered_map<AssociationKey, Route> routes_;
  std::unordered_map<TransportId, AssociationKey> keys_;
  // The stack outlives the associations, whose sockets are its own.
  Stack stack_;
  std::unordered_map<AssociationKey, Association> associations_;
  /// Those with something that the stack hasn't taken: what is looked at in each tick.
  std::set<AssociationKey> waiting_;
};

Service::Service() : impl_(std::make_unique<Impl>()) {}
Service::~Service() = default;

void Service::handle(Command command, Instant now) {
  impl_->handle(std::move(command), now);
}
void Service::handle_timeout(Instant now) {
  impl_->handle_timeout(now);
}
Instant Service::next_timeout() const {
  return impl_->next_timeout();
}
std::optional<Event> Service::poll_event() {
  return impl_->poll_event();
}
const Counters& Service::counters() const {
  return impl_->counters();
}
std::size_t Service::associations() const {
  return impl_->associations();
}

}  // namespace meridian::sctp
