#include "config/livekit_import.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <set>
#include <utility>

#include "config/yaml_node.hpp"

namespace meridian::config {
namespace {

struct Note {
  /// `rtc.tcp_port`; a section stands for everything below it.
  std::string_view path;
  std::string_view text;
};

/// Keys that LiveKit has and that nothing is made of, and what is instead.
constexpr std::array<Note, 32> kNoCounterpart{{
    {"redis", "nodes of Meridian don't share a Redis: leave it out"},
    {"signal_relay", "signalling isn't relayed over a bus: leave it out"},
    {"psrpc", "there is no message bus: leave it out"},
    {"node_selector", "joins go to the nearest region that the account permits, and nowhere else"},
    {"key_file", "put the keys under accounts[].api_keys"},
    {"development", "see config/dev.yaml for a development node"},
    {"debug_handler", "there is no debug listener"},
    {"trace", "there is no tracing"},
    {"turn",
     "with listen.tls set pools[].turn.tls: TURN shares the port of signalling, and has no "
     "relay ports"},
    {"audio", "levels of speakers aren't configurable"},
    {"video", "pauses of layers aren't configurable"},
    {"metric", "metrics of clients are dropped"},
    {"node_stats", "load isn't sampled: pools have participants as their limit"},
    {"agents", "agents have no settings of their own"},
    {"api", "the API has no settings of its own"},
    {"enable_data_tracks", "data tracks are always on"},
    {"enable_participant_data_blob", "data blobs are refused"},
    {"rtc.tcp_port", "see docs/configuration.md for media over TCP"},
    {"rtc.allow_tcp_fallback", "see docs/configuration.md for media over TCP"},
    {"rtc.turn_servers", "put your own under pools[].turn.servers, in the region where they stand"},
    {"rtc.congestion_control", "congestion control isn't configurable"},
    {"rtc.pli_throttle", "key frames are throttled by fixed times"},
    {"rtc.packet_buffer_size_video", "the history of packets has a fixed size"},
    {"rtc.packet_buffer_size_audio", "the history of packets has a fixed size"},
    {"rtc.interfaces", "name the address to bind in pools[].media.address"},
    {"rtc.ips", "name the address to bind in pools[].media.address"},
    {"rtc.use_mdns", "mDNS candidates are ignored"},
    {"rtc.use_ice_lite", "the node is always ICE-lite"},
    {"room.enabled_codecs", "codecs are opus (with RED), VP8, H264, VP9 and AV1"},
    {"limit.bytes_per_sec", "pools have participants as their limit"},
    {"limit.num_tracks", "use limits.tracks_per_participant and pools[].participants"},
    {"limit.subscription_limit_audio", "use limits.subscriptions_per_participant"},
}};

/// Quoted for YAML in all cases.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
    }
    if (static_cast<unsigned char>(c) < 0x20) {
      static constexpr std::string_view kHex = "0123456789abcdef";
      result += "\\x";
      result += kHex[static_cast<unsigned char>(c) >> 4U];
      result += kHex[static_cast<unsigned char>(c) & 0xfU];
    } else {
      result += c;
    }
  }
  return result + "\"";
}

std::string as_id(std::string_view text) {
  std::string id;
  for (const char c : text.substr(0, 64)) {
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const bool is_fine = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') ||
                         lower == '-' || lower == '_' || lower == '.';
    id += is_fine ? lower : '-';
  }
  return id;
}

/// Reads a document and writes another; remembers what it took.
class Importer {
 public:
  explicit Importer(const YamlNode& root) : root_(root) {}

  Imported run() {
    write_regions();
    write_pool();
    write_account();
    write_limits();
    write_rooms();
    write_rest();
    note_the_others(root_, "");
    return {std::move(yaml_), std::move(notes_)};
  }

 private:
  std::optional<std::string> take(std::string_view path) {
    taken_.insert(std::string(path));
    return find(path).text();
  }
  [[nodiscard]] YamlNode find(std::string_view path) const {
    YamlNode node = root_;
    while (!path.empty()) {
      const std::size_t dot = path.find('.');
      node = node[path.substr(0, dot)];
      path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    }
    return node;
  }
  void line(std::string_view text) { yaml_.append(text).append("\n"); }
  void note(std::string_view path, std::string_view text) {
    notes_.push_back(std::string(path) + ": " + std::string(text));
  }
  /// `key: value` when the LiveKit file has `path`.
  bool copy(std::string_view path, std::string_view key, std::string_view indent) {
    const auto value = take(path);
    if (value) {
      line(std::string(indent) + std::string(key) + ": " + *value);
    }
    return value.has_value();
  }

  void write_regions() {
    const auto region = take("region");
    region_ = region && !region->empty() ? as_id(*region) : "home";
    std::string latitude = "0.0";
    std::string longitude = "0.0";
    for (const YamlNode& place : root_["node_selector"]["regions"].elements()) {
      if (region && place["name"].text() == region) {
        latitude = place["lat"].text().value_or(latitude);
        longitude = place["lon"].text().value_or(longitude);
      }
    }
    line("# Made from a LiveKit configuration by `meridian import`. Look for `change`.");
    line("regions:");
    line("  - id: " + region_);
    line("    jurisdictions: [] # change: for reports, such as [uk]");
    line("    latitude: " + latitude + (latitude == "0.0" ? " # change" : ""));
    line("    longitude: " + longitude + (longitude == "0.0" ? " # change" : ""));
    line("    url: wss://livekit.example.com # change: what clients connect to");
    line("");
  }

  void write_pool() {
    const std::string port = take("port").value_or("7880");
    taken_.insert("bind_addresses");
    std::vector<std::string> binds;
    for (const YamlNode& address : root_["bind_addresses"].elements()) {
      const std::string text = address.text().value_or("");
      binds.push_back(text.empty() ? "0.0.0.0" : text);
    }
    if (binds.empty()) {
      binds = {"0.0.0.0"};
    }
    std::string listeners;
    for (const std::string& bind : binds) {
      std::string address = bind.contains(':') ? "[" : "";
      address.append(bind).append(bind.contains(':') ? "]:" : ":").append(port);
      listeners.append(listeners.empty() ? "" : ", ").append(quoted(address));
    }
    line("pools:");
    line("  - region: " + region_);
    line("    workers: 1 # change: one for each core, less one for signalling");
    line("    signalling: [" + listeners + "]");
    line("    media:");
    line("      address: 0.0.0.0");
    write_media_port();
    write_advertised();
    line("");
  }

  void write_media_port() {
    const auto udp = take("rtc.udp_port");
    const auto first = take("rtc.port_range_start");
    const auto last = take("rtc.port_range_end");
    std::string port = udp.value_or(first.value_or("7882"));
    port = port.substr(0, port.find('-'));
    line("      port: " + port + " # and one more for each further worker");
    if (!udp && first && last) {
      note("rtc.port_range_start",
           "all clients of a worker share one UDP port: close the rest of the range");
    }
  }

  void write_advertised() {
    const auto address = take("rtc.node_ip");
    const auto is_external = take("rtc.use_external_ip");
    taken_.insert("rtc.stun_servers");
    const auto stun = root_["rtc"]["stun_servers"].elements();
    if (address && !address->empty()) {
      line("      advertised_address: " + quoted(*address));
      return;
    }
    line("      advertised_address: auto");
    if (is_external == "true") {
      if (stun.empty()) {
        note("rtc.use_external_ip",
             "behind a cloud's NAT name a STUN server of yours in pools[0].media."
             "public_address_from, or the address in advertised_address");
      } else {
        line("      public_address_from: " + quoted(stun.front().text().value_or("")) +
             " # change: must be your own");
      }
    }
  }

  void write_account() {
    line("accounts:");
    line("  - id: default");
    line("    default_region: " + region_);
    line("    api_keys:");
    taken_.insert("keys");
    const auto keys = root_["keys"].entries();
    for (const auto& [key, secret] : keys) {
      line("      - {key: " + quoted(key) + ", secret: " + quoted(secret.text().value_or("")) +
           "}");
    }
    if (keys.empty()) {
      line("      - {key: change, secret: change-to-48-random-characters-0123456789abcdef01}");
    }
    write_webhooks();
    line("");
  }

  void write_webhooks() {
    taken_.insert("webhook.urls");
    const auto key = take("webhook.api_key");
    const auto urls = root_["webhook"]["urls"].elements();
    if (urls.empty()) {
      return;
    }
    line("    webhooks:");
    for (const YamlNode& url : urls) {
      const auto text = url.is_map() ? url["url"].text() : url.text();
      line("      - url: " + quoted(text.value_or("")));
      line("        region: " + region_ + " # change: where that server is");
      if (key) {
        line("        api_key: " + quoted(*key));
      }
    }
    note("webhook.urls",
         "names and metadata go only to receivers in regions that the account "
         "permits: say where each one is");
  }

  void write_limits() {
    std::string before = std::exchange(yaml_, {});
    copy("limit.max_metadata_size", "metadata_size", "  ");
    copy("limit.max_attributes_size", "attributes_size", "  ");
    copy("limit.max_room_name_length", "room_name_length", "  ");
    copy("limit.max_participant_identity_length", "identity_length", "  ");
    copy("limit.max_participant_name_length", "name_length", "  ");
    copy("limit.signal_message_size_limit", "signal_message_size", "  ");
    copy("limit.subscription_limit_video", "subscriptions_per_participant", "  ");
    const std::string limits = std::exchange(yaml_, std::move(before));
    if (!limits.empty()) {
      yaml_ += "limits:\n" + limits + "\n";
    }
  }

  void write_room_keys(const std::string& path, std::string_view indent) {
    copy(path + ".empty_timeout", "empty_timeout", indent);
    copy(path + ".departure_timeout", "departure_timeout", indent);
    copy(path + ".max_participants", "max_participants", indent);
    copy(path + ".sync_streams", "sync_streams", indent);
    copy(path + ".min_playout_delay", "min_playout_delay", indent);
    copy(path + ".max_playout_delay", "max_playout_delay", indent);
    const std::string metadata = path + ".metadata";
    if (const auto text = take(metadata)) {
      line(std::string(indent) + "metadata: " + quoted(*text));
    }
  }

  /// For all rooms: a section there, two keys here.
  void write_playout_delay() {
    if (take("room.playout_delay.enabled") == "true") {
      copy("room.playout_delay.min", "min_playout_delay", "  ");
      copy("room.playout_delay.max", "max_playout_delay", "  ");
    }
    taken_.insert({"room.playout_delay.min", "room.playout_delay.max"});
  }

  void write_rooms() {
    std::string before = std::exchange(yaml_, {});
    copy("room.auto_create", "auto_create", "  ");
    copy("room.enable_remote_unmute", "remote_unmute", "  ");
    write_room_keys("room", "  ");
    write_playout_delay();
    const auto presets = root_["room"]["room_configurations"].entries();
    if (!presets.empty()) {
      line("  presets:");
    }
    for (const auto& [name, preset] : presets) {
      if (name.contains('.')) {
        note("room.room_configurations", "a preset with a dot in its name is left out: " + name);
        continue;
      }
      line("    " + quoted(name) + ":");
      const std::size_t size = yaml_.size();
      write_room_keys("room.room_configurations." + name, "      ");
      if (yaml_.size() == size) {
        line("      {}");
      }
    }
    const std::string rooms = std::exchange(yaml_, std::move(before));
    if (!rooms.empty()) {
      yaml_ += "rooms:\n" + rooms + "\n";
    }
  }

  void write_rest() {
    auto metrics = take("prometheus.port");
    const auto older = take("prometheus_port");
    metrics = metrics ? metrics : older;
    if (metrics && *metrics != "0") {
      line("metrics:");
      line("  listen: 127.0.0.1:" + *metrics + " # change: your monitoring must reach it");
    }
    auto level = take("logging.level");
    const auto older_level = take("log_level");
    level = level ? level : older_level;
    if (level) {
      line("log:");
      line("  level: " + (*level == "warn" ? "warning" : *level));
    }
    line("data_dir: data # change: where audit log and policies are kept");
  }

  void note_the_others(const YamlNode& node, const std::string& path) {
    for (const auto& [key, value] : node.entries()) {
      std::string here = path;
      here.append(path.empty() ? "" : ".").append(key);
      if (taken_.contains(here) || !value.is_present()) {
        continue;
      }
      const auto* known = std::ranges::find(kNoCounterpart, here, &Note::path);
      if (known != kNoCounterpart.end()) {
        note(here, known->text);
      } else if (value.is_map()) {
        note_the_others(value, here);
      } else {
        note(here, "has no counterpart");
      }
    }
  }

  const YamlNode root_;
  std::string yaml_;
  std::vector<std::string> notes_;
  std::set<std::string> taken_;
  std::string region_;
};

}  // namespace

base::Expected<Imported, std::vector<Problem>> import_livekit(std::string_view text,
                                                              std::string_view file) {
  Report report{std::string(file), {}, {}};
  const auto document = YamlNode::parse(text, report);
  if (!document) {
    return std::unexpected(std::vector{document.error()});
  }
  if (!document->is_map()) {
    document->error("is no LiveKit configuration");
    return std::unexpected(std::move(report.errors));
  }
  Imported imported = Importer(*document).run();
  if (!report.errors.empty()) {
    return std::unexpected(std::move(report.errors));
  }
  return imported;
}

}  // namespace meridian::config
