#include "io/control_loop.hpp"

#include <csignal>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "api/admin_routes.hpp"
#include "io/clock.hpp"
#include "io/config_file.hpp"
#include "io/evidence_delivery.hpp"
#include "io/evidence_reader.hpp"
#include "io/http_fetcher.hpp"
#include "io/log.hpp"
#include "io/site.hpp"

namespace meridian::io {
namespace {

namespace asio = boost::asio;
using Error = boost::system::error_code;

/// Handlers that run before outputs are drained, so that a flood can't hold them up.
constexpr int kMaxHandlersPerTurn = 64;
constexpr auto kHousekeeping = std::chrono::seconds(2);
/// Bodies of requests that are no API call.
constexpr std::size_t kMaxPlainBody = 64 * 1024;

log::Level to_level(node::LogLevel level) {
  switch (level) {
    case node::LogLevel::kDebug:
      return log::Level::kDebug;
    case node::LogLevel::kInfo:
      return log::Level::kInfo;
    case node::LogLevel::kWarning:
      return log::Level::kWarning;
    case node::LogLevel::kError:
      return log::Level::kError;
  }
  return log::Level::kInfo;
}

HttpLimits http_limits(const config::Limits& limits) {
  HttpLimits result;
  result.websocket_message = limits.signal_message_size;
  return result;
}

}  // namespace

struct ControlLoop::State final : HttpHandler, TurnDoor {
  explicit State(Config from)
      : config(from.control.config),
        audit(from.audit),
        store(from.store),
        webhooks(from.webhooks),
        tls(from.tls),
        metrics(std::move(from.metrics)),
        turn(from.turn),
        config_file(std::move(from.config_file)),
        site(std::move(from.files), config.regions),
        control(std::move(from.control)),
        events(kMaxEvents, wakeup),
        sctp_events(kMaxEvents, wakeup),
        evidence_answers(EvidenceReader::kMaxQueries, wakeup),
        evidence(config.data_dir, store, evidence_answers),
        server(context, http_limits(config.limits)),
        metrics_page(*this) {}
  ~State() override { wakeup_watch.release(); }

  // -- Requests ----------------------------------------------------------------------------------

  std::size_t max_body(std::string_view path) const override {
    const bool is_api =
        path.starts_with("/twirp/") || path.starts_with("/api/") || api::is_admin_path(path);
    return is_api ? signalling::kMaxRequestBody : kMaxPlainBody;
  }
  HttpResult handle_http(const signalling::HttpRequest& request) override {
    if (auto page = site.find(request)) {
      return std::move(*page);
    }
    return ask_control(request);
  }
  HttpResult ask_control(const signalling::HttpRequest& request) {
    signalling::HttpAnswer answer = control.handle_http(request, io::now());
    if (const auto* later = std::get_if<signalling::PendingResponse>(&answer)) {
      return *later;
    }
    return HttpReply{std::move(std::get<signalling::HttpResponse>(answer)), nullptr};
  }
  bool is_websocket_path(std::string_view path) const override {
    return node::Control::is_signalling_path(path);
  }
  base::Expected<node::SignalSessionId, signalling::HttpResponse> open_websocket(
      const signalling::HttpRequest& request) override {
    watch_audit();
    return control.open_signalling(request, io::now());
  }
  void handle_frame(node::SignalSessionId session, Bytes message, node::FrameKind kind) override {
    control.handle_frame(session, message, kind, io::now());
  }
  void handle_closed(node::SignalSessionId session) override {
    control.handle_signal_closed(session, io::now());
  }

  // -- TURN --------------------------------------------------------------------------------------

  turn::Look look(Bytes received, const SocketAddress& from, Instant now,
                  MutableBytes reply) override {
    return turn ? turn::look(*turn, received, from, now, reply) : turn::Look{};
  }
  /// A worker of another region is none of this listener's.
  HandOver hand_over(WorkerIndex worker, const RegionId& region,
                     TurnConnection connection) override {
    const std::size_t index = worker.value();
    if (index >= workers.size() || metrics[index].region != region) {
      return HandOver::kRefused;
    }
    const auto pushed = workers[index]->turn_connections().push(std::move(connection));
    return pushed == TurnChannel::Push::kQueued ? HandOver::kTaken : HandOver::kRefused;
  }

  /// A listener that is there for TURN alone.
  struct NoPage final : HttpHandler {
    std::size_t max_body(std::string_view) const override { return 0; }
    HttpResult handle_http(const signalling::HttpRequest&) override {
      return HttpReply{signalling::HttpResponse::text(404, "not found\n"), nullptr};
    }
    bool is_websocket_path(std::string_view) const override { return false; }
    base::Expected<node::SignalSessionId, signalling::HttpResponse> open_websocket(
        const signalling::HttpRequest&) override {
      return std::unexpected(signalling::HttpResponse::text(404, "not found\n"));
    }
    void handle_frame(node::SignalSessionId, Bytes, node::FrameKind) override {}
    void handle_closed(node::SignalSessionId) override {}
  };

  /// The metrics listener knows this one path.
  struct MetricsPage final : HttpHandler {
    explicit MetricsPage(State& from) : state(from) {}
    std::size_t max_body(std::string_view) const override { return 0; }
    HttpResult handle_http(const signalling::HttpRequest& request) override {
      const std::string_view path = request.path();
      if (path == "/healthz" || path == "/readyz") {
        return state.ask_control(request);
      }
      if (path != "/metrics" || request.method != "GET") {
        return HttpReply{signalling::HttpResponse::text(404, "not found\n"), nullptr};
      }
      HttpReply reply{signalling::HttpResponse::text(200, state.render()), nullptr};
      reply.response.headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}};
      return reply;
    }
    bool is_websocket_path(std::string_view) const override { return false; }
    base::Expected<node::SignalSessionId, signalling::HttpResponse> open_websocket(
        const signalling::HttpRequest&) override {
      return std::unexpected(signalling::HttpResponse::text(404, "not found\n"));
    }
    void handle_frame(node::SignalSessionId, Bytes, node::FrameKind) override {}
    void handle_closed(node::SignalSessionId) override {}
    State& state;
  };

  std::string render() const {
    MetricsInput input{.workers = metrics,
                       .control = control.counters(),
                       .http = server.counters(),
                       .unstored_webhooks = webhooks.unstored(),
                       .is_audit_writable = audit.is_writable(),
                       .certificate_left = {}};
    if (tls != nullptr) {
      input.certificate_left = tls->expires() - wall_now();
    }
    return render_metrics(input);
  }

  // -- The loop ----------------------------------------------------------------------------------

  void run() {
    watch_wakeup();
    watch_signals();
    keep_house();
    drain_outputs();
    arm_timer();
    while (!is_finished()) {
      context.run_one();
      for (int i = 0; i < kMaxHandlersPerTurn && context.poll_one() > 0; ++i) {
      }
      handle_mail();
      if (control.next_timeout() <= monotonic_now()) {
        control.handle_timeout(io::now());
      }
      drain_outputs();
      arm_timer();
    }
    control.finish_evidence(io::now());
    drain_outputs();
    audit.sync();
    delivery.deliver();
  }

  void watch_wakeup() {
    wakeup_watch.async_wait(asio::posix::descriptor_base::wait_read, [this](Error error) {
      if (!error) {
        is_woken = true;
        wakeup.clear();
        watch_wakeup();
      }
    });
  }

  void handle_mail() {
    if (is_stop_requested.exchange(false)) {
      begin_shutdown();
    }
    if (!is_woken) {
      return;
    }
    is_woken = false;
    const Now now = io::now();
    for (auto& [worker, event] : events.drain()) {
      control.handle_event(worker, std::move(event), now);
    }
    for (sctp::Event& event : sctp_events.drain()) {
      control.handle_sctp_event(std::move(event), now);
    }
    for (auto& [request, response] : evidence_answers.drain()) {
      control.handle_evidence(request, std::move(response), now);
    }
  }

  /// Evidence first. While it can't be written it waits in Control's log; when that is full,
  /// nothing is granted any more. Media and what stops it go on.
  void drain_outputs() {
    if (audit.append({})) {
      (void)audit.append(control.take_audit_lines());
    }
    command_threads();
    for (node::SignalOutput& output : control.take_signal_outputs()) {
      if (!output.frame.empty()) {
        server.send(output.session, std::move(output.frame), output.kind);
      }
      if (output.closes) {
        server.close(output.session);
      }
    }
    server.flush();
    for (auto& [request, response] : control.take_http_responses()) {
      server.respond(request, std::move(response));
    }
    // Before what is asked, which then finds it.
    delivery.add(control.take_stored());
    delivery.deliver();
    for (auto& query : control.take_evidence_queries()) {
      evidence.ask(std::move(query));
    }
    if (auto fetch = control.take_oidc_fetch(io::now())) {
      fetch_for_sign_in(std::move(*fetch));
    }
    webhooks.store(control.take_webhook_changes());
    for (node::WebhookPost& post : control.take_webhook_posts(io::now())) {
      deliver(std::move(post));
    }
    for (const node::LogEvent& event : control.take_log_events()) {
      log::write(to_level(event.level), event.event, event.fields);
    }
  }

  /// Each thread is woken once, behind the last command for it.
  void command_threads() {
    std::vector<bool> is_told(workers.size());
    for (auto& [worker, command] : control.take_commands()) {
      is_told[worker.value()] = true;
      MERIDIAN_CHECK(workers[worker.value()]->commands().queue(std::move(command)) ==
                     CommandChannel::Push::kQueued);
    }
    for (std::size_t i = 0; i < workers.size(); ++i) {
      if (is_told[i]) {
        workers[i]->commands().wake();
      }
    }
    auto sctp_commands = control.take_sctp_commands();
    for (sctp::Command& command : sctp_commands) {
      MERIDIAN_CHECK(sctp->queue(std::move(command)) == SctpChannel::Push::kQueued);
    }
    if (!sctp_commands.empty()) {
      sctp->wake();
    }
  }

  void deliver(node::WebhookPost post) {
    HttpFetch fetch{.method = "POST", .url = std::move(post.url)};
    fetch.headers = std::move(post.headers);
    fetch.body = std::move(post.body);
    fetch.max_body = kMaxPlainBody;
    fetcher.fetch(std::move(fetch), [this, id = post.id](const auto& fetched) {
      control.handle_webhook_result(id, fetched && fetched->status / 100 == 2, io::now());
    });
  }

  void fetch_for_sign_in(api::OidcFetch wanted) {
    HttpFetch fetch;
    fetch.url = std::move(wanted.url);
    fetch.headers = {{"Accept", "application/json"}};
    fetch.max_body = api::OidcProvider::kMaxDocument;
    fetcher.fetch(std::move(fetch), [this, id = wanted.id](const auto& fetched) {
      if (!fetched) {
        log::warning("sign_in_provider_unreachable", {{"reason", fetched.error().message}});
      }
      const bool is_there = fetched && fetched->status == 200;
      control.handle_oidc_fetched(
          id, is_there ? std::optional<std::string_view>(fetched->body) : std::nullopt, io::now());
      site.allow_sign_in_at(control.sign_in_url());
    });
  }

  void arm_timer() {
    const Instant next = control.next_timeout();
    if (next == armed) {
      return;
    }
    armed = next;
    if (next.is_never()) {
      timer.cancel();
      return;
    }
    timer.expires_after(std::max(next - monotonic_now(), Duration::zero()));
    timer.async_wait([this](Error error) {
      if (!error) {
        armed = Instant::never();
      }
    });
  }

  // -- Signals and upkeep ------------------------------------------------------------------------

  void watch_signals() {
    signals.async_wait([this](Error error, int signal) {
      if (error) {
        return;
      }
      if (signal == SIGHUP) {
        reload_certificate();
        reload_configuration();
      } else {
        begin_shutdown();
      }
      watch_signals();
    });
  }

  void begin_shutdown() {
    if (!shutdown_deadline.is_never()) {
      shutdown_deadline = Instant{};  // asked twice: at once
      return;
    }
    log::info("shutting_down");
    shutdown_deadline = monotonic_now() + kShutdownGrace;
    server.stop_accepting();
    control.begin_shutdown(io::now());
  }
  bool is_finished() const {
    return !shutdown_deadline.is_never() &&
           ((server.counters().websockets == 0 && !control.is_waiting_for_reports() &&
             !control.is_delivering_webhooks()) ||
            monotonic_now() >= shutdown_deadline);
  }

  void keep_house() {
    if (tls != nullptr && tls->has_changed_on_disk()) {
      reload_certificate();
    }
    watch_audit();
    for (const auto& [account, rows] : store.take_expired()) {
      control.note_erased(account, {}, rows, io::now());
    }
    housekeeping.expires_after(kHousekeeping);
    housekeeping.async_wait([this](Error error) {
      if (!error) {
        keep_house();
      }
    });
  }

  void watch_audit() {
    const bool is_writable = audit.is_writable();
    if (is_writable == was_audit_writable) {
      return;
    }
    was_audit_writable = is_writable;
    control.set_evidence(is_writable ? node::EvidenceState::kWritten
                                     : node::EvidenceState::kWaiting);
    log::write(is_writable ? log::Level::kInfo : log::Level::kError,
               is_writable ? "audit_writable" : "audit_not_writable");
  }

  void reload_configuration() {
    if (config_file.empty()) {
      return;
    }
    const auto loaded = load_config_file(config_file);
    if (!loaded) {
      for (const config::Problem& problem : loaded.error()) {
        log::error("config_not_reloaded", {{"problem", problem.to_string()}});
      }
      return;
    }
    control.reload_pools(loaded->config, io::now());
    for (const auto& refused : control.reload_accounts(loaded->config, io::now())) {
      log::error("account_not_reloaded", {{"reason", refused.message}});
    }
    log::info("config_reloaded");
  }

  void reload_certificate() {
    if (tls == nullptr) {
      return;
    }
    if (const auto loaded = tls->reload(wall_now()); loaded) {
      log::info("tls_certificate_loaded");
    } else {
      log::error("tls_certificate_refused", {{"reason", loaded.error().message}});
    }
  }

  const config::Config config;
  AuditWriter& audit;
  EvidenceStore& store;
  WebhookStore& webhooks;
  TlsCertificate* const tls;
  const std::vector<WorkerMetrics> metrics;
  const std::optional<turn::Secret> turn;
  const std::string config_file;
  Site site;
  node::Control control;
  std::vector<WorkerThread*> workers;
  SctpChannel* sctp = nullptr;

  asio::io_context context{1};
  Wakeup wakeup;
  asio::posix::stream_descriptor wakeup_watch{context, wakeup.descriptor()};
  EventChannel events;
  SctpEventChannel sctp_events;
  EvidenceAnswerChannel evidence_answers;
  EvidenceReader evidence;
  HttpFetcher fetcher{context};
  EvidenceDelivery delivery{
      {.audit = audit, .store = store, .fetcher = fetcher, .witnesses = config.audit.witnesses}};
  bool is_woken = false;
  std::atomic<bool> is_stop_requested{false};
  asio::signal_set signals{context, SIGINT, SIGTERM, SIGHUP};
  asio::steady_timer timer{context};
  asio::steady_timer housekeeping{context};
  Instant armed = Instant::never();
  Instant shutdown_deadline = Instant::never();
  bool was_audit_writable = true;

  HttpServer server;
  MetricsPage metrics_page;
  NoPage no_page;
  std::vector<SocketAddress> signalling_addresses;
};

ControlLoop::ControlLoop(Config config) : state_(std::make_unique<State>(std::move(config))) {}
ControlLoop::~ControlLoop() = default;

base::Expected<void, base::Error> ControlLoop::listen() {
  for (const config::Pool& pool : state_->config.pools) {
    for (const SocketAddress& address : pool.signalling) {
      const auto bound = state_->server.listen({address, pool.region, state_.get(), state_->tls,
                                                pool.turn.tls ? state_.get() : nullptr});
      if (!bound) {
        return std::unexpected(bound.error());
      }
      state_->signalling_addresses.push_back(*bound);
      log::info("listening", {{"for", "signalling"},
                              {"region", pool.region.value()},
                              {"address", bound->to_string()},
                              {"tls", state_->tls != nullptr ? "yes" : "no"}});
    }
    for (const SocketAddress& address : pool.turn.listen) {
      const auto bound = state_->server.listen(
          {address, pool.region, &state_->no_page, state_->tls, state_.get()});
      if (!bound) {
        return std::unexpected(bound.error());
      }
      log::info("listening", {{"for", "TURN"},
                              {"region", pool.region.value()},
                              {"address", bound->to_string()},
                              {"tls", "yes"}});
    }
  }
  if (state_->config.metrics_listen) {
    const auto bound = state_->server.listen(
        {*state_->config.metrics_listen, RegionId(), &state_->metrics_page, nullptr, nullptr});
    if (!bound) {
      return std::unexpected(bound.error());
    }
    log::info("listening", {{"for", "metrics"}, {"address", bound->to_string()}});
  }
  return {};
}

const std::vector<SocketAddress>& ControlLoop::signalling_addresses() const {
  return state_->signalling_addresses;
}
EventChannel& ControlLoop::events() {
  return state_->events;
}
SctpEventChannel& ControlLoop::sctp_events() {
  return state_->sctp_events;
}

void ControlLoop::run(std::vector<WorkerThread*> workers, SctpChannel& sctp) {
  state_->workers = std::move(workers);
  state_->sctp = &sctp;
  state_->run();
}

void ControlLoop::request_stop() {
  state_->is_stop_requested.store(true);
  state_->wakeup.notify();
}

}  // namespace meridian::io
