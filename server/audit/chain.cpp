#include "audit/chain.hpp"

#include <utility>

#include "audit/text.hpp"

namespace meridian::audit {
namespace {

constexpr std::string_view kHeadPrefix = R"({"head":")";
constexpr std::string_view kNodePrefix = R"(","node":")";
constexpr std::string_view kRecordPrefix = R"(","record":)";
constexpr std::string_view kVersionSuffix = R"(,"v":1})";
constexpr std::string_view kRedactedSuffix = R"(","v":1})";
constexpr std::size_t kHexLength = 64;

Digest next_head(const Digest& head, std::string_view record) {
  return sha256({head.bytes, as_bytes(record)});
}

Digest next_node(const Digest& node, const Digest& head) {
  return sha256({node.bytes, head.bytes});
}

struct Line {
  Digest head;
  Digest node;
  std::string_view record;  // empty when redacted
};

std::optional<Digest> take_digest(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) {
    return std::nullopt;
  }
  const auto digest = Digest::from_hex(text.substr(prefix.size(), kHexLength));
  if (digest) {
    text.remove_prefix(prefix.size() + kHexLength);
  }
  return digest;
}

std::optional<Line> parse_line(std::string_view text) {
  const auto head = take_digest(text, kHeadPrefix);
  const auto node = head ? take_digest(text, kNodePrefix) : std::nullopt;
  if (!node) {
    return std::nullopt;
  }
  if (text == kRedactedSuffix) {
    return Line{*head, *node, {}};
  }
  if (!text.starts_with(kRecordPrefix) || !text.ends_with(kVersionSuffix) ||
      text.size() <= kRecordPrefix.size() + kVersionSuffix.size()) {
    return std::nullopt;
  }
  text.remove_prefix(kRecordPrefix.size());
  text.remove_suffix(kVersionSuffix.size());
  return Line{*head, *node, text};
}

std::string make_line(const Digest& head, const Digest& node, std::string_view record) {
  std::string line;
  line.append(kHeadPrefix).append(head.hex()).append(kNodePrefix).append(node.hex());
  if (record.empty()) {
    line.append(kRedactedSuffix);
  } else {
    line.append(kRecordPrefix).append(record).append(kVersionSuffix);
  }
  line.push_back('\n');
  return line;
}

}  // namespace

std::optional<Record> record_of_line(std::string_view line) {
  const auto parsed = parse_line(line);
  return parsed ? parse_canonical(parsed->record) : std::nullopt;
}

std::optional<Digest> head_of_line(std::string_view line) {
  const auto parsed = parse_line(line);
  return parsed ? std::optional(parsed->head) : std::nullopt;
}

Log::Log(std::string node, Heads heads)
    : node_(clean_utf8(node, kMaxText)), heads_(std::move(heads)) {}

Log::Append Log::append(Record record) {
  if (room() == 0) {
    return Append::kFull;
  }
  // The chain is found by the account's id as a reader of the line sees it.
  record.account = AccountId(clean_utf8(record.account.value(), kMaxText));
  AccountHead& account = heads_.accounts[record.account];
  record.sequence = ++account.sequence;
  record.node = node_;
  const std::string text = canonical(record);
  account.head = next_head(account.head, text);
  heads_.node = next_node(heads_.node, account.head);
  heads_.tree.append(leaf_hash(account.head.bytes));
  ++heads_.lines;
  pending_.push_back(make_line(account.head, heads_.node, text));
  return Append::kAppended;
}

Log::Append Log::append_or_count(Record record) {
  if (room() == 0) {
    return Append::kFull;
  }
  flush_repeats(record.time);
  return repeats_.note(record) == Repeats::Seen::kFirst ? append(std::move(record))
                                                        : Append::kAppended;
}

void Log::flush_repeats(UnixTime now) {
  // Counts wait while there is no room for all that may be due.
  if (room() >= Repeats::kMaxKeys) {
    for (Record& count : repeats_.take_due(now)) {
      (void)append(std::move(count));
    }
  }
}

void Log::flush_all_repeats(UnixTime now) {
  for (Record& count : repeats_.take_all(now)) {
    (void)append(std::move(count));
  }
}

std::vector<std::string> Log::take_lines() {
  return std::exchange(pending_, {});
}

std::string_view name_of(Flaw flaw) {
  switch (flaw) {
    case Flaw::kMalformedLine:
      return "malformed_line";
    case Flaw::kBrokenAccountChain:
      return "broken_account_chain";
    case Flaw::kBrokenNodeChain:
      return "broken_node_chain";
    case Flaw::kSequenceGap:
      return "sequence_gap";
    case Flaw::kCheckpointMismatch:
      return "checkpoint_mismatch";
    case Flaw::kBadSignature:
      return "bad_signature";
    case Flaw::kTruncated:
      return "truncated";
    case Flaw::kForked:
      return "forked";
  }
  return "";
}

std::optional<Fault> Verifier::feed(std::string_view text) {
  const std::uint64_t number = heads_.lines + 1;
  const std::optional<Line> line = parse_line(text);
  if (!line) {
    return Fault{number, Flaw::kMalformedLine};
  }
  if (line->node != next_node(heads_.node, line->head)) {
    return Fault{number, Flaw::kBrokenNodeChain};
  }
  if (!line->record.empty()) {
    const std::optional<Record> record = parse_canonical(line->record);
    if (!record) {
      return Fault{number, Flaw::kMalformedLine};
    }
    AccountHead& account = heads_.accounts[record->account];
    if (record->sequence != account.sequence + 1) {
      return Fault{number, Flaw::kSequenceGap};
    }
    if (line->head != next_head(account.head, line->record)) {
      return Fault{number, Flaw::kBrokenAccountChain};
    }
    if (record->kind == Kind::kCheckpoint &&
        (record->count != heads_.lines || record->digest != heads_.tree.root())) {
      return Fault{number, Flaw::kCheckpointMismatch};
    }
    account = {record->sequence, line->head};
  }
  heads_.tree.append(leaf_hash(line->head.bytes));
  heads_.node = line->node;
  heads_.lines = number;
  return std::nullopt;
}

base::Expected<Heads, Fault> verify(std::string_view text, std::optional<Checkpoint> checkpoint) {
  Verifier verifier;
  const auto contradicts = [&] {
    const Heads& heads = verifier.heads();
    return checkpoint && heads.lines == checkpoint->lines && heads.node != checkpoint->node;
  };
  while (!text.empty()) {
    const auto line = take_line(text);
    if (!line) {
      return std::unexpected(Fault{verifier.heads().lines + 1, Flaw::kMalformedLine});
    }
    if (const auto fault = verifier.feed(*line)) {
      return std::unexpected(*fault);
    }
    if (contradicts()) {
      return std::unexpected(Fault{verifier.heads().lines, Flaw::kCheckpointMismatch});
    }
  }
  if (checkpoint && verifier.heads().lines < checkpoint->lines) {
    return std::unexpected(Fault{verifier.heads().lines, Flaw::kCheckpointMismatch});
  }
  return verifier.heads();
}

std::size_t complete_length(std::string_view text) {
  const std::size_t last = text.rfind('\n');
  return last == std::string_view::npos ? 0 : last + 1;
}

std::optional<std::string> redact(std::string_view text, const AccountId& keep) {
  std::string shown;
  while (!text.empty()) {
    const auto raw = take_line(text);
    const auto line = raw ? parse_line(*raw) : std::nullopt;
    if (!line) {
      return std::nullopt;
    }
    const auto record = parse_canonical(line->record);
    const bool is_kept = record && record->account == keep;
    shown.append(make_line(line->head, line->node, is_kept ? line->record : std::string_view{}));
  }
  return shown;
}

}  // namespace meridian::audit
