#include "io/sqlite_store.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "directory/terms_reader.hpp"
#include "io/sqlite.hpp"

namespace meridian::io {
namespace {

using directory::ManagedBy;
using directory::PolicyVersion;
using StoreResult = base::Expected<void, base::Error>;

/// What leads from each schema version to the next; never changed once released.
constexpr std::array<const char*, SqliteStore::kSchemaVersion> kDirectoryMigrations{
    R"(
CREATE TABLE accounts (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  managed_by TEXT NOT NULL CHECK (managed_by IN ('file', 'store'))
) STRICT;
CREATE TABLE policies (
  digest TEXT NOT NULL PRIMARY KEY,
  terms TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE versions (
  account TEXT NOT NULL REFERENCES accounts (id),
  epoch INTEGER NOT NULL CHECK (epoch > 0),
  digest TEXT NOT NULL REFERENCES policies (digest),
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (account, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE keys (
  number INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  secret TEXT NOT NULL,
  account TEXT NOT NULL REFERENCES accounts (id)
) STRICT;
CREATE TRIGGER versions_stay BEFORE UPDATE ON versions
  BEGIN SELECT RAISE(ABORT, 'a policy version is never changed'); END;
CREATE TRIGGER versions_remain BEFORE DELETE ON versions
  BEGIN SELECT RAISE(ABORT, 'a policy version is never deleted'); END;
CREATE TRIGGER versions_grow BEFORE INSERT ON versions
  WHEN new.epoch <= (SELECT max(epoch) FROM versions WHERE account = new.account)
  BEGIN SELECT RAISE(ABORT, 'the account has a newer policy already'); END;
CREATE TRIGGER policies_stay BEFORE UPDATE ON policies
  BEGIN SELECT RAISE(ABORT, 'a policy is never changed'); END;
CREATE TRIGGER policies_remain BEFORE DELETE ON policies
  BEGIN SELECT RAISE(ABORT, 'a policy is never deleted'); END;
)",
    "ALTER TABLE accounts ADD COLUMN signalling_host TEXT NOT NULL DEFAULT '';",
    R"(
ALTER TABLE keys ADD COLUMN previous_secret TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN previous_until INTEGER NOT NULL DEFAULT 0;
DROP TRIGGER versions_stay;
CREATE TRIGGER versions_stay BEFORE UPDATE ON versions
  WHEN new.account != old.account OR new.epoch != old.epoch OR new.digest != old.digest
    OR new.time != old.time OR new.actor != 'erased' OR new.reason != 'erased'
  BEGIN SELECT RAISE(ABORT, 'a policy version is never changed'); END;
)"};

constexpr int kDirectoryId = 0x4d52444e;  // "MRDN"
constexpr std::array kDirectorySettings = {"PRAGMA foreign_keys = ON", "PRAGMA synchronous = FULL"};

// Columns of a version from `first`: epoch, digest, actor, reason, time, terms.
base::Expected<PolicyVersion, base::Error> read_version(const Statement& row, int first) {
  const std::string text = row.text(first + 5);
  auto terms = directory::parse_terms(text);
  if (!terms) {
    return std::unexpected(terms.error());
  }
  const std::int64_t epoch = row.number(first);
  if (epoch <= 0 || audit::sha256({as_bytes(text)}).hex() != row.text(first + 1)) {
    return base::fail("a stored policy is not what its digest says");
  }
  return PolicyVersion{
      residency::AccountPolicy(std::move(*terms), PolicyEpoch(static_cast<std::uint64_t>(epoch))),
      row.text(first + 2), row.text(first + 3), UnixTime::from_nanoseconds(row.number(first + 4))};
}

}  // namespace

SqliteStore::SqliteStore(std::unique_ptr<Sqlite> database) : database_(std::move(database)) {}
SqliteStore::~SqliteStore() = default;

base::Expected<std::unique_ptr<SqliteStore>, base::Error> SqliteStore::open(
    const std::filesystem::path& path) {
  auto database = Sqlite::open(path, {.application_id = kDirectoryId,
                                      .name = "policy store",
                                      .migrations = kDirectoryMigrations,
                                      .settings = kDirectorySettings});
  if (!database) {
    return std::unexpected(std::move(database.error()));
  }
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(*database)));
}

base::Expected<std::vector<directory::PolicyStore::Entry>, base::Error> SqliteStore::accounts()
    const {
  Statement rows(*database_,
                 "SELECT a.id, a.name, a.managed_by, a.signalling_host, v.epoch, v.digest, v.actor,"
                 " v.reason, v.time, p.terms FROM accounts a JOIN versions v ON v.account = a.id"
                 " AND v.epoch = (SELECT max(epoch) FROM versions WHERE account = a.id)"
                 " JOIN policies p ON p.digest = v.digest ORDER BY a.number");
  std::vector<Entry> entries;
  while (rows.step()) {
    auto version = read_version(rows, 4);
    if (!version) {
      return base::fail(database_->path().string() + ": " + version.error().message);
    }
    entries.push_back(
        {{AccountId(rows.text(0)), rows.text(1),
          rows.text(2) == name_of(ManagedBy::kFile) ? ManagedBy::kFile : ManagedBy::kStore,
          rows.text(3)},
         std::move(*version)});
  }
  if (!rows.is_fine()) {
    return database_->fail();
  }
  return entries;
}

base::Expected<std::vector<directory::ApiKey>, base::Error> SqliteStore::keys() const {
  Statement rows(*database_,
                 "SELECT key, secret, account, previous_secret, previous_until FROM keys"
                 " ORDER BY number");
  std::vector<directory::ApiKey> keys;
  while (rows.step()) {
    keys.push_back({rows.text(0), rows.text(1), AccountId(rows.text(2)), rows.text(3),
                    UnixTime::from_nanoseconds(rows.number(4))});
  }
  if (!rows.is_fine()) {
    return database_->fail();
  }
  return keys;
}

base::Expected<std::vector<PolicyVersion>, base::Error> SqliteStore::versions(
    const AccountId& account, std::size_t limit, PolicyEpoch before) const {
  Statement rows(*database_,
                 "SELECT v.epoch, v.digest, v.actor, v.reason, v.time, p.terms FROM versions v"
                 " JOIN policies p ON p.digest = v.digest WHERE v.account = ? AND (? = 0 OR"
                 " v.epoch < ?) ORDER BY v.epoch DESC LIMIT ?");
  const auto epoch = static_cast<std::int64_t>(before.value());
  rows.bind(account.value())
      .bind(epoch)
      .bind(epoch)
      .bind(static_cast<std::int64_t>(std::min(limit, kMaxListed)));
  std::vector<PolicyVersion> versions;
  while (rows.step()) {
    auto version = read_version(rows, 0);
    if (!version) {
      return base::fail(database_->path().string() + ": " + version.error().message);
    }
    versions.push_back(std::move(*version));
  }
  if (!rows.is_fine()) {
    return database_->fail();
  }
  return versions;
}

base::Expected<void, base::Error> SqliteStore::append(const directory::StoredAccount& account,
                                                      const PolicyVersion& version) {
  const std::string terms = canonical(version.policy.terms());
  const std::string digest = version.policy.digest().hex();
  if (auto begun = database_->execute("BEGIN IMMEDIATE"); !begun) {
    return begun;
  }
  Statement about(*database_,
                  "INSERT INTO accounts (id, name, managed_by, signalling_host) VALUES (?, ?, ?, ?)"
                  " ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
                  " managed_by = excluded.managed_by, signalling_host = excluded.signalling_host");
  about.bind(account.id.value())
      .bind(account.name)
      .bind(name_of(account.managed_by))
      .bind(account.signalling_host);
  Statement policy(*database_,
                   "INSERT INTO policies (digest, terms) VALUES (?, ?) ON CONFLICT DO NOTHING");
  policy.bind(digest).bind(terms);
  Statement row(*database_,
                "INSERT INTO versions (account, epoch, digest, actor, reason, time)"
                " VALUES (?, ?, ?, ?, ?, ?)");
  row.bind(account.id.value())
      .bind(static_cast<std::int64_t>(version.policy.epoch().value()))
      .bind(digest)
      .bind(version.actor)
      .bind(version.reason)
      .bind(version.time.nanoseconds());
  for (Statement* statement : {&about, &policy, &row}) {
    statement->step();
    if (!statement->is_fine()) {
      const auto failed = database_->fail();
      (void)database_->execute("ROLLBACK");
      return failed;
    }
  }
  auto committed = database_->execute("COMMIT");
  if (!committed) {
    (void)database_->execute("ROLLBACK");
  }
  return committed;
}

base::Expected<std::uint64_t, base::Error> SqliteStore::forget_author(const AccountId& account,
                                                                      PolicyEpoch epoch) {
  Statement rows(*database_,
                 "UPDATE versions SET actor = 'erased', reason = 'erased' WHERE account = ?1 AND"
                 " actor != 'erased' AND actor = (SELECT actor FROM versions WHERE account = ?1"
                 " AND epoch = ?2)");
  rows.bind(account.value()).bind(static_cast<std::int64_t>(epoch.value())).step();
  if (!rows.is_fine()) {
    return database_->fail();
  }
  const auto forgotten = static_cast<std::uint64_t>(database_->changes());
  // Nor are they to stay in the write-ahead log.
  (void)database_->execute("PRAGMA wal_checkpoint(TRUNCATE)");
  return forgotten;
}

base::Expected<void, base::Error> SqliteStore::put_key(const directory::ApiKey& key) {
  Statement row(*database_,
                "INSERT INTO keys (key, secret, account, previous_secret, previous_until)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET secret = excluded.secret,"
                " previous_secret = excluded.previous_secret,"
                " previous_until = excluded.previous_until");
  row.bind(key.key)
      .bind(key.secret)
      .bind(key.account.value())
      .bind(key.previous_secret)
      .bind(key.previous_until.nanoseconds())
      .step();
  return row.is_fine() ? StoreResult() : StoreResult(database_->fail());
}

base::Expected<void, base::Error> SqliteStore::remove_key(std::string_view key) {
  Statement row(*database_, "DELETE FROM keys WHERE key = ?");
  row.bind(key).step();
  return row.is_fine() ? StoreResult() : StoreResult(database_->fail());
}

}  // namespace meridian::io
