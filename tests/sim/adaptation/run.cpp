#include "sim/adaptation/run.hpp"

#include <algorithm>
#include <cstdio>
#include <variant>

#include "base/check.hpp"
#include "base/random.hpp"
#include "config/config.hpp"
#include "sim/stream_link.hpp"

namespace meridian::sim::adaptation {
namespace {

constexpr int kMaxStepsWithoutTime = 100'000;
constexpr Duration kLatestJoin = 100ms;
constexpr std::size_t kMaxPeople = 50;  // as many seeds of links and clients a run has

constexpr const char* kConfig = R"(regions:
  - {id: home, name: home, latitude: 1, longitude: 1, url: "ws://127.0.0.1:7810"}
pools:
  - region: home
    workers: 1
    signalling: ["127.0.0.1:7810"]
    media: {address: 127.10.0.1, port: 7900}
accounts:
  - id: a
    name: a
    default_region: home
    opted_in: [home]
    api_keys:
      - {key: akey, secret: a-secret-that-is-long-enough-for-anybody}
)";

test::LivekitSettings settings_of(const std::string& identity, Sound sound) {
  test::LivekitSettings settings;
  settings.sound = {.has_red = sound == Sound::kRed, .has_nack = sound == Sound::kEncrypted};
  settings.identity = identity;
  settings.room = "room";
  settings.api_key = "akey";
  settings.api_secret = "a-secret-that-is-long-enough-for-anybody";
  return settings;
}

/// A freeze is no frame for three intervals, or one interval and 150 ms.
Duration freeze_of(Duration frame_interval) {
  return std::max<Duration>(3 * frame_interval, frame_interval + 150ms);
}

}  // namespace

struct Run::Person {
  Person(const std::string& identity, std::size_t index, std::uint64_t seed, Sound sound,
         const LinkShape& up_shape, const LinkShape& down_shape)
      : client(settings_of(identity, sound), seed),
        address{IpAddress::v4({203, 0, 113, static_cast<std::uint8_t>(index + 1)}), 40'000},
        up(up_shape, seed * 2),
        down(down_shape, seed * 2 + 1) {}

  test::LivekitClient client;
  SocketAddress address;
  Link up;
  Link down;
  /// Only over TCP, in place of the links.
  std::unique_ptr<StreamLink> up_stream;
  std::unique_ptr<StreamLink> down_stream;
  node::SignalSessionId session;
  bool has_session = false;
  bool publishes = false;
  bool has_published = false;
  std::uint32_t source = 0;
  Instant joined;
};

Run::Run(const Scenario& scenario, Log log) : scenario_(scenario), log_(log) {
  const auto loaded = config::parse(kConfig, "simulator");
  MERIDIAN_CHECK(loaded.has_value());
  node_ = std::make_unique<SimNode>(loaded->config, scenario.seed, now(), *this);
  node_->finish_start(now());
}

Run::~Run() = default;

Now Run::now() const {
  return {.monotonic = now_, .wall = UnixTime::from_seconds(1'750'000'000) + (now_ - start_)};
}

// ---- People -------------------------------------------------------------------------------------

Run::Person& Run::add(const std::string& identity, const LinkShape& up, const LinkShape& down) {
  const std::size_t index = people_.size();
  MERIDIAN_CHECK(index < kMaxPeople);
  const std::uint64_t seed = scenario_.seed * kMaxPeople + index + 1;  // of nobody else in any run
  people_.push_back(std::make_unique<Person>(identity, index, seed, scenario_.sound, up, down));
  return *people_.back();
}

void Run::join(Person& person) {
  signalling::HttpRequest request;
  request.method = "GET";
  request.target = person.client.join_target(now().wall);
  request.remote = person.address;
  request.listener_region = RegionId("home");
  const auto opened = node_->open(request, now());
  MERIDIAN_CHECK(opened.has_value());
  person.session = *opened;
  person.has_session = true;
  person.joined = now_;
}

void Run::pump(Person& person) {
  while (auto frame = person.client.poll_signal()) {
    queue_.at(now_ + 20ms, [this, &person, frame = std::move(*frame)] {
      node_->handle_frame(person.session, frame, now());
    });
  }
  while (auto datagram = person.client.poll_datagram()) {
    if (person.up_stream) {
      person.up_stream->write(datagram->bytes, now_);
      continue;
    }
    const SocketAddress server = *person.client.server_address();
    const auto passage = person.up.pass(kind_of(datagram->bytes), datagram->bytes.size(), now_);
    if (!passage.is_lost) {
      queue_.at(passage.arrival, [this, &person, server, bytes = std::move(datagram->bytes)] {
        node_->handle_datagram(*node_->worker_at(server), bytes, person.address, now());
      });
    }
  }
  move_streams(person);
  if (person.publishes && !person.has_published && person.client.is_connected()) {
    person.has_published = true;
    test::TrackShape microphone = test::TrackShape::audio();
    microphone.is_encrypted = scenario_.sound == Sound::kEncrypted;
    microphone.has_redundancy = scenario_.uplink && scenario_.sound == Sound::kRed;
    microphone.form = scenario_.form;
    test::TrackShape camera = scenario_.camera;
    camera.form = scenario_.form;
    if (scenario_.uplink) {
      // What congestion control leaves to video there: these publishers have none.
      camera.layers = {{.rid = "", .frame_bytes = 416, .key_frame_bytes = 2000}};
    }
    if (scenario_.has_microphones) {
      person.client.publish(person.source, microphone);
    }
    person.client.publish(person.source + 1, camera);
    pump(person);
  }
}

void Run::move_streams(Person& person) {
  if (!person.up_stream) {
    return;
  }
  while (auto arrival = person.up_stream->poll()) {
    queue_.at(arrival->at, [this, &person, bytes = std::move(arrival->bytes)] {
      const SocketAddress server = *person.client.server_address();
      node_->handle_datagram(*node_->worker_at(server), bytes, person.address, now());
    });
  }
  while (auto arrival = person.down_stream->poll()) {
    if (kind_of(arrival->bytes) == Kind::kRtp && is_measured()) {
      waits_.push_back(arrival->waited);
    }
    queue_.at(arrival->at, [this, &person, bytes = std::move(arrival->bytes)] {
      person.client.handle_datagram(bytes, now_);
      pump(person);
      watch();
    });
  }
}

// ---- The node -----------------------------------------------------------------------------------

void Run::on_datagram(WorkerIndex, const SocketAddress& to, Bytes bytes) {
  for (const auto& person : people_) {
    if (person->address != to) {
      continue;
    }
    sent_bytes_ += person.get() == subscriber_ && is_measured() ? bytes.size() : 0;
    if (person->down_stream) {
      person->down_stream->write(bytes, now_);
      move_streams(*person);
      continue;
    }
    const auto passage = person->down.pass(kind_of(bytes), bytes.size(), now_);
    if (person.get() == subscriber_) {
      passed_.bytes += bytes.size();
      passed_.longest_wait = std::max(passed_.longest_wait, passage.waited);
      if (is_measured() && kind_of(bytes) == Kind::kRtp) {
        waits_.push_back(passage.waited);
      }
    }
    if (!passage.is_lost) {
      queue_.at(passage.arrival,
                [this, &p = *person, copy = std::vector<std::uint8_t>(bytes.begin(), bytes.end())] {
                  p.client.handle_datagram(copy, now_);
                  pump(p);
                  if (&p == subscriber_) {
                    watch();
                  }
                });
    }
  }
}

void Run::on_signal(const node::SignalOutput& output) {
  queue_.at(now_ + 20ms, [this, output] {
    for (const auto& person : people_) {
      if (person->has_session && person->session == output.session && !output.frame.empty()) {
        person->client.handle_signal(output.frame, now_);
        pump(*person);
      }
    }
  });
}

void Run::on_log(const node::LogEvent& event) {
  if (event.level == node::LogLevel::kError || event.level == node::LogLevel::kWarning) {
    faults_.push_back("the node logged " + event.event);
  }
}

void Run::on_event(WorkerIndex, const forward::Event& event) {
  const auto* report = std::get_if<forward::DownlinkReport>(&event);
  if (log_ == Log::kNone || report == nullptr || report->videos.empty()) {
    return;
  }
  const auto kilobits = [](Bitrate rate) { return static_cast<double>(rate.value()) / 1000; };
  std::printf(
      "%8.1f s  transport %llu: estimate %.0f kbit/s for reason %d, %.0f sent, %.0f reserved",
      to_ms(now_ - start_) / 1000, static_cast<unsigned long long>(report->transport.value()),
      kilobits(report->estimate.value_or(Bitrate(0))), static_cast<int>(report->reason),
      kilobits(report->sent), kilobits(report->reserved));
  for (const forward::VideoShare& share : report->videos) {
    std::printf(", video %d.%d%s at %.0f", share.spatial, share.temporal,
                share.is_paused() ? " paused"
                : share.awaited   ? " awaited"
                                  : "",
                kilobits(share.rate));
  }
  std::printf("\n");
}

/// Also without a log, so that a run with one is the same run.
void Run::log_passed() {
  constexpr Duration kInterval = 100ms;
  queue_.at(now_ + kInterval, [this] { log_passed(); });
  if (log_ == Log::kNone) {
    return;
  }
  std::uint64_t frames = 0;
  std::uint64_t played = 0;
  int layer = -1;
  for (const auto& track : subscriber_->client.received()) {
    const bool is_video = track->traits().kind == rtp::MediaKind::kVideo;
    frames += is_video ? track->counts().frames : 0;
    played += is_video ? 0 : track->counts().frames_played;
    layer = is_video && track->last_frame() ? track->last_frame()->layer : layer;
  }
  const Link& down = subscriber_->down;
  std::printf(
      "%8.1f s  %5.0f kbit/s, %3llu overflowed, %3llu lost, %3.0f ms of queue; layer %d, "
      "%llu frames shown, %llu played\n",
      to_ms(now_ - start_) / 1000, static_cast<double>(passed_.bytes) * 8 / to_ms(kInterval),
      static_cast<unsigned long long>(down.overflowed() - passed_.overflowed),
      static_cast<unsigned long long>(down.lost() - passed_.lost), to_ms(passed_.longest_wait),
      layer, static_cast<unsigned long long>(frames), static_cast<unsigned long long>(played));
  passed_ = {.bytes = 0, .overflowed = down.overflowed(), .lost = down.lost(), .longest_wait = {}};
}

// ---- What is seen and heard ---------------------------------------------------------------------

bool Run::is_measured() const {
  return now_ >= start_ + scenario_.measured_from;
}

void Run::judge_gap(Instant from, Instant until) {
  const Duration gap = until - std::max(from, start_ + scenario_.measured_from);
  if (gap > freeze_of(scenario_.camera.frame_interval)) {
    ++figures_.freezes;
    figures_.longest_freeze = std::max(figures_.longest_freeze, gap);
  }
}

void Run::watch() {
  for (const auto& track : subscriber_->client.received()) {
    const test::ReceivedCounts& counts = track->counts();
    if (track->traits().kind != rtp::MediaKind::kVideo) {
      continue;
    }
    Picture& picture = pictures_[track.get()];
    if (counts.frames == picture.frames) {
      continue;
    }
    if (!figures_.first_picture) {
      figures_.first_picture = now_ - subscriber_->joined;
    }
    if (is_measured() && !picture.last.is_never()) {
      judge_gap(picture.last, now_);
      switches_ += counts.layer_switches - picture.switches;
    }
    picture = {.frames = counts.frames, .switches = counts.layer_switches, .last = now_};
    if (scenario_.recovers && now_ > start_ + *scenario_.recovers && !figures_.back_up &&
        track->last_frame()->layer + 1U == scenario_.camera.layers.size()) {
      figures_.back_up = now_ - start_ - *scenario_.recovers;
    }
  }
}

std::uint64_t Run::audio_made() const {
  std::uint64_t frames = 0;
  for (const auto& person : people_) {
    for (const auto& [source, track] : person->client.sent()) {
      frames += track.media->shape().kind == rtp::MediaKind::kAudio ? track.media->frames(0) : 0;
    }
  }
  return frames;
}

std::uint64_t Run::audio_heard() const {
  std::uint64_t frames = 0;
  for (const auto& track : subscriber_->client.received()) {
    frames += track->traits().kind == rtp::MediaKind::kAudio ? track->counts().frames_played : 0;
  }
  return frames;
}

void Run::begin_measuring() {
  for (const auto& track : subscriber_->client.received()) {
    bytes_before_ += track->counts().bytes;
  }
  made_before_ = audio_made();
  heard_before_ = audio_heard();
}

Figures Run::figures() {
  const double seconds = to_ms(scenario_.ends - scenario_.measured_from) / 1000;
  std::uint64_t bytes = 0;
  for (const auto& track : subscriber_->client.received()) {
    bytes += track->counts().bytes;
  }
  Figures figures = figures_;
  figures.used = static_cast<double>(bytes - bytes_before_) * 8 / seconds;
  figures.sent = static_cast<double>(sent_bytes_) * 8 / seconds;
  figures.switches_a_minute = static_cast<double>(switches_) * 60 / seconds;
  std::ranges::sort(waits_);
  figures.queueing = waits_.empty() ? Duration{} : waits_[waits_.size() * 95 / 100];
  for (const auto& track : subscriber_->client.received()) {
    figures.longest_silence = std::max(figures.longest_silence, track->counts().longest_gap);
  }
  const std::uint64_t made = audio_made() - made_before_;
  const std::uint64_t heard = audio_heard() - heard_before_;
  figures.audio_lost =
      made > heard ? static_cast<double>(made - heard) / static_cast<double>(made) : 0;
  return figures;
}

// ---- The run ------------------------------------------------------------------------------------

void Run::step() {
  if (queue_.next() <= now_) {
    queue_.take()();
    return;
  }
  if (node_->next_timeout() <= now_) {
    node_->handle_timeout(now());
  }
  for (const auto& person : people_) {
    for (StreamLink* stream : {person->up_stream.get(), person->down_stream.get()}) {
      if (stream != nullptr && stream->next_timeout() <= now_) {
        stream->handle_timeout(now_);
        move_streams(*person);
      }
    }
    if (person->client.next_timeout() <= now_) {
      person->client.handle_timeout(now_);
      pump(*person);
    }
  }
}

Result Run::run() {
  queue_.at(start_ + scenario_.measured_from, [this] { begin_measuring(); });
  play();
  for (const auto& [track, picture] : pictures_) {
    judge_gap(picture.last, now_);
  }
  Result result = judge();
  result.heads = subscriber_->client.heads_digest();
  judge_companions(result);
  return result;
}

std::vector<std::uint64_t> Run::run_first_phase() {
  keeps_first_phase_ = true;
  play();
  std::vector<std::uint64_t> digests;
  for (const Person* companion : companions_) {
    digests.push_back(companion->client.media_digest());
  }
  return digests;
}

void Run::judge_companions(Result& result) {
  if (companions_.empty()) {
    return;
  }
  const std::vector<std::uint64_t> alone = Run(scenario_).run_first_phase();
  for (std::size_t i = 0; i < companions_.size(); ++i) {
    const test::LivekitClient& client = companions_[i]->client;
    if (client.received().empty() || client.media_digest() != alone[i]) {
      result.faults.push_back(client.identity() + " got something else because of the subscriber");
    }
  }
}

void Run::add_subscriber() {
  const LinkShape& down = scenario_.phases.front().down;
  LinkShape up = down;
  up.rate = 100'000'000;
  subscriber_ = &add("subscriber", up, down);
  if (scenario_.is_over_tcp) {
    subscriber_->up_stream = std::make_unique<StreamLink>(up, scenario_.seed * 2);
    subscriber_->down_stream = std::make_unique<StreamLink>(down, scenario_.seed * 2 + 1);
  }
  join(*subscriber_);
  for (const Phase& phase : scenario_.phases) {
    if (keeps_first_phase_ && &phase != &scenario_.phases.front()) {
      break;
    }
    queue_.at(std::max(start_ + phase.at, now_),
              [this, &phase] { subscriber_->down.set_shape(phase.down); });
  }
}

void Run::play() {
  // Next to companions without a bottleneck even for a nanosecond: what else a publisher sends at
  // the same time must not change when their packets come.
  const LinkShape good{.delay = scenario_.up_delay,
                       .rate = scenario_.companions > 0 ? 1'000'000'000'000'000U : 100'000'000U};
  Rng draw(scenario_.seed);
  for (std::size_t i = 0; i < scenario_.cameras; ++i) {
    Person& person = add("publisher" + std::to_string(i), scenario_.uplink.value_or(good), good);
    person.publishes = true;
    person.source = static_cast<std::uint32_t>(10 * (i + 1));
    // Frames fall elsewhere in each run, also beside the moment at which the network changes.
    const Duration late(
        static_cast<Duration::rep>(draw.below(static_cast<std::uint64_t>(kLatestJoin.count()))));
    queue_.at(start_ + late, [this, &person] { join(person); });
  }
  queue_.at(start_ + 1s, [this, good] {
    for (std::size_t i = 0; i < scenario_.companions; ++i) {
      companions_.push_back(&add("companion" + std::to_string(i), good, good));
      join(*companions_.back());
    }
  });
  // Publishers and companions are there first.
  queue_.at(start_ + 2s, [this] {
    add_subscriber();
    log_passed();
  });
  Instant last = now_;
  for (int steps = 0; now_ < start_ + scenario_.ends;) {
    Instant next = std::min(queue_.next(), node_->next_timeout());
    for (const auto& person : people_) {
      next = std::min(next, person->client.next_timeout());
      if (person->up_stream) {
        next = std::min(
            {next, person->up_stream->next_timeout(), person->down_stream->next_timeout()});
      }
    }
    now_ = std::max(now_, std::min(next, start_ + scenario_.ends));
    steps = now_ == last ? steps + 1 : 0;
    last = now_;
    MERIDIAN_CHECK(steps < kMaxStepsWithoutTime);
    step();
  }
}

Result Run::judge() {
  Result result{.figures = figures(), .heads = 0, .faults = faults_};
  const Figures& got = result.figures;
  const Goals& goals = scenario_.goals;
  const auto need = [&](bool holds, const char* what) {
    if (!holds) {
      result.faults.emplace_back(what);
    }
  };
  need(got.first_picture.has_value(), "nothing was ever shown");
  need(!goals.least_used || got.used >= *goals.least_used * static_cast<double>(scenario_.best),
       "uses too little");
  need(!goals.most_queueing || got.queueing <= *goals.most_queueing, "queues too long");
  need(!goals.longest_freeze || got.longest_freeze <= *goals.longest_freeze, "freezes too long");
  need(!goals.most_switches || got.switches_a_minute <= *goals.most_switches, "flaps");
  need(!scenario_.recovers || !goals.back_up || (got.back_up && *got.back_up <= *goals.back_up),
       "comes back too late");
  need(!goals.first_picture || (got.first_picture && *got.first_picture <= *goals.first_picture),
       "begins too late");
  need(!goals.most_audio_lost || got.audio_lost <= *goals.most_audio_lost, "loses sound");
  need(!goals.longest_silence || got.longest_silence <= *goals.longest_silence, "falls silent");
  need(!goals.longest_wait || (subscriber_->down_stream &&
                               subscriber_->down_stream->longest_wait() <= *goals.longest_wait),
       "media waits for TCP too long");
  need(!goals.wraps || std::ranges::any_of(subscriber_->client.received(),
                                           [](const auto& track) { return track->wraps() > 0; }),
       "no sequence number began anew");
  for (const auto& track : subscriber_->client.received()) {
    for (const std::string& violation : track->violations()) {
      result.faults.push_back(violation);
    }
  }
  return result;
}

}  // namespace meridian::sim::adaptation
