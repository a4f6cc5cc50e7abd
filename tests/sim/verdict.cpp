#include <algorithm>

#include "forward/talkspurts.hpp"
#include "metrics/drop_reason.hpp"
#include "sim/simulation.hpp"

/// What must be true at the end of a run.
namespace meridian::sim {
namespace {

std::string describe(const Account& account) {
  return "sent " + std::to_string(account.sent) + " delivered " +
         std::to_string(account.delivered) + " recovered " + std::to_string(account.recovered) +
         " lost_up " + std::to_string(account.lost_up) + " lost_down " +
         std::to_string(account.lost_down) + " refused " + std::to_string(account.refused) +
         " outside " + std::to_string(account.outside) + " early " + std::to_string(account.early) +
         " before " + std::to_string(account.before) + " thinned " +
         std::to_string(account.thinned) + " silent " + std::to_string(account.silent) +
         " given up " + std::to_string(account.given_up) + " unexplained " +
         std::to_string(account.unexplained) + " runs " + std::to_string(account.runs);
}

/// Drops that are the server's own fault, whatever the network does.
constexpr metrics::DropReason kNever[] = {
    metrics::DropReason::kUnknownProtocol,    metrics::DropReason::kOversized,
    metrics::DropReason::kRateLimited,        metrics::DropReason::kStunMalformed,
    metrics::DropReason::kStunNotRequest,     metrics::DropReason::kMalformedRtp,
    metrics::DropReason::kMalformedRtcp,      metrics::DropReason::kSrtpAuthFailed,
    metrics::DropReason::kSrtpReplayed,       metrics::DropReason::kSrtpNotEncrypted,
    metrics::DropReason::kSrtpTooManyStreams, metrics::DropReason::kSrtpIndexReused,
    metrics::DropReason::kSrtpUnknownStream,  metrics::DropReason::kSrtpKeyExhausted,
    metrics::DropReason::kUnknownPayloadType, metrics::DropReason::kRelayFull,
    metrics::DropReason::kTooManySources};

/// Fewer say nothing about how losses are made good.
constexpr std::uint64_t kEnoughLosses = 20;

}  // namespace

RunResult Simulation::judge() {
  RunResult result;
  result.seed = seed_;
  for (const auto& member : members_) {
    judge_member(*member);
  }
  judge_accounts(result);
  judge_counters(result);
  result.faults = faults_;
  result.members = members_.size();
  result.log_hash = log_.hash();
  result.log_lines = log_.lines();
  return result;
}

void Simulation::judge_member(const Member& member) {
  const test::LivekitClient& client = member.client;
  const std::string& name = member.plan.identity;
  for (const auto& track : client.received()) {
    const test::ReceivedCounts& counts = track->counts();
    log(name + " received " + std::to_string(counts.packets) + " packets of " +
        track->traits().sid + ", " + std::to_string(counts.frames) + " frames, skipped " +
        std::to_string(counts.frames_skipped) + ", switches " +
        std::to_string(counts.layer_switches) + ", nacks " + std::to_string(counts.nacks_sent) +
        ", given up " + std::to_string(counts.lost) + ", key frames asked " +
        std::to_string(counts.key_frames_asked));
    for (const std::string& violation : track->violations()) {
      fault(name + ": " + violation);
    }
  }
  for (const std::string& refusal : client.refusals()) {
    fault(name + ": refused: " + refusal);
  }
  if (client.corrupt_packets() > 0) {
    fault(name + ": packets that can't be parsed");
  }
  if (client.peer()->srtp_refused() > 0) {
    fault(name + ": " + std::to_string(client.peer()->srtp_refused()) +
          " packets with a wrong tag or a used number");
  }
}

void Simulation::judge_receptions(const Member& member) {
  const test::LivekitClient& client = member.client;
  const std::string& name = member.plan.identity;
  if (member.is_gone) {
    return;
  }
  if (!client.is_connected()) {
    if (now_ - member.joined > 2500ms) {
      fault(name + ": never connected");
    }
    return;
  }
  for (const auto& publisher : members_) {
    if (publisher.get() == &member || publisher->is_gone ||
        publisher->account.id != member.account.id || publisher->plan.room != member.plan.room) {
      continue;
    }
    for (const auto& [source, since] : publisher->running_since) {
      // It takes a second to be connected, and key frames of high layers come once a second.
      const Instant ready =
          std::max({since, member.joined, publisher->joined, start_ + Scenario::kHeal - 500ms});
      if (now_ - ready > 2500ms) {
        judge_reception(member, *publisher, source);
      }
    }
  }
}

void Simulation::judge_reception(const Member& subscriber, const Member& publisher,
                                 std::uint32_t source) {
  const test::LivekitClient::SentTrack& sent = publisher.client.sent().at(source);
  const Person& person = people_[subscriber.person];
  if (person.unsubscribed == sent.sid) {
    return;
  }
  const std::string what = subscriber.plan.identity + " and source " + std::to_string(source) +
                           " of " + publisher.plan.identity + ": ";
  const test::ReceivedTrack* track = subscriber.client.receiving(sent.sid);
  if (track == nullptr || !track->last_frame()) {
    fault(what + "nothing was ever shown");
    return;
  }
  const test::MediaStamp& last = *track->last_frame();
  if (last.source != source) {
    fault(what + "shown as source " + std::to_string(last.source));
  }
  // Of silence comes a packet now and then.
  if (now_ - last.sent > kFresh + (last.is_silent ? forward::Talkspurts::kSilenceInterval : 0ms)) {
    fault(what + "frozen since " + std::to_string((now_ - last.sent) / 1ms) + " ms");
  }
  if (sent.media->shape().kind == rtp::MediaKind::kVideo && !person.is_limited &&
      last.layer + 1U != sent.media->layer_count()) {
    fault(what + "stays at layer " + std::to_string(last.layer));
  }
}

void Simulation::judge_accounts(RunResult& result) {
  for (const auto& [pair, account] : ledger_.settle()) {
    log("member " + std::to_string(pair.first.value()) + " source " + std::to_string(pair.second) +
        ": " + describe(account));
    const std::uint64_t sum = account.delivered + account.lost_up + account.lost_down +
                              account.refused + account.outside + account.early + account.before +
                              account.thinned + account.silent + account.given_up +
                              account.unexplained;
    if (sum != account.sent) {
      fault("an account that doesn't add up: " + describe(account));
    }
    Account& total = result.total;
    total.sent += account.sent;
    total.delivered += account.delivered;
    total.lost_up += account.lost_up;
    total.lost_down += account.lost_down;
    total.refused += account.refused;
    total.outside += account.outside;
    total.early += account.early;
    total.before += account.before;
    total.thinned += account.thinned;
    total.silent += account.silent;
    total.given_up += account.given_up;
    total.unexplained += account.unexplained;
    total.recovered += account.recovered;
    total.runs += account.runs;
  }
  for (const std::string& text : ledger_.faults()) {
    fault(text);
  }
  judge_repairs();
}

void Simulation::judge_repairs() {
  const Ledger::Repairs repairs = ledger_.repairs();
  // Where a link is too narrow, retransmissions are lost like everything else.
  const bool is_congested = std::ranges::any_of(members_, [](const auto& member) {
    return member->up.overflowed() + member->down.overflowed() > 0;
  });
  for (const auto& [side, repair] :
       {std::pair("publishers", repairs.up), std::pair("subscribers", repairs.down)}) {
    const std::uint64_t all = repair.made_good + repair.lost_for_good;
    log(std::string("video lost by ") + side + ": " + std::to_string(all) + ", made good " +
        std::to_string(repair.made_good));
    // Some are lost where nobody can ask any more: at the end of a stream, or of a session.
    if (!is_congested && all >= kEnoughLosses && repair.made_good * 2 < all) {
      fault(std::string("most video that was lost by ") + side + " was not made good: " +
            std::to_string(repair.lost_for_good) + " of " + std::to_string(all));
    }
  }
}

void Simulation::judge_counters(const RunResult& result) {
  std::uint64_t not_sent = 0;  // of what waited for its turn
  std::uint64_t withheld = 0;
  std::uint64_t relayed = 0;
  for (const node::WorkerPlacement& placement : node_->placements()) {
    const metrics::WorkerCounters& counters = node_->counters(placement.index);
    not_sent += counters.dropped[static_cast<std::size_t>(metrics::DropReason::kPacedOut)].value() +
                counters.packets_superseded.value();
    withheld += counters.silence_withheld.value();
    relayed += counters.sent[static_cast<std::size_t>(metrics::Traffic::kRelay)].packets.value();
    std::string line = "worker " + std::to_string(placement.index.value()) + " drops:";
    for (std::size_t i = 0; i < metrics::kDropReasonCount; ++i) {
      const auto reason = static_cast<metrics::DropReason>(i);
      const std::uint64_t count = counters.dropped[i].value();
      if (count > 0) {
        line += " " + std::string(metrics::name(reason)) + "=" + std::to_string(count);
      }
      if (count > 0 && std::ranges::find(kNever, reason) != std::end(kNever)) {
        fault("worker " + std::to_string(placement.index.value()) + " dropped " +
              std::to_string(count) + ": " + std::string(metrics::name(reason)));
      }
    }
    log(line);
  }
  if (scenario_.has_large_room && relayed == 0) {
    fault("a room of many people was on one worker");
  }
  if (result.total.silent > 0 && withheld == 0) {
    fault(std::to_string(result.total.silent) + " packets of silence not forwarded, " +
          std::to_string(withheld) + " counted");
  }
  // What waited in vain for its turn wasn't sent, and what followed it until the next key frame was
  // of no use.
  if (result.total.unexplained > not_sent || (result.total.given_up > 0 && not_sent == 0)) {
    for (const std::string& text : ledger_.missing()) {
      fault(text);
    }
    fault(std::to_string(result.total.unexplained + result.total.given_up) +
          " packets not forwarded, " + std::to_string(not_sent) + " counted");
  }
}

}  // namespace meridian::sim
