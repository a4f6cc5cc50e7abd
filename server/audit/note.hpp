#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/digest.hpp"
#include "audit/signing.hpp"
#include "base/time.hpp"

/// Signed checkpoints: C2SP signed-note over a C2SP tlog-checkpoint body.
///
///   ORIGIN\n                       the log, the same for as long as it lives
///   LINES\n                        how many lines the checkpoint covers
///   base64 of the Merkle root\n    of audit/merkle.hpp
///   node HEX\n                     the node chain's head there
///   config HEX\n                   digest of the configuration in force
///   time NANOSECONDS\n             since 1970, UTC
///   \n
///   — NAME BASE64(key id || Ed25519 signature)\n     one line for each key
namespace meridian::audit {

/// Longest note that is read, in bytes.
inline constexpr std::size_t kMaxNote = 8192;
/// Signatures of one note that are read.
inline constexpr std::size_t kMaxNoteSignatures = 16;

/// What a checkpoint says.
struct CheckpointBody {
  std::string origin;
  std::uint64_t lines = 0;
  Digest root;
  Digest node;
  Digest config;
  UnixTime time;
  friend bool operator==(const CheckpointBody&, const CheckpointBody&) = default;
};

struct NoteSignature {
  std::string name;
  std::uint32_t key_id = 0;
  SignatureBytes bytes{};
  friend bool operator==(const NoteSignature&, const NoteSignature&) = default;
};

struct SignedCheckpoint {
  CheckpointBody body;
  std::vector<NoteSignature> signatures;

  /// Whether this key has signed exactly this body.
  [[nodiscard]] bool is_signed_by(const PublicKey& key) const;
  friend bool operator==(const SignedCheckpoint&, const SignedCheckpoint&) = default;
};

/// The text that is signed.
[[nodiscard]] std::string to_text(const CheckpointBody& body);
/// Body and signatures; what witnesses and verifiers are given. While keys are rotated the old and
/// the new one sign.
[[nodiscard]] std::string sign_checkpoint(const CheckpointBody& body,
                                          std::span<const SigningKey* const> keys);
/// Nothing for any text that sign_checkpoint() would not write, except that signatures by keys of
/// other kinds (a witness's) are passed over. Signatures are not checked here.
[[nodiscard]] std::optional<SignedCheckpoint> parse_checkpoint(std::string_view text);

}  // namespace meridian::audit
