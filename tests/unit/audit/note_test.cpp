#include "audit/note.hpp"

#include <gtest/gtest.h>

namespace meridian::audit {
namespace {

CheckpointBody sample_body() {
  return {.origin = "meridian-log",
          .lines = 17,
          .root = sha256({as_bytes("root")}),
          .node = sha256({as_bytes("node")}),
          .config = sha256({as_bytes("config")}),
          .time = UnixTime::from_seconds(1'700'000'000)};
}

SigningKey key_of(std::uint64_t seed) {
  SeededRandomSource random(seed);
  return SigningKey::generate("meridian-log", random);
}

TEST(AuditNote, is_read_and_verified_as_it_was_signed) {
  const SigningKey old_key = key_of(1);
  const SigningKey new_key = key_of(2);
  const std::array<const SigningKey*, 2> keys = {&old_key, &new_key};
  const std::string note = sign_checkpoint(sample_body(), keys);
  EXPECT_TRUE(note.starts_with("meridian-log\n17\n")) << note;
  const auto parsed = parse_checkpoint(note);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->body, sample_body());
  EXPECT_TRUE(parsed->is_signed_by(old_key.public_key()));
  EXPECT_TRUE(parsed->is_signed_by(new_key.public_key()));
  EXPECT_FALSE(parsed->is_signed_by(key_of(3).public_key()));
}

TEST(AuditNote, no_changed_note_is_believed) {
  const SigningKey key = key_of(1);
  const std::array<const SigningKey*, 1> keys = {&key};
  const std::string note = sign_checkpoint(sample_body(), keys);
  for (std::size_t i = 0; i < note.size(); ++i) {
    std::string changed = note;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const auto parsed = parse_checkpoint(changed);
    EXPECT_FALSE(parsed && parsed->is_signed_by(key.public_key())) << i;
    EXPECT_FALSE(parse_checkpoint(note.substr(0, i))) << i;
  }
}

TEST(AuditNote, passes_over_a_witness_signature_of_another_kind) {
  const SigningKey key = key_of(1);
  const std::array<const SigningKey*, 1> keys = {&key};
  const std::string note = sign_checkpoint(sample_body(), keys) + "\xe2\x80\x94 witness AAAAAAE=\n";
  const auto parsed = parse_checkpoint(note);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->signatures.size(), 1U);
  EXPECT_FALSE(parse_checkpoint(sign_checkpoint(sample_body(), {})));
}

}  // namespace
}  // namespace meridian::audit
