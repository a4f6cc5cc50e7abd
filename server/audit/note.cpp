#include "audit/note.hpp"

#include <algorithm>
#include <charconv>

#include "audit/base64.hpp"
#include "audit/text.hpp"

namespace meridian::audit {
namespace {

constexpr std::string_view kSignaturePrefix = "\xe2\x80\x94 ";  // an em dash and a space
constexpr std::size_t kKeyIdSize = 4;

template <class Integer>
Integer number_of(std::string_view text) {
  Integer value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The value behind `name ` in the next line; empty when it is another line.
std::string_view take_value(std::string_view& text, std::string_view name) {
  const std::string_view line = take_line(text).value_or(std::string_view());
  return line.starts_with(name) ? line.substr(name.size()) : std::string_view();
}

Digest root_of(std::string_view text) {
  Digest root;
  const auto raw = parse_base64(text);
  if (raw && raw->size() == root.bytes.size()) {
    std::ranges::copy(*raw, root.bytes.begin());
  }
  return root;
}

/// Lenient in detail: the caller compares the text of the result with what it read.
CheckpointBody read_body(std::string_view text) {
  CheckpointBody body;
  body.origin = take_line(text).value_or("");
  body.lines = number_of<std::uint64_t>(take_line(text).value_or(""));
  body.root = root_of(take_line(text).value_or(""));
  body.node = Digest::from_hex(take_value(text, "node ")).value_or(Digest{});
  body.config = Digest::from_hex(take_value(text, "config ")).value_or(Digest{});
  body.time = UnixTime::from_nanoseconds(number_of<std::int64_t>(take_value(text, "time ")));
  return body;
}

enum class Read : std::uint8_t { kOurs, kOther, kBad };

Read read_signature(std::string_view line, NoteSignature& signature) {
  if (!line.starts_with(kSignaturePrefix)) {
    return Read::kBad;
  }
  line.remove_prefix(kSignaturePrefix.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || !is_key_name(line.substr(0, space))) {
    return Read::kBad;
  }
  signature.name = line.substr(0, space);
  const auto raw = parse_base64(line.substr(space + 1));
  if (!raw || raw->size() < kKeyIdSize) {
    return Read::kBad;
  }
  if (raw->size() != kKeyIdSize + signature.bytes.size()) {
    return Read::kOther;
  }
  signature.key_id = load_u32(raw->data());
  std::copy(raw->begin() + kKeyIdSize, raw->end(), signature.bytes.begin());
  return Read::kOurs;
}

}  // namespace

std::string to_text(const CheckpointBody& body) {
  return body.origin + '\n' + std::to_string(body.lines) + '\n' + base64(body.root.bytes) +
         "\nnode " + body.node.hex() + "\nconfig " + body.config.hex() + "\ntime " +
         std::to_string(body.time.nanoseconds()) + '\n';
}

std::string sign_checkpoint(const CheckpointBody& body, std::span<const SigningKey* const> keys) {
  const std::string text = to_text(body);
  std::string note = text + '\n';
  for (const SigningKey* key : keys) {
    const SignatureBytes signature = key->sign(as_bytes(text));
    std::vector<std::uint8_t> raw(kKeyIdSize);
    store_u32(raw.data(), key->public_key().id());
    raw.insert(raw.end(), signature.begin(), signature.end());
    note.append(kSignaturePrefix).append(key->public_key().name()).append(" ");
    note.append(base64(raw)).push_back('\n');
  }
  return note;
}

bool SignedCheckpoint::is_signed_by(const PublicKey& key) const {
  const std::string text = to_text(body);
  return std::ranges::any_of(signatures, [&](const NoteSignature& signature) {
    return signature.name == key.name() && signature.key_id == key.id() &&
           key.verify(as_bytes(text), signature.bytes);
  });
}

std::optional<SignedCheckpoint> parse_checkpoint(std::string_view text) {
  const std::size_t body_end = text.find("\n\n");
  if (text.size() > kMaxNote || body_end == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view body = text.substr(0, body_end + 1);
  SignedCheckpoint checkpoint{read_body(body), {}};
  if (!is_key_name(checkpoint.body.origin) || to_text(checkpoint.body) != body) {
    return std::nullopt;
  }
  text.remove_prefix(body_end + 2);
  for (std::size_t count = 0; !text.empty(); ++count) {
    const auto line = take_line(text);
    NoteSignature signature;
    const Read read =
        line && count < kMaxNoteSignatures ? read_signature(*line, signature) : Read::kBad;
    if (read == Read::kBad) {
      return std::nullopt;
    }
    if (read == Read::kOurs) {
      checkpoint.signatures.push_back(std::move(signature));
    }
  }
  return checkpoint.signatures.empty() ? std::nullopt : std::optional(std::move(checkpoint));
}

}  // namespace meridian::audit
