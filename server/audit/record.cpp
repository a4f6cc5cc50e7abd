#include "audit/record.hpp"

#include <charconv>
#include <utility>

#include "audit/text.hpp"

namespace meridian::audit {
namespace {

// Writes the members of the object; the caller calls in key order.
class Members {
 public:
  void text(std::string_view key, std::string_view value) {
    if (!value.empty()) {
      begin(key);
      append_json_string(out_, clean_utf8(value, kMaxText));
    }
  }
  template <class Integer>
  void number(std::string_view key, Integer value) {
    if (value != 0) {
      begin(key);
      out_.append(std::to_string(value));
    }
  }
  void digest(std::string_view key, const Digest& value) {
    if (value != Digest{}) {
      text(key, value.hex());
    }
  }
  std::string finish() && { return std::move(out_) + '}'; }

 private:
  void begin(std::string_view key) {
    out_.push_back(out_.empty() ? '{' : ',');
    append_json_string(out_, key);
    out_.push_back(':');
  }
  std::string out_;
};

// Reads the members that Members wrote, in the same order. Lenient in detail: parse_canonical()
// compares the result's canonical form with its input.
class MemberReader {
 public:
  explicit MemberReader(std::string_view text) : text_(text) {}

  std::string text(std::string_view key) {
    std::string value;
    if (!begin(key) || !take("\"")) {
      return value;
    }
    while (!text_.empty() && text_[0] != '"') {
      value.push_back(character());
    }
    take("\"");
    return value;
  }
  template <class Integer>
  Integer number(std::string_view key) {
    Integer value = 0;
    if (begin(key)) {
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    }
    return value;
  }

 private:
  bool take(std::string_view expected) {
    if (!text_.starts_with(expected)) {
      return false;
    }
    text_.remove_prefix(expected.size());
    return true;
  }
  bool begin(std::string_view key) {
    std::string prefix(1, is_first_ ? '{' : ',');
    append_json_string(prefix, key);
    prefix.push_back(':');
    const bool is_present = take(prefix);
    is_first_ = is_first_ && !is_present;
    return is_present;
  }
  char character() {
    unsigned code = 0;
    if (take("\\u00") && text_.size() >= 2) {
      std::from_chars(text_.data(), text_.data() + 2, code, 16);
      text_.remove_prefix(2);
      return static_cast<char>(code);
    }
    take("\\");
    const char c = text_.empty() ? '\0' : text_[0];
    text_.remove_prefix(text_.empty() ? 0 : 1);
    return c;
  }

  std::string_view text_;
  bool is_first_ = true;
};

template <class Enum>
Enum enum_of(std::string_view name, Enum last) {
  for (std::uint8_t i = 0; i < static_cast<std::uint8_t>(last); ++i) {
    if (name_of(static_cast<Enum>(i)) == name) {
      return static_cast<Enum>(i);
    }
  }
  return last;
}

}  // namespace

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kNodeStarted:
      return "node_started";
    case Kind::kNodeStopped:
      return "node_stopped";
    case Kind::kConfigLoaded:
      return "config_loaded";
    case Kind::kPolicyLoaded:
      return "policy_loaded";
    case Kind::kPermitGranted:
      return "permit_granted";
    case Kind::kPermitDenied:
      return "permit_denied";
    case Kind::kPermitRevoked:
      return "permit_revoked";
    case Kind::kPolicyChanged:
      return "policy_changed";
    case Kind::kPolicyConfirmed:
      return "policy_confirmed";
    case Kind::kChangeDry:
      return "change_dry";
    case Kind::kAdminAction:
      return "admin_action";
    case Kind::kTransitReport:
      return "transit_report";
    case Kind::kCheckpoint:
      return "checkpoint";
    case Kind::kKeyPublished:
      return "key_published";
    case Kind::kPersonErased:
      return "person_erased";
  }
  return "";
}

std::string_view name_of(Leg leg) {
  switch (leg) {
    case Leg::kNone:
      return "";
    case Leg::kClient:
      return "client";
    case Leg::kRelay:
      return "relay";
  }
  return "";
}

std::string canonical(const Record& record) {
  Members members;
  members.text("account", record.account.value());
  members.text("actor", record.actor);
  members.digest("commitment", record.commitment);
  members.number("count", record.count);
  members.digest("digest", record.digest);
  members.number("epoch", record.epoch.value());
  members.text("key", record.key);
  members.text("kind", name_of(record.kind));
  members.text("leg", name_of(record.leg));
  members.text("node", record.node);
  members.text("participant", record.participant_sid);
  members.text("reason", record.reason);
  members.text("region", record.region.value());
  members.text("room", record.room_sid);
  members.number("seq", record.sequence);
  members.number("status", record.status);
  members.number("time_ns", record.time.nanoseconds());
  members.number("v", record.version);
  return std::move(members).finish();
}

std::optional<Record> parse_canonical(std::string_view text) {
  MemberReader members(text);
  Record record;
  record.account = AccountId(members.text("account"));
  record.actor = members.text("actor");
  record.commitment = Digest::from_hex(members.text("commitment")).value_or(Digest{});
  record.count = members.number<std::uint64_t>("count");
  record.digest = Digest::from_hex(members.text("digest")).value_or(Digest{});
  record.epoch = PolicyEpoch(members.number<std::uint64_t>("epoch"));
  record.key = members.text("key");
  record.kind = enum_of(members.text("kind"), kLastKind);
  record.leg = enum_of(members.text("leg"), Leg::kRelay);
  record.node = members.text("node");
  record.participant_sid = members.text("participant");
  record.reason = members.text("reason");
  record.region = RegionId(members.text("region"));
  record.room_sid = members.text("room");
  record.sequence = members.number<std::uint64_t>("seq");
  record.status = members.number<std::uint64_t>("status");
  record.time = UnixTime::from_nanoseconds(members.number<std::int64_t>("time_ns"));
  record.version = members.number<std::uint64_t>("v");
  const bool is_known = record.version >= 1 && record.version <= kRecordVersion;
  // Whatever else the text may be, it is canonical only when it is this record's.
  if (!is_known || canonical(record) != text) {
    return std::nullopt;
  }
  return record;
}

}  // namespace meridian::audit
