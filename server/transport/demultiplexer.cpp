#include "transport/demultiplexer.hpp"

#include <algorithm>
#include <bit>

#include "base/check.hpp"

namespace meridian::transport {

Demultiplexer::Demultiplexer(std::size_t max_transports)
    : max_transports_(max_transports),
      slots_(std::bit_ceil(2 * std::max<std::size_t>(max_transports, 1) *
                           ice::LiteAgent::kMaxTuples)) {
  ufrags_.reserve(2 * max_transports);
}

Demultiplexer::Add Demultiplexer::add(Transport& transport) {
  if (transport_count_ >= max_transports_) {
    return Add::kFull;
  }
  if (!ufrags_.try_emplace(std::string(transport.ice().local_ufrag()), &transport).second) {
    return Add::kDuplicateUfrag;
  }
  ++transport_count_;
  return Add::kAdded;
}

void Demultiplexer::remove(Transport& transport) {
  const auto count =
      std::erase_if(ufrags_, [&](const auto& entry) { return entry.second == &transport; });
  if (count == 0) {
    return;
  }
  for (std::size_t i = 0; i < transport.ice().tuple_count(); ++i) {
    unbind(transport.ice().tuple_at(i), transport);
  }
  --transport_count_;
}

Transport* Demultiplexer::find(const ice::Tuple& from) const {
  return slots_[probe(from)].transport;
}

Taken<Transport*> Demultiplexer::handle_stun(Bytes datagram, const ice::Tuple& from, Instant now,
                                             SendBatch& batch, TransportId relayed_for) {
  const auto message = ice::parse_stun(datagram);
  if (!message) {
    return std::unexpected(DropReason::kStunMalformed);
  }
  if (message->message_class != ice::StunClass::kRequest) {
    return std::unexpected(DropReason::kStunNotRequest);
  }
  const auto found = ufrags_.find(message->username.substr(0, message->username.find(':')));
  if (found == ufrags_.end()) {
    return std::unexpected(DropReason::kStunUnknownUfrag);
  }
  Transport* const transport = found->second;
  if (relayed_for != TransportId{} && transport->participant() != relayed_for) {
    return std::unexpected(DropReason::kRelayedForOther);
  }
  // A member must not take another's path away by forging its address.
  const Transport* const owner = find(from);
  if (owner != nullptr && owner != transport && owner->ice().is_in_use(from, now)) {
    return std::unexpected(DropReason::kStunTupleTaken);
  }
  const auto check = transport->handle_stun(*message, from, now, batch);
  if (!check) {
    return std::unexpected(check.error());
  }
  follow(*check, from, *transport);
  return transport;
}

void Demultiplexer::follow(const ice::Check& check, const ice::Tuple& from, Transport& transport) {
  if (check.evicted) {
    unbind(*check.evicted, transport);
  }
  if (check.is_new_tuple) {
    if (Transport* const previous = find(from)) {
      previous->forget_tuple(from);
      unbind(from, *previous);
    }
    bind(from, transport);
  }
  if (check.is_restart_complete) {
    retire_ufrags(transport);
  }
}

Demultiplexer::Add Demultiplexer::restart_ice(Transport& transport, const ice::Credentials& local,
                                              const ice::Credentials& remote) {
  const auto [entry, is_added] = ufrags_.try_emplace(local.ufrag, &transport);
  if (!is_added && entry->second != &transport) {
    return Add::kDuplicateUfrag;
  }
  transport.restart_ice(local, remote);
  retire_ufrags(transport);  // that of an earlier restart which never completed
  return Add::kAdded;
}

void Demultiplexer::retire_ufrags(const Transport& transport) {
  const ice::LiteAgent& agent = transport.ice();
  std::erase_if(ufrags_, [&](const auto& entry) {
    return entry.second == &transport && entry.first != agent.active_ufrag() &&
           entry.first != agent.local_ufrag();
  });
}

std::size_t Demultiplexer::home(const ice::Tuple& tuple) const {
  return std::hash<ice::Tuple>{}(tuple) & (slots_.size() - 1);
}

std::size_t Demultiplexer::probe(const ice::Tuple& tuple) const {
  // Ends: at most half of the slots are used.
  std::size_t index = home(tuple);
  while (slots_[index].transport != nullptr && slots_[index].tuple != tuple) {
    index = (index + 1) & (slots_.size() - 1);
  }
  return index;
}

void Demultiplexer::bind(const ice::Tuple& tuple, Transport& transport) {
  Slot& slot = slots_[probe(tuple)];
  MERIDIAN_CHECK(slot.transport == nullptr && (tuple_count_ + 1) * 2 <= slots_.size());
  slot = {tuple, &transport};
  ++tuple_count_;
}

void Demultiplexer::unbind(const ice::Tuple& tuple, const Transport& owner) {
  std::size_t hole = probe(tuple);
  if (slots_[hole].transport != &owner) {
    return;
  }
  // Moves later entries of the same run back, so that no marker is left behind.
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t next = (hole + 1) & mask; slots_[next].transport != nullptr;
       next = (next + 1) & mask) {
    const std::size_t wanted = home(slots_[next].tuple);
    if (((next - wanted) & mask) >= ((next - hole) & mask)) {
      slots_[hole] = slots_[next];
      hole = next;
    }
  }
  slots_[hole] = {};
  --tuple_count_;
}

}  // namespace meridian::transport
