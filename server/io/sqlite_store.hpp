#pragma once

#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "base/expected.hpp"
#include "directory/policy_store.hpp"

namespace meridian::io {

class Sqlite;

/// Accounts, keys and policy versions in a SQLite database in the data folder. A change is on the
/// disk when its call returns (write-ahead log, synchronous FULL); the database refuses to
/// delete a version, or to change anything in it but to forget its author. API secrets are in it,
/// since tokens are checked with them, so only the node's own user can read the file. One process
/// and one thread at a time.
class SqliteStore final : public directory::PolicyStore {
 public:
  /// Of the tables. An older database is migrated when it is opened; a newer one is refused.
  static constexpr int kSchemaVersion = 3;

  /// Opens the database, or makes it. Errors: a sentence that names the file: it can't be written,
  /// is damaged, of a newer version, or in use by another process.
  static base::Expected<std::unique_ptr<SqliteStore>, base::Error> open(
      const std::filesystem::path& path);
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  [[nodiscard]] base::Expected<std::vector<Entry>, base::Error> accounts() const override;
  [[nodiscard]] base::Expected<std::vector<directory::ApiKey>, base::Error> keys() const override;
  [[nodiscard]] base::Expected<std::vector<directory::PolicyVersion>, base::Error> versions(
      const AccountId& account, std::size_t limit, PolicyEpoch before) const override;
  base::Expected<void, base::Error> append(const directory::StoredAccount& account,
                                           const directory::PolicyVersion& version) override;
  base::Expected<std::uint64_t, base::Error> forget_author(const AccountId& account,
                                                           PolicyEpoch epoch) override;
  base::Expected<void, base::Error> put_key(const directory::ApiKey& key) override;
  base::Expected<void, base::Error> remove_key(std::string_view key) override;

 private:
  explicit SqliteStore(std::unique_ptr<Sqlite> database);
  std::unique_ptr<Sqlite> database_;
};

}  // namespace meridian::io
