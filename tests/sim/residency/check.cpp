#include <algorithm>

#include "sim/residency/run.hpp"

/// What must hold: each datagram, permit and report against the model.
namespace meridian::sim::law {
namespace {

/// A lease, and a turn of whoever was late.
constexpr Duration kPatience = 3200ms;
/// At the end everybody must have heard something as new as this.
constexpr Duration kFresh = 500ms;
constexpr Duration kSettled = 3s;

}  // namespace

// ---- Each datagram and each permit
// ---------------------------------------------------------------

void Run::on_datagram(WorkerIndex worker, const SocketAddress& to, Bytes bytes) {
  const auto found = by_address_.find(to);
  if (found == by_address_.end()) {
    fault("a datagram to nobody");
    return;
  }
  Member& member = *found->second;
  const std::string& region = node_->region(worker).value();
  ++result_.datagrams;
  if (!model_.may_leave(member.host, region, milliseconds())) {
    fault("a datagram to " + member.client.identity() + " left " + region +
          (model_.may_be_in(member.host, region) ? " without a lease" : ""));
  }
  queue_.at(now_ + kDelay,
            [this, &member, copy = std::vector<std::uint8_t>(bytes.begin(), bytes.end())] {
              if (!member.is_gone) {
                member.client.handle_datagram(copy, now_);
                pump(member);
              }
            });
}

void Run::check_leg(const Host& host, const RegionId& region, const std::string& what) {
  if (!model_.may_be_in(host, region.value())) {
    fault(what + " of " + host.account + "/" + host.room + " was opened in " + region.value());
  }
}

void Run::on_command(WorkerIndex worker, const forward::Command& command) {
  const RegionId& region = node_->region(worker);
  if (const auto* open = std::get_if<forward::OpenTransport>(&command)) {
    for (const auto& member : members_) {
      if (member->client.local_ufrag() == open->remote.ufrag) {
        hosts_[open->transport] = member->host;
        check_leg(member->host, region, "a transport");
        if (model_.is_closed(region.value())) {
          fault("a transport was opened in " + region.value() + ", which is closed");
        }
      }
    }
  } else if (const auto* publish = std::get_if<forward::Publish>(&command)) {
    publishers_[publish->publication] = publish->transport;
  } else if (const auto* source = std::get_if<forward::OpenRelaySource>(&command)) {
    if (const Host* host = host_of(publishers_[source->publication])) {
      check_leg(*host, region, "a relay");
      check_leg(*host, node_->region(source->to), "a relay");
    }
  } else if (const auto* sink = std::get_if<forward::OpenRelaySink>(&command)) {
    if (const Host* host = host_of(publishers_[sink->publication])) {
      check_leg(*host, region, "a relay");
      check_leg(*host, node_->region(sink->from), "a relay");
    }
  }
}

const Host* Run::host_of(TransportId transport) const {
  const auto found = hosts_.find(transport);
  return found != hosts_.end() ? &found->second : nullptr;
}

void Run::on_log(const node::LogEvent& event) {
  std::string text = "node: " + event.event;
  for (const auto& [name, value] : event.fields) {
    text.append(" ").append(name).append("=").append(value);
  }
  log(text);
}

// ---- Reports
// -------------------------------------------------------------------------------------

void Run::on_event(WorkerIndex worker, const forward::Event& event) {
  if (const auto* transit = std::get_if<forward::TransportTransit>(&event)) {
    note_transit(*transit);
  } else if (const auto* relay = std::get_if<forward::RelayTransit>(&event)) {
    note_transit(worker, *relay);
  }
}

void Run::note_transit(const forward::TransportTransit& event) {
  if (is_final_[event.transport]) {
    fault("transport " + std::to_string(event.transport.value()) + " reports after its last word");
  }
  is_final_[event.transport] = event.is_final;
}

void Run::note_transit(WorkerIndex worker, const forward::RelayTransit& event) {
  const bool is_source =
      event.counts.at(metrics::TransitKind::kRtp, metrics::Direction::kIn).packets == 0;
  const auto ends = is_source ? std::pair(worker, event.peer) : std::pair(event.peer, worker);
  Flow& flow = flows_[{event.publication, ends}];
  (is_source ? flow.sent : flow.received) += event.counts;
}

void Run::check_relays() {
  for (const auto& [key, flow] : flows_) {
    const auto& out = flow.sent.at(metrics::TransitKind::kRtp, metrics::Direction::kOut);
    const auto& in = flow.received.at(metrics::TransitKind::kRtp, metrics::Direction::kIn);
    result_.relayed += out.packets;
    if (out != in) {
      fault("publication " + std::to_string(key.first.value()) + ": " +
            std::to_string(out.packets) + " packets were put into a relay, " +
            std::to_string(in.packets) + " taken out of it");
    }
  }
}

// ---- Changes
// -------------------------------------------------------------------------------------

void Run::check_changes() {
  for (auto grace = graceful_.begin(); grace != graceful_.end();) {
    const api::ChangeOutcome* outcome = node_->find_change(AccountId(grace->first), grace->second);
    if (outcome != nullptr && outcome->revoked_at) {
      model_.end_grace(grace->first);
      grace = graceful_.erase(grace);
    } else {
      ++grace;
    }
  }
  if (node_->control_health() != SimNode::Health::kWell) {
    return;
  }
  std::erase_if(pending_, [&](Pending& change) {
    const api::ChangeOutcome* outcome = node_->find_change(AccountId(change.account), change.epoch);
    if (outcome == nullptr || !outcome->is_finished) {
      // A control thread that hung was late for everything.
      const Instant since = std::max(change.due, control_well_since_);
      if (outcome == nullptr || now_ > since + kPatience) {
        fault("a change of " + change.account + " is not finished in time");
        return true;
      }
      return false;
    }
    result_.moved += outcome->moved.size();
    result_.covered_by_lease += outcome->covered_by_lease.size();
    for (const RegionId& region : outcome->covered_by_lease) {
      const bool is_ill =
          std::ranges::any_of(node_->placements(), [&](const node::WorkerPlacement& worker) {
            return worker.region == region && node_->health(worker.index) != SimNode::Health::kWell;
          });
      if (!is_ill) {
        fault(region.value() + " is said to be covered by the lease, but its workers are well");
      }
    }
    return true;
  });
}

// ---- Silence alone is no proof
// -------------------------------------------------------------------

void Run::check_hearing() {
  for (const auto& listener : members_) {
    if (listener->is_gone || !listener->has_session || now_ - listener->joined < kSettled) {
      continue;
    }
    if (!listener->client.is_connected()) {
      fault(listener->client.identity() + " never connected");
      continue;
    }
    for (const auto& speaker : members_) {
      if (speaker == listener || speaker->is_gone || now_ - speaker->joined < kSettled ||
          speaker->host.account != listener->host.account ||
          speaker->host.room != listener->host.room) {
        continue;
      }
      const auto& sent = speaker->client.sent();
      const test::ReceivedTrack* track =
          sent.empty() ? nullptr : listener->client.receiving(sent.begin()->second.sid);
      if (track == nullptr || !track->last_frame() || now_ - track->last_frame()->sent > kFresh) {
        fault(listener->client.identity() + " doesn't hear " + speaker->client.identity());
      }
    }
  }
}

}  // namespace meridian::sim::law
