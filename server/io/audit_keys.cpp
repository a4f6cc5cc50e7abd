#include "io/audit_keys.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <optional>
#include <sstream>
#include <unistd.h>

#include <openssl/crypto.h>

#include "audit/base64.hpp"
#include "audit/json.hpp"
#include "io/durable_file.hpp"

namespace meridian::io {
namespace {

namespace fs = std::filesystem;
using audit::Json;
using audit::SigningKey;

constexpr std::uint64_t kVersion = 1;

struct KeyFile {
  SigningKey current;
  std::optional<SigningKey> previous;
  UnixTime created;
};

fs::path path_of(const fs::path& data_dir) {
  return data_dir / "keys" / "audit.json";
}

std::optional<SigningKey> key_from(const std::string& name, const Json& text) {
  auto raw = audit::parse_base64(text.text());
  SigningKey::Seed seed{};
  if (!raw || raw->size() != seed.size() || !audit::is_key_name(name)) {
    return std::nullopt;
  }
  std::ranges::copy(*raw, seed.begin());
  SigningKey key(name, seed);
  OPENSSL_cleanse(raw->data(), raw->size());
  OPENSSL_cleanse(seed.data(), seed.size());
  return key;
}

/// Nothing when there is no file.
base::Expected<std::optional<KeyFile>, base::Error> read(const fs::path& data_dir) {
  const fs::path path = path_of(data_dir);
  std::error_code error;
  if (!fs::exists(path, error)) {
    return std::nullopt;
  }
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  const auto json = in ? Json::parse(text.str()) : std::nullopt;
  if (!json) {
    return base::fail("cannot read the audit keys " + path.string());
  }
  if (json->at("v").number() != kVersion) {
    return base::fail(path.string() + " is of another version than this program's, " +
                      std::to_string(kVersion));
  }
  const std::string& name = json->at("name").text();
  auto current = key_from(name, json->at("seed"));
  if (!current) {
    return base::fail("no key in " + path.string());
  }
  return KeyFile{.current = std::move(*current),
                 .previous = key_from(name, json->at("previous_seed")),
                 .created = UnixTime::from_nanoseconds(json->at("created_ns").integer())};
}

base::Expected<void, base::Error> write(const fs::path& data_dir, const KeyFile& keys) {
  Json::Object members{{"created_ns", keys.created.nanoseconds()},
                       {"name", keys.current.public_key().name()},
                       {"seed", audit::base64(keys.current.seed())},
                       {"v", kVersion}};
  if (keys.previous) {
    members.emplace("previous_seed", audit::base64(keys.previous->seed()));
  }
  return write_durably(path_of(data_dir), Json(std::move(members)).canonical() + '\n', 0600);
}

KeyFile follow(KeyFile keys, RandomSource& random, UnixTime now) {
  const std::string name = keys.current.public_key().name();
  return {.current = SigningKey::generate(name, random),
          .previous = std::move(keys.current),
          .created = now};
}

}  // namespace

base::Expected<node::EvidenceKeys, base::Error> open_audit_keys(const fs::path& data_dir,
                                                                const std::string& published,
                                                                RandomSource& random,
                                                                UnixTime now) {
  auto found = read(data_dir);
  if (!found) {
    return std::unexpected(found.error());
  }
  const bool is_present = found->has_value();
  if (!is_present) {
    const auto last = audit::PublicKey::parse(published);
    const std::string name = last ? last->name() : "meridian/" + random.alphanumeric(12);
    found->emplace(KeyFile{
        .current = SigningKey::generate(name, random), .previous = std::nullopt, .created = now});
  }
  const bool is_old = is_present && now - (*found)->created > kAuditKeyLifetime;
  if (is_old && !(*found)->previous) {
    *found = follow(std::move(**found), random, now);
  }
  if (!is_present || is_old) {
    if (auto written = write(data_dir, **found); !written) {
      return std::unexpected(written.error());
    }
  }
  return node::EvidenceKeys{.current = std::move((*found)->current),
                            .previous = std::move((*found)->previous),
                            .published = published};
}

base::Expected<std::string, base::Error> rotate_audit_key(const fs::path& data_dir,
                                                          RandomSource& random, UnixTime now) {
  auto found = read(data_dir);
  if (!found) {
    return std::unexpected(found.error());
  }
  if (!*found) {
    return base::fail("there is no key yet in " + path_of(data_dir).string());
  }
  if ((*found)->previous) {
    return base::fail("the last rotation waits for the node to start");
  }
  const KeyFile next = follow(std::move(**found), random, now);
  if (auto written = write(data_dir, next); !written) {
    return std::unexpected(written.error());
  }
  return next.current.public_key().to_string();
}

base::Expected<void, base::Error> forget_previous_audit_key(const fs::path& data_dir) {
  auto found = read(data_dir);
  if (!found) {
    return std::unexpected(found.error());
  }
  if (!*found || !(*found)->previous) {
    return {};
  }
  (*found)->previous.reset();
  return write(data_dir, **found);
}

}  // namespace meridian::io
