#include "audit/proof.hpp"

#include "audit/inspection.hpp"
#include "audit/json.hpp"

namespace meridian::audit {
namespace {

constexpr std::uint64_t kProofVersion = 1;
/// A path has one hash for each level.
constexpr std::size_t kMaxPath = 64;

}  // namespace

bool RecordProof::holds(const PublicKey& key) const {
  if (line == 0 || !parse_canonical(record) || !checkpoint.is_signed_by(key)) {
    return false;
  }
  const Digest head = sha256({previous.bytes, as_bytes(record)});
  return verify_inclusion(leaf_hash(head.bytes), line - 1, checkpoint.body.lines, path,
                          checkpoint.body.root);
}

std::string to_text(const RecordProof& proof) {
  Json::Array path;
  for (const Digest& digest : proof.path) {
    path.emplace_back(digest.hex());
  }
  return Json(Json::Object{{"checkpoint", proof.note},
                           {"line", proof.line},
                           {"path", std::move(path)},
                           {"previous", proof.previous.hex()},
                           {"record", proof.record},
                           {"v", kProofVersion}})
      .canonical();
}

std::optional<RecordProof> parse_proof(std::string_view text) {
  const auto json = Json::parse(text);
  if (!json || json->at("v").number() != kProofVersion) {
    return std::nullopt;
  }
  RecordProof proof;
  proof.line = json->at("line").number();
  proof.record = json->at("record").text();
  proof.note = json->at("checkpoint").text();
  const auto previous = Digest::from_hex(json->at("previous").text());
  auto checkpoint = parse_checkpoint(proof.note);
  const Json::Array& path = json->at("path").array();
  if (!previous || !checkpoint || path.size() > kMaxPath) {
    return std::nullopt;
  }
  proof.previous = *previous;
  proof.checkpoint = std::move(*checkpoint);
  for (const Json& element : path) {
    const auto digest = Digest::from_hex(element.text());
    if (!digest) {
      return std::nullopt;
    }
    proof.path.push_back(*digest);
  }
  return proof;
}

std::optional<RecordProof> prove(const std::vector<std::string>& lines, std::uint64_t line,
                                 std::string_view note) {
  auto checkpoint = parse_checkpoint(note);
  if (!checkpoint || line == 0 || line > checkpoint->body.lines ||
      checkpoint->body.lines > lines.size()) {
    return std::nullopt;
  }
  const auto record = record_of_line(lines[line - 1]);
  if (!record) {
    return std::nullopt;
  }
  RecordProof proof{.line = line,
                    .record = canonical(*record),
                    .previous = {},
                    .path = {},
                    .checkpoint = std::move(*checkpoint),
                    .note = std::string(note)};
  std::vector<Digest> leaves;
  for (std::size_t i = 0; i < proof.checkpoint.body.lines; ++i) {
    const auto head = head_of_line(lines[i]);
    if (!head) {
      return std::nullopt;
    }
    leaves.push_back(leaf_hash(head->bytes));
    // The account's record before this one.
    const auto other = i + 1 < line ? record_of_line(lines[i]) : std::nullopt;
    if (other && other->account == record->account) {
      proof.previous = *head;
    }
  }
  proof.path = inclusion_proof(leaves, line - 1);
  return proof;
}

}  // namespace meridian::audit
