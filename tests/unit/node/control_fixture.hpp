#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "api/base64url.hpp"
#include "api/grants.hpp"
#include "node/control.hpp"
#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::node {

/// A node with two regions and two accounts: `acme` may use both, `uk-only` only London.
class ControlTest : public testing::Test {
 protected:
  static inline const RegionId kLondon{"uk-london"};
  static inline const RegionId kVirginia{"us-east"};
  using Response = livekit::SignalResponse;

  ControlTest() { start(two_regions()); }

  static config::Config two_regions() {
    config::Config config;
    config.regions = {region(kLondon, "London"), region(kVirginia, "Virginia")};
    for (const RegionId& id : {kLondon, kVirginia}) {
      config::Pool pool;
      pool.region = id;
      pool.participants = 4;
      config.pools.push_back(pool);
    }
    config.accounts = {account("acme", {kLondon, kVirginia}), account("uk-only", {kLondon})};
    config.accounts[0].guest_mode = residency::GuestMode::kStrict;
    config.accounts[0].levels.groups["ward"] = {kLondon};
    config.accounts[0].levels.rooms["board"] = {kLondon};
    config.web.token_endpoint = config::TokenEndpoint::kDevelopment;
    config.admin.static_tokens = {
        {"owner-clinic", "owner", config::AdminRole::kOwner, AccountId("clinic")},
        {"operator", "operator", config::AdminRole::kOperator, AccountId()}};
    config.limits.rooms = 3;
    config.limits.participants_per_room = 3;
    return config;
  }
  void start(config::Config config) {
    start(std::move(config), {{WorkerIndex(0), kLondon, {address("192.0.2.1:7882")}},
                              {WorkerIndex(1), kVirginia, {address("192.0.2.2:7882")}}});
  }
  void start(config::Config config, std::vector<WorkerPlacement> workers) {
    control_ = std::make_unique<Control>(ControlConfig{.config = std::move(config),
                                                       .workers = std::move(workers),
                                                       .fingerprint = {},
                                                       .node_id = "ND_test",
                                                       .random = random_,
                                                       .policy = policy_,
                                                       .audit_heads = {},
                                                       .started = now_});
  }

  static residency::Region region(const RegionId& id, const std::string& name) {
    return {.id = id, .name = name, .jurisdictions = {}, .coordinates = {}, .url = "ws://" + name};
  }
  static config::Account account(const std::string& id, residency::RegionSet opted_in) {
    config::Account account;
    account.id = AccountId(id);
    account.name = id;
    account.default_region = kLondon;
    account.opted_in = std::move(opted_in);
    account.api_keys = {{id + "-key", id + "-secret"}};
    return account;
  }
  static SocketAddress address(const std::string& text) { return *SocketAddress::parse(text); }

  std::string token(const std::string& account, const std::string& room,
                    const std::string& identity,
                    const std::optional<api::RoutingClaim>& routing = {}) const {
    api::JoinTokenRequest request;
    request.routing = routing;
    request.room = room;
    request.identity = identity;
    return api::join_token(request, {account + "-key", account + "-secret", now_.wall});
  }
  static signalling::HttpRequest get(const std::string& target, const RegionId& at = kLondon) {
    signalling::HttpRequest request;
    request.method = "GET";
    request.target = target;
    request.listener_region = at;
    return request;
  }
  /// What the configuration says of `acme`.
  static residency::AccountPolicy::Terms acme_terms() {
    residency::AccountPolicy::Terms terms;
    terms.account = AccountId("acme");
    terms.default_region = kLondon;
    terms.opted_in = {kLondon, kVirginia};
    terms.guest_mode = residency::GuestMode::kStrict;
    terms.levels.groups["ward"] = {kLondon};
    terms.levels.rooms["board"] = {kLondon};
    return terms;
  }
  /// The response to a request that is answered at once.
  signalling::HttpResponse http(const signalling::HttpRequest& request) {
    signalling::HttpAnswer answer = control_->handle_http(request, now_);
    drain();
    return std::move(std::get<signalling::HttpResponse>(answer));
  }
  static std::string wrapped(const livekit::JoinRequest& request) {
    livekit::WrappedJoinRequest wrapped;
    wrapped.set_join_request(request.SerializeAsString());
    return api::base64url_encode(as_bytes(wrapped.SerializeAsString()));
  }
  static livekit::JoinRequest join_request() {
    meeting::FakeOffers offers;
    livekit::JoinRequest request;
    request.mutable_client_info()->set_protocol(17);
    request.mutable_connection_settings()->set_auto_subscribe(true);
    request.mutable_publisher_offer()->set_type("offer");
    request.mutable_publisher_offer()->set_id(1);
    request.mutable_publisher_offer()->set_sdp(offers.next());
    return request;
  }

  struct Who {
    std::string account = "acme";
    std::string room = "standup";
    std::string identity = "alice";
    RegionId at = kLondon;
    std::optional<api::RoutingClaim> routing = {};
  };
  base::Expected<SignalSessionId, signalling::HttpResponse> open(
      const Who& who, const livekit::JoinRequest& request) {
    auto opened = control_->open_signalling(
        get("/rtc/v1?access_token=" + token(who.account, who.room, who.identity, who.routing) +
                "&join_request=" + wrapped(request),
            who.at),
        now_);
    drain();
    return opened;
  }
  /// Opens a session that must be admitted.
  SignalSessionId join(const Who& who) {
    const auto opened = open(who, join_request());
    EXPECT_TRUE(opened.has_value()) << opened.error().body;
    return opened.value_or(SignalSessionId());
  }
  void send(SignalSessionId session, const livekit::SignalRequest& request) {
    control_->handle_frame(session, as_bytes(request.SerializeAsString()), FrameKind::kBinary,
                           now_);
    drain();
  }

  void drain() {
    for (SignalOutput& output : control_->take_signal_outputs()) {
      if (!output.frame.empty() && output.kind == FrameKind::kBinary) {
        Response response;
        EXPECT_TRUE(
            response.ParseFromArray(output.frame.data(), static_cast<int>(output.frame.size())));
        received_[output.session].push_back(std::move(response));
      } else if (!output.frame.empty()) {
        texts_[output.session].emplace_back(output.frame.begin(), output.frame.end());
      }
      if (output.closes) {
        closed_.push_back(output.session);
        control_->handle_signal_closed(output.session, now_);
      }
    }
    for (auto& [worker, command] : control_->take_commands()) {
      commands_.emplace_back(worker, std::move(command));
    }
  }
  [[nodiscard]] std::optional<Response> last(SignalSessionId session,
                                             Response::MessageCase kind) const {
    const auto found = received_.find(session);
    if (found == received_.end()) {
      return std::nullopt;
    }
    for (auto message = found->second.rbegin(); message != found->second.rend(); ++message) {
      if (message->message_case() == kind) {
        return *message;
      }
    }
    return std::nullopt;
  }
  [[nodiscard]] bool is_closed(SignalSessionId session) const {
    return std::ranges::find(closed_, session) != closed_.end();
  }
  template <class Command>
  std::vector<std::pair<WorkerIndex, const Command*>> commands() const {
    std::vector<std::pair<WorkerIndex, const Command*>> found;
    for (const auto& [worker, command] : commands_) {
      if (const auto* typed = std::get_if<Command>(&command)) {
        found.emplace_back(worker, typed);
      }
    }
    return found;
  }
  std::uint64_t refusals(const std::string& reason) const {
    for (const auto& [name, count] : control_->counters().refusals) {
      if (name == reason) {
        return count;
      }
    }
    return 0;
  }
  static std::string header(const signalling::HttpResponse& response, const std::string& name) {
    const auto found = std::ranges::find(response.headers, name, &signalling::HttpHeader::name);
    return found == response.headers.end() ? std::string() : found->value;
  }

  Now now_{Instant::from_origin(1000s), UnixTime::from_seconds(1'700'000'000)};
  SeededRandomSource random_{7};
  residency::PolicyGeneration policy_;
  std::unique_ptr<Control> control_;
  std::map<SignalSessionId, std::vector<Response>> received_;
  std::map<SignalSessionId, std::vector<std::string>> texts_;
  std::vector<SignalSessionId> closed_;
  std::vector<std::pair<WorkerIndex, forward::Command>> commands_;
};

}  // namespace meridian::node
