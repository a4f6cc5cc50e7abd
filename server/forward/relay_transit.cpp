#include "forward/relay_transit.hpp"

#include <algorithm>
#include <utility>

namespace meridian::forward {

void ClosedSinks::add(RelayTransit&& last, std::vector<Event>& events) {
  if (sinks_.size() >= kMaxSinks) {
    events.emplace_back(std::move(sinks_.front().report));
    sinks_.erase(sinks_.begin());
  }
  sinks_.push_back({.report = std::move(last), .until = std::nullopt});
}

bool ClosedSinks::count(PublicationId publication, WorkerIndex from, std::size_t bytes) {
  const auto sink = std::ranges::find_if(sinks_, [&](const Sink& closed) {
    return closed.report.publication == publication && closed.report.peer == from;
  });
  if (sink == sinks_.end()) {
    return false;
  }
  sink->until.reset();
  sink->report.counts.at(metrics::TransitKind::kRtp, metrics::Direction::kIn).add(bytes);
  return true;
}

void ClosedSinks::poll(Instant now, std::vector<Event>& events) {
  std::erase_if(sinks_, [&](Sink& sink) {
    if (!sink.until) {
      sink.until = now + kLinger;
    }
    if (now < *sink.until) {
      return false;
    }
    events.emplace_back(std::move(sink.report));
    return true;
  });
}

}  // namespace meridian::forward
