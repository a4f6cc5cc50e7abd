#include "io/runtime.hpp"

#include <algorithm>
#include <csignal>
#include <deque>
#include <filesystem>
#include <set>
#include <sys/resource.h>

#include "dtls/certificate.hpp"
#include "io/audit_keys.hpp"
#include "io/clock.hpp"
#include "io/control_loop.hpp"
#include "io/log.hpp"
#include "io/policy_files.hpp"
#include "io/public_address.hpp"
#include "io/random.hpp"
#include "metrics/memory_budget.hpp"
#include "residency/generation.hpp"

namespace meridian::io {
namespace {

/// Memory for all relay rings together; with many workers each ring gets shorter.
constexpr std::size_t kRelayMemory = 256UL * 1024 * 1024;
constexpr std::size_t kMinRelaySlots = 128;

/// Connections and sockets need descriptors: take all that the system lets us have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

std::size_t relay_slots(std::size_t workers) {
  const std::size_t rings = std::max<std::size_t>(1, workers * workers);
  const std::size_t affordable = kRelayMemory / rings / sizeof(forward::RelaySlot);
  return std::clamp(affordable, kMinRelaySlots, node::WorkerConfig::kRelayRingSlots);
}

/// What one worker of several has of a limit of the node.
std::size_t share(std::size_t limit, std::size_t workers) {
  return std::max<std::size_t>(1, limit / workers);
}

void log_memory_budgets() {
  using Budget = metrics::MemoryBudget;
  log::info("memory_budgets", {{"idle_participant", Budget::kIdleParticipant},
                               {"first_subscription", Budget::kFirstSubscription},
                               {"further_subscription", Budget::kSubscription},
                               {"sound_layer", Budget::kSoundLayer},
                               {"low_layer", Budget::kLowLayer},
                               {"middle_layer", Budget::kMiddleLayer},
                               {"high_layer", Budget::kHighLayer}});
}

std::string to_string(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::kDebug:
      return "debug";
    case config::LogLevel::kInfo:
      return "info";
    case config::LogLevel::kWarning:
      return "warning";
    case config::LogLevel::kError:
      return "error";
  }
  return "info";
}

}  // namespace

/// In the order of construction; destroyed in reverse.
struct Runtime::State {
  /// A worker before it has a thread.
  struct Seat {
    WorkerIndex index;
    RegionId region;
    std::vector<UdpSocket> sockets;
    std::vector<SocketAddress> advertised;
    std::vector<TcpListener> listeners;
    std::vector<SocketAddress> advertised_tcp;
    config::Turn turn;
    std::string device;
    metrics::WorkerCounters counters;
    IoCounters io_counters;
    turn::Counters turn_counters;

    /// What clients are told.
    [[nodiscard]] std::vector<std::string> turn_urls() const;
  };

  explicit State(const config::Config& from)
      : config(from), certificate(dtls::Certificate::make(wall_now())) {}

  base::Expected<void, base::Error> open_audit();
  base::Expected<void, base::Error> open_policies();
  base::Expected<void, base::Error> open_tls();
  base::Expected<void, base::Error> open_pools();
  base::Expected<void, base::Error> open_worker(const config::Pool& pool, std::uint16_t number,
                                                const std::vector<IpAddress>& advertised);
  base::Expected<void, base::Error> open_tcp(const config::Media& media, std::uint16_t port,
                                             std::size_t address, const IpAddress& advertised,
                                             Seat& seat);
  base::Expected<StaticFiles, base::Error> load_page();
  base::Expected<void, base::Error> open_control();
  void make_relays();
  void make_workers();
  [[nodiscard]] std::optional<WorkerThread::Turn> turn_of(Seat& seat) const;
  void warn(std::string sentence) {
    if (!sentence.empty() && std::ranges::find(warnings, sentence) == warnings.end()) {
      warnings.push_back(std::move(sentence));
    }
  }

  const config::Config config;
  std::string config_file;
  std::vector<std::string> warnings;
  SystemRandom random;
  /// Of this process; nothing without TURN.
  std::optional<turn::Secret> turn_secret;
  const dtls::Certificate certificate;
  residency::PolicyGeneration policy;
  std::unique_ptr<AuditWriter> audit;
  audit::Heads audit_heads;
  directory::RecordedPolicies recorded;
  std::optional<node::EvidenceKeys> audit_keys;
  std::unique_ptr<EvidenceStore> store;
  std::unique_ptr<WebhookStore> webhooks;
  OpenedDirectory policies;
  std::optional<TlsCertificate> tls;
  std::deque<Seat> seats;
  /// relays[from * workers + to]; null on the diagonal.
  std::vector<std::unique_ptr<forward::RelayRing>> relays;
  std::unique_ptr<ControlLoop> control;
  SctpThread sctp;
  std::vector<std::unique_ptr<WorkerThread>> workers;
};

std::vector<std::string> Runtime::State::Seat::turn_urls() const {
  std::vector<std::string> urls;
  const auto add = [&urls](bool is_on, const std::vector<SocketAddress>& addresses,
                           const char* transport) {
    for (const SocketAddress& address : addresses) {
      if (is_on) {
        urls.push_back("turn:" + address.to_string() + "?transport=" + transport);
      }
    }
  };
  add(turn.udp, advertised, "udp");
  add(turn.tcp, advertised_tcp, "tcp");
  if (turn.tls) {
    urls.push_back("turns:" + turn.address + "?transport=tcp");
  }
  return urls;
}

base::Expected<void, base::Error> Runtime::State::open_audit() {
  auto opened = AuditWriter::open(std::filesystem::path(config.data_dir) / "audit");
  if (!opened) {
    return std::unexpected(opened.error());
  }
  audit = std::move(opened->writer);
  audit_heads = std::move(opened->heads);
  recorded = std::move(opened->policies);
  auto keys = open_audit_keys(config.data_dir, opened->published_key, random, wall_now());
  if (!keys) {
    return std::unexpected(keys.error());
  }
  audit_keys.emplace(std::move(*keys));
  store = std::make_unique<EvidenceStore>(EvidenceStore::Config{
      .data_dir = config.data_dir, .retention = std::chrono::days(config.audit.retention_days)});
  return {};
}

base::Expected<void, base::Error> Runtime::State::open_policies() {
  auto opened = open_directory(config, std::move(recorded), wall_now());
  if (!opened) {
    return std::unexpected(opened.error());
  }
  policies = std::move(*opened);
  return {};
}

base::Expected<void, base::Error> Runtime::State::open_tls() {
  if (!config.tls) {
    return {};
  }
  auto loaded = TlsCertificate::load({config.tls->certificate, config.tls->key}, wall_now());
  if (!loaded) {
    return std::unexpected(loaded.error());
  }
  tls.emplace(std::move(*loaded));
  return {};
}

base::Expected<void, base::Error> Runtime::State::open_pools() {
  if (std::ranges::any_of(config.pools, [](const auto& pool) { return pool.turn.is_on(); })) {
    turn_secret.emplace(random);
  }
  for (const config::Pool& pool : config.pools) {
    const auto advertised = advertised_addresses(pool.media, random);
    if (!advertised) {
      return std::unexpected(advertised.error());
    }
    for (std::uint16_t i = 0; i < pool.workers; ++i) {
      if (auto opened = open_worker(pool, i, *advertised); !opened) {
        return opened;
      }
    }
  }
  if (seats.size() > node::WorkerConfig::kMaxWorkers) {
    return base::fail("pools: a node has at most " +
                      std::to_string(node::WorkerConfig::kMaxWorkers) + " workers");
  }
  return {};
}

base::Expected<void, base::Error> Runtime::State::open_worker(
    const config::Pool& pool, std::uint16_t number, const std::vector<IpAddress>& advertised) {
  Seat& seat = seats.emplace_back();
  seat.index = WorkerIndex(static_cast<std::uint16_t>(seats.size() - 1));
  seat.region = pool.region;
  seat.turn = pool.turn;
  seat.device = pool.media.bind_device;
  const auto port_of_worker = [number](std::uint16_t first) {
    return static_cast<std::uint16_t>(first == 0 ? 0 : first + number);
  };
  // Sockets stand in the order of their families, since that is how datagrams name them.
  for (const bool is_v4 : {true, false}) {
    for (std::size_t i = 0; i < pool.media.addresses.size(); ++i) {
      if (pool.media.addresses[i].is_v4() != is_v4) {
        continue;
      }
      auto socket = UdpSocket::open({pool.media.addresses[i], port_of_worker(pool.media.port)},
                                    pool.media.bind_device);
      if (!socket) {
        return std::unexpected(socket.error());
      }
      warn(socket->buffer_warning());
      const std::uint16_t advertised_port = port_of_worker(pool.media.advertised_port);
      seat.advertised.push_back(
          {advertised[i], advertised_port == 0 ? socket->local().port : advertised_port});
      log::info("listening", {{"for", "media"},
                              {"region", pool.region.value()},
                              {"worker", seat.index.value()},
                              {"address", socket->local().to_string()},
                              {"advertised", seat.advertised.back().to_string()}});
      seat.sockets.push_back(std::move(*socket));
      if (pool.media.tcp_port != 0) {
        if (auto opened =
                open_tcp(pool.media, port_of_worker(pool.media.tcp_port), i, advertised[i], seat);
            !opened) {
          return opened;
        }
      }
    }
  }
  return {};
}

base::Expected<void, base::Error> Runtime::State::open_tcp(const config::Media& media,
                                                           std::uint16_t port, std::size_t address,
                                                           const IpAddress& advertised,
                                                           Seat& seat) {
  auto listener = TcpListener::open({media.addresses[address], port}, media.bind_device);
  if (!listener) {
    return std::unexpected(listener.error());
  }
  seat.advertised_tcp.push_back({advertised, port});
  log::info("listening", {{"for", "media over TCP"},
                          {"region", seat.region.value()},
                          {"worker", seat.index.value()},
                          {"address", listener->local().to_string()},
                          {"advertised", seat.advertised_tcp.back().to_string()}});
  seat.listeners.push_back(std::move(*listener));
  return {};
}

base::Expected<StaticFiles, base::Error> Runtime::State::load_page() {
  const std::filesystem::path root(config.web.root);
  if (root.empty()) {
    return StaticFiles();
  }
  if (std::error_code error; !std::filesystem::is_directory(root, error)) {
    warn("the page is not built: there is no folder " + root.string());
    return StaticFiles();
  }
  return StaticFiles::load(root);
}

base::Expected<void, base::Error> Runtime::State::open_control() {
  auto files = load_page();
  if (!files) {
    return std::unexpected(files.error());
  }
  std::vector<node::WorkerPlacement> placements;
  std::vector<WorkerMetrics> metrics;
  for (const Seat& seat : seats) {
    placements.push_back({.index = seat.index,
                          .region = seat.region,
                          .advertised = seat.advertised,
                          .advertised_tcp = seat.advertised_tcp,
                          .turn_urls = seat.turn_urls(),
                          .turn_servers = seat.turn.servers});
    metrics.push_back({seat.region, &seat.counters, &seat.io_counters, &seat.turn_counters});
  }
  std::set<RegionId> regions;
  for (const config::Pool& pool : config.pools) {
    regions.insert(pool.region);
  }
  webhooks = std::make_unique<WebhookStore>(
      WebhookStore::Config{.data_dir = config.data_dir, .regions = std::move(regions)});
  node::ControlConfig control_config{.config = config,
                                     .workers = std::move(placements),
                                     .fingerprint = certificate.fingerprint(),
                                     .node_id = "ND_" + random.alphanumeric(12),
                                     .random = random,
                                     .policy = policy,
                                     .directory = std::move(policies.directory),
                                     .audit_heads = std::move(audit_heads),
                                     .keys = std::move(audit_keys),
                                     .turn = turn_secret,
                                     .webhooks = webhooks->take_left(),
                                     .started = io::now()};
  control = std::make_unique<ControlLoop>(ControlLoop::Config{.control = std::move(control_config),
                                                              .audit = *audit,
                                                              .store = *store,
                                                              .webhooks = *webhooks,
                                                              .files = std::move(*files),
                                                              .tls = tls ? &*tls : nullptr,
                                                              .metrics = std::move(metrics),
                                                              .turn = turn_secret,
                                                              .config_file = config_file});
  return control->listen();
}

/// From each worker to each, itself included: rooms of one worker forward people to each other.
void Runtime::State::make_relays() {
  const std::size_t count = seats.size();
  relays.resize(count * count);
  for (auto& relay : relays) {
    relay = std::make_unique<forward::RelayRing>(relay_slots(count));
  }
}

std::optional<WorkerThread::Turn> Runtime::State::turn_of(Seat& seat) const {
  if (!seat.turn.is_on()) {
    return std::nullopt;
  }
  return WorkerThread::Turn{.secret = *turn_secret,
                            .peers = seat.advertised,
                            .counters = seat.turn_counters,
                            .has_streams = seat.turn.tcp,
                            .has_datagrams = seat.turn.udp,
                            .device = seat.device};
}

void Runtime::State::make_workers() {
  const std::size_t count = seats.size();
  for (Seat& seat : seats) {
    node::WorkerConfig worker{.index = seat.index,
                              .region = seat.region,
                              .certificate = certificate,
                              .policy = policy,
                              .random = random,
                              .counters = seat.counters,
                              .relays_in = {},
                              .relays_out = {},
                              .max_handshakes = share(config.limits.dtls_handshakes, count)};
    for (std::size_t other = 0; other < count; ++other) {
      worker.relays_in.push_back(relays[other * count + seat.index.value()].get());
      worker.relays_out.push_back(relays[seat.index.value() * count + other].get());
    }
    workers.push_back(
        std::make_unique<WorkerThread>(WorkerThread::Config{.worker = std::move(worker),
                                                            .sockets = std::move(seat.sockets),
                                                            .listeners = std::move(seat.listeners),
                                                            .turn = turn_of(seat),
                                                            .sheds_load = config.sheds_load,
                                                            .counters = seat.io_counters,
                                                            .events = control->events(),
                                                            .sctp = sctp.commands()}));
  }
}

base::Expected<std::unique_ptr<Runtime>, base::Error> Runtime::make(
    const config::Config& config, const std::string& config_file) {
  (void)log::set_level(to_string(config.log_level));
  // A client that closes while we write is no reason to end.
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  log_memory_budgets();
  auto state = std::make_unique<State>(config);
  state->config_file = config_file;
  for (const auto open :
       {&State::open_audit, &State::open_policies, &State::open_tls, &State::open_pools}) {
    if (auto opened = ((*state).*open)(); !opened) {
      return std::unexpected(opened.error());
    }
  }
  state->make_relays();
  if (auto opened = state->open_control(); !opened) {
    return std::unexpected(opened.error());
  }
  state->make_workers();
  return std::unique_ptr<Runtime>(new Runtime(std::move(state)));
}

Runtime::Runtime(std::unique_ptr<State> state) : state_(std::move(state)) {}
Runtime::~Runtime() = default;

std::string Runtime::page_url() const {
  const auto& addresses = state_->control->signalling_addresses();
  if (addresses.empty()) {
    return {};
  }
  SocketAddress address = addresses.front();
  if (address.ip.is_unspecified()) {
    address.ip = IpAddress::v4({127, 0, 0, 1});
  }
  return (state_->tls ? "https://" : "http://") + address.to_string() + "/";
}

const std::vector<std::string>& Runtime::warnings() const {
  return state_->warnings;
}

void Runtime::run() {
  std::vector<WorkerThread*> workers;
  for (const auto& worker : state_->workers) {
    workers.push_back(worker.get());
  }
  state_->sctp.start(workers, state_->control->sctp_events());
  for (WorkerThread* worker : workers) {
    worker->start(workers);
  }
  state_->control->run(workers, state_->sctp.commands());
  state_->sctp.stop();
  for (WorkerThread* worker : workers) {
    worker->stop();
  }
  log::info("stopped");
}

void Runtime::request_stop() {
  state_->control->request_stop();
}

}  // namespace meridian::io
