#include <variant>

#include "sim/simulation.hpp"

/// What goes to and fro between clients and the node, and what the commands between control and
/// workers tell about who is owed what.
namespace meridian::sim {
namespace {

/// A client that has no keys yet keeps media for this long, tried again each time.
constexpr Duration kKeyWait = 5ms;
constexpr int kMaxKeyWaits = 200;
constexpr int kActionReconnect = 2;

std::string describe(const forward::DownlinkReport& report) {
  const auto kilobits = [](Bitrate rate) { return std::to_string(rate.value() / 1000); };
  std::string text = "carries " + (report.estimate ? kilobits(*report.estimate) : "?") +
                     " kbit/s (reason " + std::to_string(static_cast<int>(report.reason)) +
                     "), sent " + kilobits(report.sent) + ", reserved " +
                     kilobits(report.reserved) + ", video " + kilobits(report.video) + " of " +
                     kilobits(report.wished);
  for (const forward::VideoShare& share : report.videos) {
    text +=
        ", " + std::to_string(share.publication.value()) + ": " +
        (share.is_paused() ? "paused"
                           : std::to_string(share.spatial) + "." + std::to_string(share.temporal));
  }
  return text;
}

}  // namespace

// ---- Clients to the node ------------------------------------------------------------------------

void Simulation::pump(Member& member) {
  while (auto frame = member.client.poll_signal()) {
    queue_.at(now_ + member.plan.signal_delay, [this, &member, frame = std::move(*frame)] {
      if (member.has_session) {
        node_->handle_frame(member.session, frame, now());
      }
    });
  }
  while (auto datagram = member.client.poll_datagram()) {
    send_up(member, std::move(*datagram));
  }
  if (member.client.is_connected() && !member.has_published && !member.is_gone) {
    log(member.plan.identity + " is connected in " + member.client.region());
    publish_all(member);
  }
}

void Simulation::send_up(Member& member, test::ClientDatagram datagram) {
  const SocketAddress server = *member.client.server_address();
  if (datagram.media) {
    ledger_.on_made(datagram.media->stamp);
  }
  const auto passage = member.up.pass(kind_of(datagram.bytes), datagram.bytes.size(), now_);
  if (!passage.is_lost) {
    queue_.at(passage.arrival, [this, &member, server, datagram = std::move(datagram)] {
      arrive_up(member, datagram, server);
    });
  }
}

Ledger::Door Simulation::door(const Member& member, std::uint32_t source) const {
  const bool is_lawful = law_.allows(member.account.id, node_->region(member.worker).value());
  const auto publication = publication_of_source_.find(source);
  const bool is_closed = publication != publication_of_source_.end() &&
                         publications_.at(publication->second).is_closed;
  return member.has_transport && is_lawful && !is_closed ? Ledger::Door::kOpen
                                                         : Ledger::Door::kClosed;
}

void Simulation::arrive_up(Member& member, const test::ClientDatagram& datagram,
                           const SocketAddress& server) {
  const auto worker = node_->worker_at(server);
  if (!worker) {
    fault(member.plan.identity + " was told an address of nobody");
    return;
  }
  if (datagram.media) {
    ledger_.on_arrived(datagram.media->stamp, datagram.media->is_retransmission,
                       door(member, datagram.media->stamp.source));
  }
  node_->handle_datagram(*worker, datagram.bytes, member.address, now());
}

// ---- The node to clients ------------------------------------------------------------------------

Simulation::Member* Simulation::member_at(const SocketAddress& address) const {
  const auto found = by_address_.find(address);
  return found == by_address_.end() ? nullptr : found->second;
}

void Simulation::on_datagram(WorkerIndex worker, const SocketAddress& to, Bytes bytes) {
  Member* member = member_at(to);
  if (member == nullptr) {
    fault("a datagram to nobody");
    return;
  }
  const std::string& region = node_->region(worker).value();
  if (!law_.allows(member->account.id, region)) {
    fault("a datagram of account " + member->account.id + " left region " + region);
  }
  const Ledger::Order order = ledger_.next_order();
  const auto passage = member->down.pass(kind_of(bytes), bytes.size(), now_);
  queue_.at(passage.arrival, [this, member, order, is_lost = passage.is_lost,
                              copy = std::vector<std::uint8_t>(bytes.begin(), bytes.end())] {
    arrive_down(*member, copy, order, is_lost, 0);
  });
}

void Simulation::arrive_down(Member& member, const std::vector<std::uint8_t>& bytes,
                             Ledger::Order order, bool is_lost, int tries) {
  if (member.is_gone && order > member.ended) {
    return;
  }
  // Keys can be late; a browser drops what it can't decrypt yet, but then nobody knew what it was.
  if (kind_of(bytes) == Kind::kRtp && !member.client.is_connected()) {
    if (tries < kMaxKeyWaits) {
      queue_.at(now_ + kKeyWait, [this, &member, bytes, order, is_lost, tries] {
        arrive_down(member, bytes, order, is_lost, tries + 1);
      });
    }
    return;
  }
  member.arriving = order;
  if (is_lost || member.is_gone) {
    member.client.handle_lost_datagram(bytes);
    return;
  }
  member.client.handle_datagram(bytes, now_);
  pump(member);
}

void Simulation::Member::on_media(const test::MediaStamp& stamp, bool is_retransmission,
                                  MediaObserver::Fate fate) {
  simulation.ledger_.on_forwarded(
      id, stamp, is_retransmission, arriving,
      fate == Fate::kArrived ? Ledger::Fate::kArrived : Ledger::Fate::kLost);
}

void Simulation::on_signal(const node::SignalOutput& output) {
  const auto found = by_session_.find(output.session);
  if (found == by_session_.end()) {
    unclaimed_.push_back(output);
    return;
  }
  Member& member = *found->second;
  queue_.at(now_ + member.plan.signal_delay,
            [this, &member, output] { deliver_signal(member, output); });
}

void Simulation::deliver_signal(Member& member, const node::SignalOutput& output) {
  if (output.closes && member.has_session) {
    member.has_session = false;
    node_->handle_signal_closed(member.session, now());
  }
  if (member.is_gone) {
    return;
  }
  if (!output.frame.empty()) {
    member.client.handle_signal(output.frame, now_);
    pump(member);
  }
  const auto& leave = member.client.leave_received();
  if (leave && leave->action == kActionReconnect) {
    come_back(member);
  } else if (leave || output.closes) {
    fault(member.plan.identity + " was thrown out, reason " +
          std::to_string(leave ? leave->reason : -1));
    end_member(member, "is thrown out");
  }
}

void Simulation::on_log(const node::LogEvent& event) {
  std::string text = "node: " + event.event;
  for (const auto& [name, value] : event.fields) {
    text.append(" ").append(name).append("=").append(value);
  }
  log(text);
  if (event.level == node::LogLevel::kError || event.level == node::LogLevel::kWarning) {
    fault("the node logged " + text);
  }
}

// ---- Inside the node ----------------------------------------------------------------------------

Simulation::Member* Simulation::member_of(TransportId transport) const {
  const auto found = by_transport_.find(transport);
  return found == by_transport_.end() ? nullptr : found->second;
}

void Simulation::on_command(WorkerIndex worker, const forward::Command& command) {
  if (const auto* open = std::get_if<forward::OpenTransport>(&command)) {
    follow(*open, worker);
  } else if (const auto* close = std::get_if<forward::CloseTransport>(&command)) {
    follow(*close);
  } else if (const auto* publish = std::get_if<forward::Publish>(&command)) {
    publications_[publish->publication] = {
        .account = transport_accounts_[publish->transport], .source = 0, .is_closed = false};
  } else if (const auto* unpublish = std::get_if<forward::Unpublish>(&command)) {
    close_subscriptions(worker, unpublish->publication);
  } else if (const auto* subscribe = std::get_if<forward::Subscribe>(&command)) {
    subscriptions_[subscribe->subscription] = {.member = member_of(subscribe->transport),
                                               .publication = subscribe->publication};
  } else if (const auto* unsubscribe = std::get_if<forward::Unsubscribe>(&command)) {
    const auto found = subscriptions_.find(unsubscribe->subscription);
    if (found != subscriptions_.end() && found->second.member != nullptr) {
      close_subscription(found->second);
    }
  } else if (const auto* sink = std::get_if<forward::OpenRelaySink>(&command)) {
    check_relay_permit(sink->permit.account().value(), worker);
  } else if (const auto* source = std::get_if<forward::OpenRelaySource>(&command)) {
    check_relay_permit(source->permit.account().value(), worker);
  }
}

void Simulation::check_relay_permit(const std::string& account, WorkerIndex worker) {
  const std::string& region = node_->region(worker).value();
  if (!law_.allows(account, region)) {
    fault("a relay of account " + account + " was opened in region " + region);
  }
}

void Simulation::follow(const forward::OpenTransport& command, WorkerIndex worker) {
  const std::string& account = command.permit.account().value();
  const std::string& region = node_->region(worker).value();
  if (!law_.allows(account, region) || command.permit.region().value() != region) {
    fault("a transport of account " + account + " was opened in region " + region);
  }
  transport_accounts_[command.transport] = account;
  for (const auto& member : members_) {
    if (member->client.local_ufrag() == command.remote.ufrag) {
      member->transport = command.transport;
      member->worker = worker;
      member->has_transport = true;
      by_transport_[command.transport] = member.get();
      check_spread(*member);
    }
  }
}

/// A worker that has as many of a room as it takes gets another one only when all of the region
/// have. Two that came at once may not know of each other yet.
void Simulation::check_spread(const Member& newcomer) {
  constexpr std::size_t kAtOnce = 2;
  std::map<WorkerIndex, std::size_t> people;
  for (const node::WorkerPlacement& placement : node_->placements()) {
    if (placement.region == node_->region(newcomer.worker)) {
      people[placement.index] = 0;
    }
  }
  for (const auto& member : members_) {
    const bool is_here = member->has_transport && people.contains(member->worker) &&
                         member->account.id == newcomer.account.id &&
                         member->plan.room == newcomer.plan.room;
    if (is_here) {
      ++people[member->worker];
    }
  }
  const std::size_t crowd = people.at(newcomer.worker);
  for (const auto& [worker, count] : people) {
    if (crowd > scenario_.people_per_worker && crowd > count + kAtOnce) {
      fault(newcomer.plan.identity + " came to a worker with " + std::to_string(crowd) +
            " of the room while another has " + std::to_string(count));
    }
  }
}

void Simulation::follow(const forward::CloseTransport& command) {
  if (Member* member = member_of(command.transport)) {
    member->has_transport = false;
    ledger_.on_closed(member->id, 0);
  }
}

void Simulation::close_subscription(const SubscriptionInfo& subscription) {
  const auto publication = publications_.find(subscription.publication);
  if (publication != publications_.end() && publication->second.source != 0) {
    ledger_.on_closed(subscription.member->id, publication->second.source);
  }
}

void Simulation::close_subscriptions(WorkerIndex worker, PublicationId publication) {
  for (const auto& [id, subscription] : subscriptions_) {
    if (subscription.publication == publication && subscription.member != nullptr &&
        subscription.member->worker == worker) {
      close_subscription(subscription);
    }
  }
  const auto found = publications_.find(publication);
  const Member* publisher =
      found == publications_.end() ? nullptr : member_of_source(found->second.source);
  if (publisher != nullptr && publisher->worker == worker) {
    found->second.is_closed = true;
  }
}

Simulation::Member* Simulation::member_of_source(std::uint32_t source) const {
  const auto found = publishers_.find(source);
  return found == publishers_.end() ? nullptr : found->second;
}

void Simulation::on_event(WorkerIndex, const forward::Event& event) {
  if (const auto* started = std::get_if<forward::LayerStarted>(&event)) {
    for (const auto& member : members_) {
      for (const auto& [source, track] : member->client.sent()) {
        for (std::size_t layer = 0; layer < track.media->layer_count(); ++layer) {
          if (track.media->ssrc(layer) == started->ssrc) {
            publications_[started->publication].source = source;
            publication_of_source_[source] = started->publication;
            publishers_[source] = member.get();
          }
        }
      }
    }
  } else if (const auto* paused = std::get_if<forward::StreamPaused>(&event)) {
    // Until it goes on nothing is owed.
    Member* member = member_of(paused->transport);
    if (member != nullptr && paused->is_paused) {
      close_subscription({.member = member, .publication = paused->publication});
    }
  } else if (const auto* report = std::get_if<forward::DownlinkReport>(&event)) {
    if (const Member* member = member_of(report->transport)) {
      log(member->plan.identity + " gets: " + describe(*report));
    }
  } else if (const auto* changed = std::get_if<forward::TransportStateChanged>(&event)) {
    if (const Member* member = member_of(changed->transport)) {
      log("transport of member " + std::to_string(member->id.value()) + ": state " +
          std::to_string(static_cast<int>(changed->state)) + " reason " +
          std::to_string(static_cast<int>(changed->reason)));
      if (changed->state == forward::TransportState::kFailed) {
        follow(forward::CloseTransport{changed->transport});
      }
    }
  }
}

void Simulation::on_relay(WorkerIndex from, WorkerIndex to, const forward::RelaySlot& slot) {
  const auto publication = publications_.find(slot.publication);
  if (publication == publications_.end()) {
    fault("a relay frame of an unknown publication");
    return;
  }
  for (const WorkerIndex end : {from, to}) {
    const std::string& region = node_->region(end).value();
    if (!law_.allows(publication->second.account, region)) {
      fault("a relay frame of account " + publication->second.account + " in region " + region);
    }
  }
}

}  // namespace meridian::sim
