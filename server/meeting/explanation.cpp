#include "meeting/explanation.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "meeting/room.hpp"

namespace meridian::meeting {
namespace {

using forward::DownlinkReport;
using forward::VideoShare;

std::string_view reason_of(forward::EstimateReason reason) {
  static constexpr std::array<std::string_view, 7> kReasons{
      "to begin with",        "the delay",   "losses", "a probe went through", "what it claims",
      "its receiver reports", "it is silent"};
  return kReasons.at(static_cast<std::size_t>(reason));
}

double megabits(Bitrate rate) {
  return static_cast<double>(rate.value()) / 1e6;
}

double milliseconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1e6;
}

std::string clock(UnixTime at) {
  const auto seconds = at.seconds() % 86'400;
  return fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string layer(const VideoShare& share) {
  return share.is_paused() ? "nothing" : fmt::format("{}.{}", share.spatial, share.temporal);
}

const VideoShare* share_of(const DownlinkReport* report, PublicationId publication) {
  if (report == nullptr) {
    return nullptr;
  }
  const auto found = std::ranges::find(report->videos, publication, &VideoShare::publication);
  return found != report->videos.end() ? &*found : nullptr;
}

std::string_view why(const VideoShare& share) {
  switch (share.state) {
    case VideoShare::State::kHidden:
      return "not watched";
    case VideoShare::State::kMuted:
      return "muted";
    case VideoShare::State::kPaused:
      return "no room for its lowest layer";
    case VideoShare::State::kLimited:
      return "no room for the next step";
    case VideoShare::State::kWhole:
      return "all that is wished for";
  }
  return "";
}

void add_video(std::string& text, const Room& room, const VideoShare& share,
               const VideoShare* before, const DownlinkReport& report) {
  const Participant* publisher = room.roster.find(share.publication);
  std::string_view sid = "?";
  if (publisher != nullptr) {
    for (const auto& publication : publisher->publications) {
      if (publication->id == share.publication) {
        sid = publication->info.sid();
      }
    }
  }
  text += fmt::format("    {} of {}: layer {} for {:.2f} Mbit/s, {}", sid,
                      publisher != nullptr ? publisher->info.identity() : "somebody who left",
                      layer(share), megabits(share.rate), why(share));
  if (share.awaited) {
    text += fmt::format("; waits for a key frame of layer {}", *share.awaited);
  }
  if (before != nullptr && layer(*before) != layer(share)) {
    text += fmt::format("; was {}, changed since {} says {:.2f} Mbit/s", layer(*before),
                        reason_of(report.reason), megabits(report.estimate.value_or(Bitrate(0))));
  }
  text += "\n";
}

void add_second(std::string& text, const Room& room, const DownlinkLog::Entry& entry,
                const DownlinkReport* before) {
  const DownlinkReport& report = entry.report;
  text += fmt::format("  {}  ", clock(entry.at));
  if (report.estimate) {
    text += fmt::format("carries {:.2f} Mbit/s ({})", megabits(*report.estimate),
                        reason_of(report.reason));
  } else {
    text += "not known, not limited";
  }
  text += fmt::format(
      "; sent {:.2f}: sound and repairs {:.2f}, video {:.2f} of {:.2f} wished for; loss {:.1f} %, "
      "round trip {:.0f} ms\n",
      megabits(report.sent), megabits(report.reserved), megabits(report.video),
      megabits(report.wished), report.loss * 100, milliseconds(report.round_trip));
  for (const VideoShare& share : report.videos) {
    add_video(text, room, share, share_of(before, share.publication), report);
  }
}

}  // namespace

void DownlinkLog::add(const DownlinkReport& report, UnixTime at) {
  if (entries_.size() == kMaxReports) {
    entries_.pop_front();
  }
  entries_.push_back({at, report});
}

std::string explain(const Room& room) {
  std::string text =
      fmt::format("room {}, {} participants; times in UTC, layers as size.frame rate\n", room.name,
                  room.roster.size());
  for (const auto& participant : room.roster.all()) {
    text += fmt::format("{} ({}) in {}: lost on the way to the node {:.1f} %\n",
                        participant->info.identity(), participant->info.sid(),
                        participant->region.value(), participant->uplink.quality.uplink_loss * 100);
    const DownlinkReport* before = nullptr;
    for (const DownlinkLog::Entry& entry : participant->downlink_log.entries()) {
      add_second(text, room, entry, before);
      before = &entry.report;
    }
  }
  return text;
}

}  // namespace meridian::meeting
