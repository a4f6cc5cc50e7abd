#include "signalling/query_join.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

#include <boost/json.hpp>

#include "sdp/text.hpp"
#include "signalling/join_request.hpp"

namespace meridian::signalling {
namespace {

using Info = livekit::ClientInfo;

std::string text(const HttpRequest& request, std::string_view name) {
  std::string value = request.query(name).value_or("");
  return value.size() > kMaxParameter ? std::string() : value;
}

std::optional<bool> flag(const HttpRequest& request, std::string_view name) {
  const auto value = request.query(name);
  if (!value || value->empty()) {
    return std::nullopt;
  }
  return *value == "1" || *value == "true";
}

int number(const HttpRequest& request, std::string_view name) {
  static constexpr std::uint32_t kMax = 1'000'000;
  return static_cast<int>(
      std::min(sdp::number<std::uint32_t>(text(request, name)).value_or(0), kMax));
}

Info::SDK sdk_from(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Info::SDK>, 15> kNames = {
      {{"js", Info::JS},
       {"ios", Info::SWIFT},
       {"swift", Info::SWIFT},
       {"android", Info::ANDROID},
       {"flutter", Info::FLUTTER},
       {"go", Info::GO},
       {"unity", Info::UNITY},
       {"reactnative", Info::REACT_NATIVE},
       {"rust", Info::RUST},
       {"python", Info::PYTHON},
       {"cpp", Info::CPP},
       {"unityweb", Info::UNITY_WEB},
       {"node", Info::NODE},
       {"unreal", Info::UNREAL},
       {"esp32", Info::ESP32}}};
  const auto* const found =
      std::ranges::find(kNames, name, &std::pair<std::string_view, Info::SDK>::first);
  return found == kNames.end() ? Info::UNKNOWN : found->second;
}

void read_client(const HttpRequest& request, Info& client) {
  client.set_sdk(sdk_from(text(request, "sdk")));
  client.set_version(text(request, "version"));
  client.set_protocol(number(request, "protocol"));
  client.set_client_protocol(number(request, "client_protocol"));
  client.set_os(text(request, "os"));
  client.set_os_version(text(request, "os_version"));
  client.set_browser(text(request, "browser"));
  client.set_browser_version(text(request, "browser_version"));
  client.set_device_model(text(request, "device_model"));
  client.set_network(text(request, "network"));
  const std::string capabilities = text(request, "capabilities");
  std::string_view rest = capabilities;
  while (!rest.empty()) {
    Info::Capability capability{};
    if (Info::Capability_Parse(std::string(sdp::take(rest, ',')), &capability) &&
        client.capabilities_size() < Info::Capability_ARRAYSIZE) {
      client.add_capabilities(capability);
    }
  }
}

void read_settings(const HttpRequest& request, livekit::ConnectionSettings& settings) {
  settings.set_auto_subscribe(flag(request, "auto_subscribe").value_or(true));
  settings.set_adaptive_stream(flag(request, "adaptive_stream").value_or(false));
  settings.set_disable_ice_lite(flag(request, "disable_ice_lite").value_or(false));
  if (const auto allows = flag(request, "subscriber_allow_pause")) {
    settings.set_subscriber_allow_pause(*allows);
  }
  if (const auto wants = flag(request, "auto_subscribe_data_track")) {
    settings.set_auto_subscribe_data_track(*wants);
  }
}

/// base64url of a JSON object of strings.
bool read_attributes(const std::string& parameter, livekit::JoinRequest& join) {
  const auto decoded = decode_base64(parameter);
  boost::system::error_code error;
  const boost::json::value value =
      decoded ? boost::json::parse(*decoded, error) : boost::json::value();
  if (error || !value.is_object()) {
    return false;
  }
  for (const auto& [key, attribute] : value.get_object()) {
    if (!attribute.is_string()) {
      return false;
    }
    (*join.mutable_participant_attributes())[std::string(key)] =
        std::string(attribute.get_string());
  }
  return true;
}

/// The version that follows `name/` in a User-Agent; nothing when it isn't there.
std::optional<std::string> product(std::string_view agent, std::string_view name) {
  const std::size_t at = agent.find(std::string(name) + "/");
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view version = agent.substr(at + name.size() + 1);
  const auto* const end = std::ranges::find_if_not(
      version, [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.'; });
  return std::string(version.begin(), end);
}

void set_browser(Info& client, std::string_view agent) {
  // The first that is named: Chrome's agent names Safari, too, and Edge's names both.
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kProducts = {
      {{"Firefox", "Firefox"},
       {"FxiOS", "Safari"},  // every browser of iOS is a Safari
       {"CriOS", "Safari"},
       {"Edg", "Edge"},
       {"HeadlessChrome", "Chrome"},
       {"Chrome", "Chrome"},
       {"Safari", "Safari"}}};
  for (const auto& [name, browser] : kProducts) {
    if (auto version = product(agent, name)) {
      client.set_browser(std::string(browser));
      if (browser == "Safari") {
        version = product(agent, "Version").value_or(*version);
      }
      client.set_browser_version(*version);
      return;
    }
  }
}

void set_system(Info& client, std::string_view agent) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kSystems = {
      {{"Android", "Android"},
       {"iPhone", "iOS"},
       {"iPad", "iOS"},
       {"Windows", "Windows"},
       {"Mac OS X", "macOS"},
       {"Linux", "Linux"}}};
  for (const auto& [mark, system] : kSystems) {
    if (agent.contains(mark)) {
      client.set_os(std::string(system));
      return;
    }
  }
}

}  // namespace

base::Expected<livekit::JoinRequest, std::string> read_query_join(const HttpRequest& request) {
  livekit::JoinRequest join;
  read_client(request, *join.mutable_client_info());
  read_settings(request, *join.mutable_connection_settings());
  if (const auto attributes = request.query("attributes"); attributes && !attributes->empty()) {
    if (!read_attributes(*attributes, join)) {
      return std::unexpected(std::string("cannot decode attributes"));
    }
  }
  join.set_reconnect(flag(request, "reconnect").value_or(false));
  if (join.reconnect()) {
    join.set_participant_sid(text(request, "sid"));
    const int reason = number(request, "reconnect_reason");
    if (livekit::ReconnectReason_IsValid(reason)) {
      join.set_reconnect_reason(static_cast<livekit::ReconnectReason>(reason));
    }
  }
  return join;
}

void complete_client_info(livekit::ClientInfo& client, std::string_view user_agent) {
  const std::string_view agent = user_agent.substr(0, kMaxParameter);
  if (client.browser().empty()) {
    set_browser(client, agent);
  }
  if (client.os().empty()) {
    set_system(client, agent);
  }
}

}  // namespace meridian::signalling
