#include "sim/sim_node.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <variant>

#include "base/check.hpp"

namespace meridian::sim {
namespace {

constexpr std::size_t kRelaySlots = 256;

}  // namespace

SimNode::SimNode(const config::Config& config, std::uint64_t seed, Now now, NodeObserver& observer)
    : observer_(observer), random_(seed), certificate_(dtls::Certificate::make(now.wall)) {
  for (const config::Pool& pool : config.pools) {
    for (std::uint16_t i = 0; i < pool.workers; ++i) {
      node::WorkerPlacement placement{
          .index = WorkerIndex(static_cast<std::uint16_t>(placements_.size())),
          .region = pool.region,
          .advertised = {}};
      for (const IpAddress& ip : pool.media.addresses) {
        placement.advertised.push_back({ip, static_cast<std::uint16_t>(pool.media.port + i)});
      }
      placements_.push_back(std::move(placement));
    }
  }
  make_workers(seed);
  control_ =
      std::make_unique<node::Control>(node::ControlConfig{.config = config,
                                                          .workers = placements_,
                                                          .fingerprint = certificate_.fingerprint(),
                                                          .node_id = "ND_sim",
                                                          .random = random_,
                                                          .policy = policy_,
                                                          .audit_heads = {},
                                                          .started = now});
}

void SimNode::make_workers(std::uint64_t seed) {
  const std::size_t count = placements_.size();
  relays_.resize(count * count);
  for (auto& relay : relays_) {
    relay = std::make_unique<forward::RelayRing>(kRelaySlots);
  }
  for (std::size_t i = 0; i < count; ++i) {
    worker_random_.push_back(std::make_unique<SeededRandomSource>(seed * 64 + i + 1));
    auto seat = std::make_unique<Seat>();
    node::WorkerConfig config{.index = placements_[i].index,
                              .region = placements_[i].region,
                              .certificate = certificate_,
                              .policy = policy_,
                              .random = *worker_random_.back(),
                              .counters = seat->counters,
                              .relays_in = {},
                              .relays_out = {}};
    for (std::size_t other = 0; other < count; ++other) {
      config.relays_in.push_back(relays_[other * count + i].get());
      config.relays_out.push_back(relays_[i * count + other].get());
    }
    seat->worker = std::make_unique<node::Worker>(std::move(config), seat->output);
    seats_.push_back(std::move(seat));
  }
}

std::optional<WorkerIndex> SimNode::worker_at(const SocketAddress& address) const {
  for (const node::WorkerPlacement& placement : placements_) {
    if (std::ranges::find(placement.advertised, address) != placement.advertised.end()) {
      return placement.index;
    }
  }
  return std::nullopt;
}

base::Expected<node::SignalSessionId, signalling::HttpResponse> SimNode::open(
    const signalling::HttpRequest& request, Now now) {
  auto opened = control_->open_signalling(request, now);
  settle(now);
  return opened;
}

void SimNode::handle_frame(node::SignalSessionId session, Bytes frame, Now now) {
  control_->handle_frame(session, frame, node::FrameKind::kBinary, now);
  settle(now);
}

void SimNode::handle_signal_closed(node::SignalSessionId session, Now now) {
  control_->handle_signal_closed(session, now);
  settle(now);
}

void SimNode::handle_datagram(WorkerIndex worker, Bytes bytes, const SocketAddress& from, Now now) {
  std::array<std::uint8_t, 2048> buffer;
  MERIDIAN_CHECK(bytes.size() <= buffer.size());
  std::ranges::copy(bytes, buffer.begin());
  const node::InboundDatagram datagram{.bytes = MutableBytes(buffer).first(bytes.size()),
                                       .from = from,
                                       .socket = 0,
                                       .received = now.monotonic};
  if (seats_[worker.value()]->health == Health::kHung) {
    return;  // its socket's buffer is full by the time that it is back
  }
  seats_[worker.value()]->worker->handle_datagrams({&datagram, 1}, now);
  handshake(worker.value(), now);
  drain_worker(worker.value(), now);
  settle(now);
}

bool SimNode::change_opted_in(const AccountId& account, const RegionId& home,
                              const residency::RegionSet& opted_in, PolicyEpoch expected, Now now) {
  api::ChangeRequest request;
  request.terms.account = account;
  request.terms.default_region = home;
  request.terms.opted_in = opted_in;
  request.expected = expected;
  request.author = {.actor = "simulator", .reason = "scenario"};
  return begin_change(std::move(request), now).has_value();
}

void SimNode::reload_pools(const config::Config& next, Now now) {
  control_->reload_pools(next, now);
  settle(now);
}

directory::PolicyResult<PolicyEpoch> SimNode::begin_change(api::ChangeRequest request, Now now) {
  auto changed = control_->begin_change(std::move(request), now);
  // Between the change and the commands nothing may leave: flush what a worker has left, if any.
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    send(i, seats_[i]->output, now);
  }
  settle(now);
  return changed;
}

void SimNode::set_worker(WorkerIndex worker, Health health, Now now) {
  Seat& seat = *seats_[worker.value()];
  seat.health = health;
  if (health == Health::kWell) {
    deliver_commands(worker.value(), now);
    woken_ |= std::uint64_t{1} << worker.value();
    settle(now);
  }
}

void SimNode::set_control(Health health, Now now) {
  control_health_ = health;
  settle(now);
}

Instant SimNode::next_timeout() const {
  Instant next = control_health_ == Health::kWell ? control_->next_timeout() : Instant::never();
  for (const auto& seat : seats_) {
    if (seat->health != Health::kHung) {
      next = std::min(next, seat->worker->next_timeout());
    }
  }
  return next;
}

void SimNode::handle_timeout(Now now) {
  if (control_health_ == Health::kWell && control_->next_timeout() <= now.monotonic) {
    control_->handle_timeout(now);
  }
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (seats_[i]->health != Health::kHung && seats_[i]->worker->next_timeout() <= now.monotonic) {
      seats_[i]->worker->handle_timeout(now);
      drain_worker(i, now);
    }
  }
  settle(now);
}

void SimNode::send(std::size_t index, transport::SendBatch& batch, Now now) {
  for (const transport::OutboundDatagram& datagram : batch.datagrams()) {
    if (seats_[index]->worker->may_send(datagram.transport, now.monotonic)) {
      seats_[index]->worker->handle_sent(datagram.transport, datagram.bytes);
      observer_.on_datagram(placements_[index].index, datagram.to, datagram.bytes);
    }
  }
  batch.clear();
}

void SimNode::drain_worker(std::size_t index, Now now) {
  Seat& seat = *seats_[index];
  send(index, seat.output, now);
  if (const auto generation = seat.worker->undrained()) {
    seat.worker->handle_drained(*generation);  // there is no queue behind us
  }
  woken_ |= seat.worker->take_wakes();
  for (forward::Event& event : seat.worker->take_events()) {
    if (std::holds_alternative<forward::SctpPacketReceived>(event)) {
      continue;
    }
    observer_.on_event(placements_[index].index, event);
    events_.emplace_back(placements_[index].index, std::move(event));
  }
}

bool SimNode::drain_control(Now now) {
  if (control_health_ != Health::kWell) {
    return false;
  }
  bool has_worked = !events_.empty();
  while (!events_.empty()) {
    auto [worker, event] = std::move(events_.front());
    events_.pop_front();
    control_->handle_event(worker, std::move(event), now);
  }
  (void)control_->take_audit_lines();
  (void)control_->take_sctp_commands();
  for (auto& [worker, command] : control_->take_commands()) {
    has_worked = true;
    observer_.on_command(worker, command);
    seats_[worker.value()]->mailbox.push_back(std::move(command));
    deliver_commands(worker.value(), now);
  }
  for (const node::SignalOutput& output : control_->take_signal_outputs()) {
    has_worked = true;
    observer_.on_signal(output);
  }
  for (const node::LogEvent& event : control_->take_log_events()) {
    observer_.on_log(event);
  }
  return has_worked;
}

void SimNode::deliver_commands(std::size_t index, Now now) {
  Seat& seat = *seats_[index];
  while (seat.health == Health::kWell && !seat.mailbox.empty()) {
    forward::Command command = std::move(seat.mailbox.front());
    seat.mailbox.pop_front();
    seat.worker->handle_command(std::move(command), now);
    handshake(index, now);
    drain_worker(index, now);
  }
}

void SimNode::handshake(std::size_t index, Now now) {
  while (seats_[index]->worker->handle_handshakes(now)) {
  }
}

void SimNode::settle(Now now) {
  bool has_more = true;
  while (has_more) {
    has_more = drain_control(now);
    while (woken_ != 0) {
      has_more = true;
      const auto to = static_cast<std::size_t>(std::countr_zero(woken_));
      woken_ &= woken_ - 1;
      if (seats_[to]->health == Health::kHung) {
        continue;  // it is woken when it is back
      }
      for (std::size_t from = 0; from < seats_.size(); ++from) {
        auto& ring = relays_[from * seats_.size() + to];
        if (const auto* slot = ring != nullptr ? ring->front() : nullptr) {
          observer_.on_relay(placements_[from].index, placements_[to].index, *slot);
        }
      }
      if (seats_[to]->worker->handle_relay(now)) {
        woken_ |= std::uint64_t{1} << to;
      }
      drain_worker(to, now);
    }
  }
}

}  // namespace meridian::sim
