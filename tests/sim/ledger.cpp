#include "sim/ledger.hpp"

#include <algorithm>
#include <limits>

namespace meridian::sim {
namespace {

constexpr std::size_t kMaxFaults = 16;

std::string describe(std::uint32_t source, std::uint8_t layer, std::uint64_t number) {
  return "source " + std::to_string(source) + " layer " + std::to_string(layer) + " frame " +
         std::to_string(number >> 16U) + " packet " + std::to_string(number & 0xffffU);
}

}  // namespace

void Ledger::on_made(const test::MediaStamp& stamp) {
  Source& source = sources_[stamp.source];
  if (source.layers.size() <= stamp.layer) {
    source.layers.resize(stamp.layer + 1U);
  }
  auto& frames = source.layers[stamp.layer];
  if (frames.size() <= stamp.frame) {
    frames.resize(stamp.frame + 1U);
  }
  Frame& frame = frames[stamp.frame];
  frame.resize(std::max<std::size_t>(frame.size(), stamp.packets));
  for (Packet& packet : frame) {
    packet.is_key = stamp.is_key;
    packet.temporal = stamp.temporal;
    packet.is_silent = stamp.is_silent;
  }
}

Ledger::Packet* Ledger::find(const test::MediaStamp& stamp) {
  const auto source = sources_.find(stamp.source);
  if (source == sources_.end() || stamp.layer >= source->second.layers.size() ||
      stamp.frame >= source->second.layers[stamp.layer].size() ||
      stamp.packet >= source->second.layers[stamp.layer][stamp.frame].size()) {
    return nullptr;
  }
  return &source->second.layers[stamp.layer][stamp.frame][stamp.packet];
}

void Ledger::on_arrived(const test::MediaStamp& stamp, bool is_retransmission, Door door) {
  Packet* packet = find(stamp);
  const Order order = next_order();
  if (packet == nullptr || packet->arrived != 0) {
    return;
  }
  if (door == Door::kClosed) {
    packet->is_refused = true;
  } else {
    packet->arrived = order;
    packet->is_repaired = is_retransmission;
  }
}

void Ledger::on_forwarded(MemberId to, const test::MediaStamp& stamp, bool is_retransmission,
                          Order order, Fate fate) {
  const Packet* packet = find(stamp);
  if (packet == nullptr || packet->arrived == 0 || packet->arrived > order) {
    if (faults_.size() < kMaxFaults) {
      faults_.push_back("forwarded, but it never came: " +
                        describe(stamp.source, stamp.layer, number(stamp.frame, stamp.packet)));
    }
    return;
  }
  Delivery& delivery = deliveries_[{to, stamp.source}];
  Place& place = delivery.places[key(stamp.layer, stamp.frame, stamp.packet)];
  if (!is_retransmission) {
    // Who subscribed anew may begin with a key frame from before.
    const std::vector<Order> closings = closings_of(to, stamp.source);
    const bool is_anew = std::ranges::any_of(
        closings, [&](Order closing) { return closing > place.forwarded && closing < order; });
    if (place.forwarded != 0 && !is_anew && faults_.size() < kMaxFaults) {
      faults_.push_back("forwarded twice to member " + std::to_string(to.value()) + ": " +
                        describe(stamp.source, stamp.layer, number(stamp.frame, stamp.packet)));
    }
    place.forwarded = order;
    delivery.primaries.push_back(
        {.order = order, .layer = stamp.layer, .frame = stamp.frame, .packet = stamp.packet});
  }
  if (fate == Fate::kArrived) {
    place.is_delivered_first = place.is_delivered_first || !is_retransmission;
    place.is_delivered = true;
  }
}

void Ledger::on_closed(MemberId to, std::uint32_t source) {
  closings_[{to, source}].push_back(next_order());
}

std::vector<Ledger::Order> Ledger::closings_of(MemberId member, std::uint32_t source) const {
  std::vector<Order> closings;
  for (const std::uint32_t subject : {std::uint32_t{0}, source}) {
    if (const auto found = closings_.find({member, subject}); found != closings_.end()) {
      closings.insert(closings.end(), found->second.begin(), found->second.end());
    }
  }
  std::ranges::sort(closings);
  return closings;
}

std::vector<Ledger::Run> Ledger::runs_of(const Delivery& delivery, const Source& source,
                                         const std::vector<Order>& closings,
                                         std::vector<std::string>& faults) {
  std::vector<Sent> sent = delivery.primaries;
  std::ranges::sort(sent, {}, &Sent::order);
  std::vector<Run> runs;
  auto closing = closings.begin();
  bool is_open = false;
  for (const Sent& packet : sent) {
    for (; closing != closings.end() && *closing < packet.order; ++closing) {
      if (is_open) {
        runs.back().end = *closing;
        is_open = false;
      }
    }
    if (is_open && runs.back().layer == packet.layer) {
      continue;
    }
    const Packet& first = source.layers[packet.layer][packet.frame][packet.packet];
    if ((!first.is_key || packet.packet != 0) && faults.size() < kMaxFaults) {
      faults.push_back("a stream began in the middle: " +
                       describe(0, packet.layer, number(packet.frame, packet.packet)));
    }
    // It is decided in the turn in which it comes, so its arrival is the beginning.
    if (is_open) {
      runs.back().end = first.arrived;
    }
    runs.push_back({.begin = first.arrived,
                    .end = std::numeric_limits<Order>::max(),
                    .layer = packet.layer,
                    .first = number(packet.frame, packet.packet)});
    is_open = true;
  }
  if (is_open && closing != closings.end()) {
    runs.back().end = *closing;
  }
  return runs;
}

void Ledger::judge(const Packet& packet, std::uint8_t layer, std::uint64_t packet_number,
                   const std::vector<Run>& runs, Account& account) const {
  const Run* within = nullptr;
  bool is_early = false;
  for (const Run& run : runs) {
    if (run.layer != layer) {
      continue;
    }
    if (packet.arrived >= run.begin && packet.arrived < run.end) {
      within = &run;
    }
    is_early = is_early || (packet.arrived < run.begin && packet_number > run.first);
  }
  if (within == nullptr) {
    ++(is_early ? account.early : account.outside);
  } else if (packet_number < within->first) {
    ++account.before;
  } else {
    ++account.unexplained;
  }
}

bool Ledger::is_thinned(const Frame& frame, const Delivery& delivery, std::uint8_t layer,
                        std::uint32_t number) {
  if (frame.empty() || frame.front().temporal == 0) {
    return false;
  }
  for (std::size_t i = 0; i < frame.size(); ++i) {
    if (delivery.places.contains(key(layer, number, static_cast<std::uint16_t>(i)))) {
      return false;
    }
  }
  return true;
}

Ledger::Next Ledger::next_of(const std::vector<Frame>& frames, const Delivery& delivery,
                             const std::vector<Run>& runs, std::uint8_t layer, std::uint32_t frame,
                             std::uint16_t packet) {
  const auto is_within = [&](const Packet& one) {
    return std::ranges::any_of(runs, [&](const Run& run) {
      return run.layer == layer && one.arrived >= run.begin && one.arrived < run.end;
    });
  };
  std::size_t first = packet;
  for (std::size_t f = frame; f < frames.size(); ++f, first = 0) {
    for (std::size_t p = first; p < frames[f].size(); ++p) {
      const auto number = static_cast<std::uint32_t>(f);
      if (delivery.places.contains(key(layer, number, static_cast<std::uint16_t>(p)))) {
        return p == 0 && frames[f][p].is_key ? Next::kKeyFrame : Next::kOther;
      }
      if (frames[f][p].arrived != 0 && !is_within(frames[f][p])) {
        return Next::kNothing;
      }
    }
  }
  return Next::kNothing;
}

bool Ledger::is_last_of_run(const std::vector<Frame>& frames, const Delivery& delivery,
                            const std::vector<Run>& runs, std::uint8_t layer,
                            const Packet& packet) {
  const auto run = std::ranges::find_if(runs, [&](const Run& one) {
    return one.layer == layer && packet.arrived >= one.begin && packet.arrived < one.end;
  });
  if (run == runs.end()) {
    return false;
  }
  for (std::size_t f = 0; f < frames.size(); ++f) {
    for (std::size_t p = 0; p < frames[f].size(); ++p) {
      const Packet& other = frames[f][p];
      const bool is_later = other.arrived > packet.arrived && other.arrived < run->end;
      if (is_later && delivery.places.contains(key(layer, static_cast<std::uint32_t>(f),
                                                   static_cast<std::uint16_t>(p)))) {
        return false;
      }
    }
  }
  return true;
}

Ledger::Findings Ledger::examine(MemberId member, std::uint32_t id) const {
  Findings findings;
  const Delivery& delivery = deliveries_.at({member, id});
  const Source& source = sources_.at(id);
  const std::vector<Run> runs = runs_of(delivery, source, closings_of(member, id), findings.faults);
  Account& account = findings.account;
  account.runs = runs.size();
  for (std::size_t layer = 0; layer < source.layers.size(); ++layer) {
    for (std::size_t frame = 0; frame < source.layers[layer].size(); ++frame) {
      const Frame& packets = source.layers[layer][frame];
      for (std::size_t i = 0; i < packets.size(); ++i) {
        ++account.sent;
        const auto l = static_cast<std::uint8_t>(layer);
        const auto f = static_cast<std::uint32_t>(frame);
        const auto p = static_cast<std::uint16_t>(i);
        const auto place = delivery.places.find(key(l, f, p));
        if (place != delivery.places.end()) {
          ++(place->second.is_delivered ? account.delivered : account.lost_down);
          const bool is_recovered = place->second.is_delivered && !place->second.is_delivered_first;
          account.recovered += is_recovered ? 1 : 0;
        } else if (packets[i].arrived == 0) {
          ++(packets[i].is_refused ? account.refused : account.lost_up);
        } else {
          const std::uint64_t before = account.unexplained;
          judge(packets[i], l, number(f, p), runs, account);
          if (account.unexplained > before && is_thinned(packets, delivery, l, f)) {
            --account.unexplained;
            ++account.thinned;
          } else if (account.unexplained > before && packets[i].is_silent) {
            --account.unexplained;
            ++account.silent;
          } else if (account.unexplained > before) {
            Next next = next_of(source.layers[layer], delivery, runs, l, f, p);
            if (next == Next::kOther &&
                is_last_of_run(source.layers[layer], delivery, runs, l, packets[i])) {
              next = Next::kNothing;  // others that overtook it on their way left before it
            }
            account.unexplained -= next != Next::kOther ? 1 : 0;
            account.given_up += next == Next::kKeyFrame ? 1 : 0;
            // It waited when the run ended.
            account.outside += next == Next::kNothing ? 1 : 0;
          }
          if (account.unexplained > before && findings.missing.size() < kMaxFaults) {
            findings.missing.push_back("not forwarded to member " + std::to_string(member.value()) +
                                       ": " + describe(id, l, number(f, p)));
          }
        }
      }
    }
  }
  return findings;
}

std::map<std::pair<MemberId, std::uint32_t>, Account> Ledger::settle() const {
  std::map<std::pair<MemberId, std::uint32_t>, Account> accounts;
  for (const auto& [pair, delivery] : deliveries_) {
    accounts[pair] = examine(pair.first, pair.second).account;
  }
  return accounts;
}

Ledger::Repairs Ledger::repairs() const {
  Repairs repairs;
  for (const auto& [id, source] : sources_) {
    for (const std::vector<Frame>& layer : source.layers) {
      for (const Frame& frame : layer) {
        for (const Packet& packet : frame) {
          const bool is_lost = packet.arrived == 0 && !packet.is_refused;
          repairs.up.lost_for_good += source.is_video() && is_lost ? 1 : 0;
          repairs.up.made_good += packet.is_repaired ? 1 : 0;
        }
      }
    }
  }
  for (const auto& [pair, delivery] : deliveries_) {
    if (closings_.contains({pair.first, 0})) {
      continue;  // who has gone asks for nothing any more
    }
    for (const auto& [place_key, place] : delivery.places) {
      const bool is_video = sources_.at(pair.second).is_video();
      repairs.down.lost_for_good += is_video && !place.is_delivered ? 1 : 0;
      repairs.down.made_good += place.is_delivered && !place.is_delivered_first ? 1 : 0;
    }
  }
  return repairs;
}

std::vector<std::string> Ledger::missing() const {
  std::vector<std::string> all;
  for (const auto& [pair, delivery] : deliveries_) {
    for (std::string& one : examine(pair.first, pair.second).missing) {
      if (all.size() < kMaxFaults) {
        all.push_back(std::move(one));
      }
    }
  }
  return all;
}

std::vector<std::string> Ledger::faults() const {
  std::vector<std::string> all = faults_;
  for (const auto& [pair, delivery] : deliveries_) {
    for (std::string& fault : examine(pair.first, pair.second).faults) {
      if (all.size() < kMaxFaults) {
        all.push_back(std::move(fault));
      }
    }
  }
  return all;
}

}  // namespace meridian::sim
