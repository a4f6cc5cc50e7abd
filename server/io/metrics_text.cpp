#include "io/metrics_text.hpp"

#include <array>
#include <chrono>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <map>
#include <sstream>
#include <string_view>
#include <utility>

#include <prometheus/text_serializer.h>

namespace meridian::io {
namespace {

using Labels = std::vector<prometheus::ClientMetric::Label>;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

/// The workers of one region are added up: a worker is no label, so that a machine with many cores
/// has no more series than one with few. Only how many people each serves is told for each, since a
/// sum doesn't say how they are spread.
using ByRegion = std::map<RegionId, std::vector<const WorkerMetrics*>>;

class Page {
 public:
  MetricFamily& family(std::string_view name, std::string_view help, MetricType type) {
    families_.push_back({"meridian_" + std::string(name), std::string(help), type, {}});
    return families_.back();
  }
  void gauge(std::string_view name, std::string_view help, double value) {
    ClientMetric metric;
    metric.gauge.value = value;
    family(name, help, MetricType::Gauge).metric.push_back(std::move(metric));
  }
  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    add(family(name, help, MetricType::Counter), {}, value);
  }
  static void add(MetricFamily& family, Labels labels, std::uint64_t value) {
    add(family, std::move(labels), static_cast<double>(value));
  }
  static void add(MetricFamily& family, Labels labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    family.metric.push_back(std::move(metric));
  }
  [[nodiscard]] std::string text() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return std::move(out).str();
  }

 private:
  std::vector<MetricFamily> families_;
};

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

template <class Read>
std::uint64_t sum(const std::vector<const WorkerMetrics*>& workers, Read read) {
  std::uint64_t total = 0;
  for (const WorkerMetrics* worker : workers) {
    total += read(*worker);
  }
  return total;
}

constexpr std::size_t kTrafficCount = static_cast<std::size_t>(metrics::Traffic::kCount);
constexpr std::array<std::string_view, kTrafficCount> kTrafficNames = {
    "rtp_audio", "rtp_video", "rtcp", "stun", "dtls", "relay"};

void add_traffic(Page& page, const ByRegion& regions) {
  const auto add = [&](std::string_view name, std::string_view help, auto read) {
    MetricFamily& family = page.family(name, help, MetricType::Counter);
    for (const auto& [region, workers] : regions) {
      for (std::size_t i = 0; i < kTrafficCount; ++i) {
        const std::string kind(kTrafficNames[i]);
        Page::add(family, {{"direction", "in"}, {"kind", kind}, {"region", region.value()}},
                  sum(workers, [&](const auto& w) { return read(w.worker->received[i]); }));
        Page::add(family, {{"direction", "out"}, {"kind", kind}, {"region", region.value()}},
                  sum(workers, [&](const auto& w) { return read(w.worker->sent[i]); }));
      }
    }
  };
  add("packets_total", "Datagrams, by what they carry.",
      [](const metrics::TrafficCounter& counter) { return counter.packets.value(); });
  add("bytes_total", "Bytes of datagrams without IP and UDP headers.",
      [](const metrics::TrafficCounter& counter) { return counter.bytes.value(); });
}

void add_drops(Page& page, const ByRegion& regions) {
  MetricFamily& family =
      page.family("drops_total", "Datagrams and packets discarded, each under one reason.",
                  MetricType::Counter);
  for (const auto& [region, workers] : regions) {
    for (std::size_t i = 0; i < metrics::kDropReasonCount; ++i) {
      const auto reason = static_cast<metrics::DropReason>(i);
      Page::add(family,
                {{"reason", std::string(metrics::name(reason))}, {"region", region.value()}},
                sum(workers, [&](const auto& w) { return w.worker->dropped[i].value(); }));
    }
  }
}

/// A number of each worker, summed by region.
struct WorkerMetric {
  std::string_view name;
  std::string_view help;
  MetricType type;
  std::uint64_t (*read)(const WorkerMetrics&);
};

void add_each(Page& page, const ByRegion& regions, std::initializer_list<WorkerMetric> metrics) {
  for (const WorkerMetric& metric : metrics) {
    MetricFamily& family = page.family(metric.name, metric.help, metric.type);
    for (const auto& [region, workers] : regions) {
      Page::add(family, {{"region", region.value()}}, sum(workers, metric.read));
    }
  }
}

constexpr auto kCounter = MetricType::Counter;
constexpr auto kGauge = MetricType::Gauge;

/// As bwe::Limit counts them.
constexpr std::array<std::string_view, metrics::EstimateGauges::kLimits> kLimitNames = {
    "start", "delay", "loss", "probe", "claim", "reports", "silence"};

void add_estimates(Page& page, const ByRegion& regions) {
  using metrics::EstimateGauges;
  MetricFamily& rates =
      page.family("subscriber_estimates", "Subscribers whose way carries up to so many bit/s.",
                  MetricType::Gauge);
  for (const auto& [region, workers] : regions) {
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i <= EstimateGauges::kBounds.size(); ++i) {
      cumulative +=
          sum(workers, [&](const auto& w) { return w.worker->estimates.by_rate[i].value(); });
      const std::string bound = i < EstimateGauges::kBounds.size()
                                    ? std::to_string(EstimateGauges::kBounds[i])
                                    : std::string("any");
      Page::add(rates, {{"up_to", bound}, {"region", region.value()}}, cumulative);
    }
  }
  MetricFamily& limits = page.family(
      "subscriber_limits", "Subscribers by what their estimate comes from.", MetricType::Gauge);
  for (const auto& [region, workers] : regions) {
    for (std::size_t i = 0; i < kLimitNames.size(); ++i) {
      Page::add(
          limits, {{"limited_by", std::string(kLimitNames[i])}, {"region", region.value()}},
          sum(workers, [&](const auto& w) { return w.worker->estimates.by_limit[i].value(); }));
    }
  }
}

void add_load(Page& page, const ByRegion& regions) {
  constexpr std::array<std::string_view, 4> kLevels = {"normal", "busy", "strained", "full"};
  MetricFamily& levels = page.family(
      "workers",
      "Workers by what they shed: busy takes no new rooms, strained also lowers small videos, full "
      "also takes no new people.",
      MetricType::Gauge);
  MetricFamily& cores = page.family(
      "worker_cores_used", "Cores that workers compute on, as they found last.", MetricType::Gauge);
  for (const auto& [region, workers] : regions) {
    for (std::size_t i = 0; i < kLevels.size(); ++i) {
      const std::uint64_t count = sum(workers, [i](const auto& w) {
        return w.worker->load_level.value() == i ? std::uint64_t{1} : std::uint64_t{0};
      });
      Page::add(levels, {{"load", std::string(kLevels[i])}, {"region", region.value()}}, count);
    }
    constexpr double kPerMille = 1000;
    const std::uint64_t share =
        sum(workers, [](const auto& w) { return w.worker->load_share.value(); });
    Page::add(cores, {{"region", region.value()}}, static_cast<double>(share) / kPerMille);
  }
}

void add_tcp_counters(Page& page, const ByRegion& regions) {
  add_each(
      page, regions,
      {{"tcp_connections", "Media connections over TCP.", kGauge,
        [](const WorkerMetrics& w) { return w.io->tcp_connections.value(); }},
       {"tcp_accepted_total", "Media connections over TCP that were taken.", kCounter,
        [](const WorkerMetrics& w) { return w.io->tcp_accepted.value(); }},
       {"tcp_refused_total", "Media connections over TCP that were one too many.", kCounter,
        [](const WorkerMetrics& w) { return w.io->tcp_refused.value(); }},
       {"tcp_evicted_total", "Unproven media connections over TCP that made room for others.",
        kCounter, [](const WorkerMetrics& w) { return w.io->tcp_evicted.value(); }},
       {"tcp_timeouts_total",
        "Media connections over TCP that proved nothing in time or fell silent.", kCounter,
        [](const WorkerMetrics& w) { return w.io->tcp_timeouts.value(); }},
       {"tcp_malformed_total", "Media connections over TCP whose stream made no sense.", kCounter,
        [](const WorkerMetrics& w) { return w.io->tcp_malformed.value(); }},
       {"tcp_dropped_packets_total", "Packets dropped because a TCP path was too slow for them.",
        kCounter, [](const WorkerMetrics& w) { return w.io->tcp_dropped.value(); }}});
}

/// Why requests of TURN are refused, and where that is counted.
struct TurnRefusal {
  std::string_view reason;
  metrics::Counter turn::Counters::* count;
};
constexpr std::array<TurnRefusal, 5> kTurnRefusals = {
    {{"credentials", &turn::Counters::refused_credentials},
     {"peer", &turn::Counters::refused_peer},
     {"quota", &turn::Counters::refused_quota},
     {"capacity", &turn::Counters::refused_capacity},
     {"request", &turn::Counters::refused_request}}};

template <metrics::Counter turn::Counters::* kCount>
std::uint64_t turn_count(const WorkerMetrics& worker) {
  return worker.turn == nullptr ? 0 : (worker.turn->*kCount).value();
}

void add_turn_counters(Page& page, const ByRegion& regions, const HttpCounters& http) {
  using turn::Counters;
  add_each(page, regions,
           {{"turn_allocations", "TURN allocations.", kGauge, turn_count<&Counters::allocations>},
            {"turn_allocated_total", "TURN allocations that were made.", kCounter,
             turn_count<&Counters::allocated>},
            {"turn_challenges_total", "TURN requests without credentials.", kCounter,
             turn_count<&Counters::challenges>},
            {"turn_unanswered_total", "TURN requests over UDP that were too many to answer.",
             kCounter, turn_count<&Counters::unanswered>},
            {"turn_malformed_total", "TURN messages that made no sense.", kCounter,
             turn_count<&Counters::malformed>},
            {"turn_payloads_lost_total",
             "Payloads from TURN clients without an allocation or permission for them.", kCounter,
             turn_count<&Counters::payloads_lost>}});
  MetricFamily& refused =
      page.family("turn_refused_total", "TURN requests that were refused.", MetricType::Counter);
  for (const auto& [region, workers] : regions) {
    for (const TurnRefusal& refusal : kTurnRefusals) {
      Page::add(refused, {{"reason", std::string(refusal.reason)}, {"region", region.value()}},
                sum(workers, [&](const WorkerMetrics& w) -> std::uint64_t {
                  return w.turn == nullptr ? 0 : (w.turn->*refusal.count).value();
                }));
    }
  }
  page.counter("turn_handed_over_total", "TURN connections that listeners gave to workers.",
               http.turn_handed_over);
  page.counter("turn_unclaimed_total", "TURN connections that belong to no worker of a listener.",
               http.turn_refused);
}

void add_worker_counters(Page& page, const ByRegion& regions) {
  add_each(
      page, regions,
      {{"nacks_received_total", "Packets that subscribers asked for again.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->nack_received.value(); }},
       {"nacks_sent_total", "Packets that publishers were asked for again.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->nack_sent.value(); }},
       {"key_frame_requests_received_total", "PLI and FIR from subscribers.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->key_frame_requests_received.value(); }},
       {"key_frame_requests_sent_total", "PLI and FIR to publishers.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->key_frame_requests_sent.value(); }},
       {"retransmissions_sent_total", "Packets sent again to subscribers.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->retransmissions_sent.value(); }},
       {"retransmissions_received_total", "Packets recovered from publishers.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->retransmissions_received.value(); }},
       {"sound_resent_total", "Packets of sound sent again to subscribers, as they were.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->sound_resent.value(); }},
       {"sound_repeated_total", "Of these, those that nobody had asked for.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->sound_repeated.value(); }},
       {"red_recovered_total", "Lost packets of publishers that came as redundancy.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->red_recovered.value(); }},
       {"red_made_total", "Packets of sound sent with redundancy that we made.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->red_made.value(); }},
       {"red_stripped_total", "Packets of sound sent without the publisher's redundancy.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->red_stripped.value(); }},
       {"silence_withheld_total", "Packets of silence that were not forwarded.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->silence_withheld.value(); }},
       {"quiet_withheld_total", "Packets of sound of others than the room's loudest.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->quiet_withheld.value(); }},
       {"sound_late_total", "Packets of sound that came when silence had followed.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->sound_late.value(); }},
       {"transport_feedback_received_total", "Transport-wide feedback from subscribers.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->transport_feedback_received.value(); }},
       {"key_frames_replayed_total", "Subscribers that began with a key frame from before them.",
        kCounter, [](const WorkerMetrics& w) { return w.worker->key_frames_replayed.value(); }},
       {"peers_looked_at_total", "Peers that timers had to look at.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->peers_looked_at.value(); }},
       {"packets_paced_total", "Packets of video that waited for their turn to leave.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->packets_paced.value(); }},
       {"packets_superseded_total",
        "Packets of video that waited while a smaller size took over, which has their numbers.",
        kCounter, [](const WorkerMetrics& w) { return w.worker->packets_superseded.value(); }},
       {"probe_packets_sent_total", "Padding that tests what subscribers' ways carry.", kCounter,
        [](const WorkerMetrics& w) { return w.worker->probe_packets_sent.value(); }},
       {"videos_limited",
        "Subscribed videos that get less than was asked for, for want of bandwidth.", kGauge,
        [](const WorkerMetrics& w) { return w.worker->videos_limited.value(); }},
       {"videos_paused", "Subscribed videos that stand still for want of bandwidth.", kGauge,
        [](const WorkerMetrics& w) { return w.worker->videos_paused.value(); }},
       {"packets_waiting", "Packets that wait for their turn to leave.", kGauge,
        [](const WorkerMetrics& w) { return w.worker->packets_waiting.value(); }},
       {"transports", "Transports that are open.", kGauge,
        [](const WorkerMetrics& w) { return w.worker->transports.value(); }},
       {"dtls_handshakes", "DTLS handshakes that were begun and are not done.", kGauge,
        [](const WorkerMetrics& w) { return w.worker->handshakes.value(); }},
       {"shard_publications", "Publications on workers, relayed ones included.", kGauge,
        [](const WorkerMetrics& w) { return w.worker->publications.value(); }},
       {"shard_subscriptions", "Subscriptions on workers.", kGauge,
        [](const WorkerMetrics& w) { return w.worker->subscriptions.value(); }}});
}

void add_socket_counters(Page& page, const ByRegion& regions) {
  add_each(page, regions,
           {{"kernel_receive_drops_total", "Datagrams that found the receive buffer full.",
             kCounter, [](const WorkerMetrics& w) { return w.io->kernel_drops.value(); }},
            {"truncated_datagrams_total", "Datagrams longer than any that is sent to us.", kCounter,
             [](const WorkerMetrics& w) { return w.io->truncated.value(); }},
            {"send_calls_total", "System calls that sent datagrams.", kCounter,
             [](const WorkerMetrics& w) { return w.io->send_calls.value(); }},
            {"messages_sent_total", "Messages handed to the kernel, of one datagram or several.",
             kCounter, [](const WorkerMetrics& w) { return w.io->messages_sent.value(); }},
            {"segments_sent_total", "Datagrams that left in messages of several (UDP_SEGMENT).",
             kCounter, [](const WorkerMetrics& w) { return w.io->segments_sent.value(); }},
            {"loop_rests_total", "Times that a loop let more reports come before it read again.",
             kCounter, [](const WorkerMetrics& w) { return w.io->rests.value(); }},
            {"sends_split_total", "Messages that the kernel refused to cut, sent one by one.",
             kCounter, [](const WorkerMetrics& w) { return w.io->sends_split.value(); }},
            {"sends_refused_total", "Datagrams that the kernel refused to send.", kCounter,
             [](const WorkerMetrics& w) { return w.io->sends_refused.value(); }},
            {"sends_delayed_total", "Datagrams that waited for a full send buffer.", kCounter,
             [](const WorkerMetrics& w) { return w.io->sends_delayed.value(); }},
            {"sends_lost_total", "Datagrams lost because too many waited.", kCounter,
             [](const WorkerMetrics& w) { return w.io->sends_lost.value(); }},
            {"sends_forbidden_total", "Datagrams whose permit was gone when they were to be sent.",
             kCounter, [](const WorkerMetrics& w) { return w.io->sends_forbidden.value(); }},
            {"sctp_packets_lost_total", "SCTP packets that found the service's mailbox full.",
             kCounter, [](const WorkerMetrics& w) { return w.io->sctp_lost.value(); }}});
}

template <class Read>
void add_histogram(Page& page, const ByRegion& regions, std::string_view name,
                   std::string_view help, Read read) {
  using metrics::LatencyHistogram;
  MetricFamily& family = page.family(name, help, MetricType::Histogram);
  for (const auto& [region, workers] : regions) {
    ClientMetric metric;
    metric.label = {{"region", region.value()}};
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i <= LatencyHistogram::kBounds.size(); ++i) {
      cumulative += sum(workers, [&](const auto& w) { return read(w).count(i); });
      const double bound = i < LatencyHistogram::kBounds.size()
                               ? seconds(LatencyHistogram::kBounds[i])
                               : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({cumulative, bound});
    }
    metric.histogram.sample_count = cumulative;
    for (const WorkerMetrics* worker : workers) {
      metric.histogram.sample_sum += seconds(read(*worker).sum());
    }
    family.metric.push_back(std::move(metric));
  }
}

void add_control(Page& page, const MetricsInput& input) {
  const node::ControlCounters& control = input.control;
  page.gauge("rooms", "Meetings.", static_cast<double>(control.rooms_now));
  page.gauge("participants", "Participants.", static_cast<double>(control.participants_now));
  page.gauge("tracks", "Published tracks.", static_cast<double>(control.tracks_now));
  page.gauge("subscriptions", "Subscriptions.", static_cast<double>(control.subscriptions_now));
  page.gauge("sessions", "Signalling sessions.", static_cast<double>(control.sessions_now));
  page.gauge("forwards", "Participants who are forwarded to another room.",
             static_cast<double>(control.forwards_now));
  page.counter("joins_total", "Joins that were admitted.", control.joins);
  page.counter("resumes_total", "Sessions that were resumed.", control.resumes);
  page.counter("undecodable_frames_total", "Signalling messages that could not be read.",
               control.undecodable_frames);
  MetricFamily& webhooks = page.family(
      "webhook_events_total",
      "Events for the accounts' own servers: what became of them, and attempts that failed.",
      MetricType::Counter);
  Page::add(webhooks, {{"result", "delivered"}}, control.webhooks.delivered);
  Page::add(webhooks, {{"result", "failed"}}, control.webhooks.failed);
  Page::add(webhooks, {{"result", "dropped"}}, control.webhooks.dropped);
  Page::add(webhooks, {{"result", "withheld"}}, control.webhooks.withheld);
  Page::add(webhooks, {{"result", "restored"}}, control.webhooks.restored);
  Page::add(webhooks, {{"result", "unstored"}}, input.unstored_webhooks);
  page.gauge("webhook_events_waiting", "Events that are not delivered yet.",
             static_cast<double>(control.webhooks.waiting));
  page.gauge("agent_workers", "Workers of agents that are connected.",
             static_cast<double>(control.agents.workers_now));
  MetricFamily& jobs = page.family("agent_jobs_total", "Jobs for agents.", MetricType::Counter);
  Page::add(jobs, {{"result", "assigned"}}, control.agents.assigned);
  Page::add(jobs, {{"result", "unserved"}}, control.agents.unserved);
  Page::add(jobs, {{"result", "failed"}}, control.agents.failed);
  Page::add(jobs, {{"result", "restarted"}}, control.agents.restarted);
  MetricFamily& calls =
      page.family("room_service_calls_total", "Calls of the server API.", MetricType::Counter);
  for (const auto& call : control.room_calls) {
    Page::add(calls, {{"method", call.method}, {"code", call.code}}, call.count);
  }
  MetricFamily& refusals =
      page.family("refusals_total", "Joins that were refused.", MetricType::Counter);
  for (const auto& [reason, count] : control.refusals) {
    Page::add(refusals, {{"reason", reason}}, count);
  }
}

void add_streams(Page& page, const node::ControlCounters& control) {
  MetricFamily& sessions =
      page.family("stream_sessions", "WHIP and WHEP sessions.", MetricType::Gauge);
  for (const auto& [protocol, count] : control.stream_sessions_now) {
    Page::add(sessions, {{"protocol", protocol}}, count);
  }
  MetricFamily& requests =
      page.family("stream_requests_total", "WHIP and WHEP requests.", MetricType::Counter);
  for (const auto& [key, count] : control.stream_requests) {
    Page::add(requests,
              {{"protocol", key.protocol},
               {"method", key.method},
               {"status", std::to_string(key.status)}},
              count);
  }
}

/// What to be warned by before a region refuses people.
void add_places(Page& page, const node::ControlCounters& control) {
  MetricFamily& family = page.family(
      "places_free", "People that a region of this node still takes.", MetricType::Gauge);
  for (const auto& [region, free] : control.free_places) {
    Page::add(family, {{"region", region.value()}}, free);
  }
}

/// How rooms and people are spread over workers.
void add_placement(Page& page, const node::ControlCounters& control) {
  MetricFamily& people =
      page.family("worker_participants", "People whom a worker serves.", MetricType::Gauge);
  for (const auto& worker : control.worker_people) {
    Page::add(
        people,
        {{"region", worker.region.value()}, {"worker", std::to_string(worker.worker.value())}},
        worker.count);
  }
  MetricFamily& rooms = page.family(
      "rooms_spread", "Rooms that are on more than one worker of a region.", MetricType::Gauge);
  for (const auto& [region, count] : control.rooms_spread) {
    Page::add(rooms, {{"region", region.value()}}, count);
  }
}

void add_listeners(Page& page, const MetricsInput& input) {
  page.gauge("http_connections", "Open connections.", static_cast<double>(input.http.connections));
  page.gauge("websockets", "Open WebSockets.", static_cast<double>(input.http.websockets));
  page.counter("http_requests_total", "HTTP requests, upgrades included.", input.http.requests);
  page.counter("http_evicted_total", "Connections that gave way to others.", input.http.evicted);
  page.counter("http_timeouts_total", "Connections closed at a deadline.", input.http.timed_out);
  page.counter("slow_readers_total", "WebSockets closed because they did not read.",
               input.http.slow_readers);
  page.counter("websocket_messages_total", "Messages to WebSocket clients.",
               input.http.websocket_frames);
  page.counter("websocket_writes_total", "Writes that they left in, those of one turn together.",
               input.http.websocket_writes);
  page.counter("lease_lapses_total",
               "Times that the lease had run out, so that restricted accounts stood still.",
               input.control.lease_lapses);
  page.gauge("audit_writable", "1 while evidence can be written; new permits need it.",
             input.is_audit_writable ? 1 : 0);
  if (input.certificate_left) {
    page.gauge("tls_certificate_expiry_days", "Days until the TLS certificate ends.",
               seconds(*input.certificate_left) / 86400);
  }
}

}  // namespace

std::string render_metrics(const MetricsInput& input) {
  ByRegion regions;
  for (const WorkerMetrics& worker : input.workers) {
    regions[worker.region].push_back(&worker);
  }
  Page page;
  add_traffic(page, regions);
  add_drops(page, regions);
  add_worker_counters(page, regions);
  add_socket_counters(page, regions);
  add_estimates(page, regions);
  add_load(page, regions);
  add_tcp_counters(page, regions);
  add_turn_counters(page, regions, input.http);
  add_histogram(page, regions, "forward_latency_seconds",
                "From the kernel's receive time of a packet to its being sent on.",
                [](const WorkerMetrics& w) -> const auto& { return w.worker->forward_latency; });
  add_histogram(page, regions, "loop_lag_seconds",
                "How long a turn of a worker's loop kept the next datagram waiting.",
                [](const WorkerMetrics& w) -> const auto& { return w.io->loop_lag; });
  add_control(page, input);
  add_streams(page, input.control);
  add_places(page, input.control);
  add_placement(page, input.control);
  add_listeners(page, input);
  return page.text();
}

}  // namespace meridian::io
