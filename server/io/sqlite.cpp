#include "io/sqlite.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sqlite3.h>
#include <vector>

#include "io/file_descriptor.hpp"

namespace meridian::io {
namespace {

constexpr std::array kEverySetting = {"PRAGMA locking_mode = EXCLUSIVE",
                                      "PRAGMA trusted_schema = OFF", "PRAGMA secure_delete = ON",
                                      "PRAGMA journal_mode = WAL"};

// The version of the tables, and that this is our kind of database.
base::Expected<int, base::Error> read_schema(const Sqlite& database, const Sqlite::Kind& kind) {
  const std::string name = database.path().string();
  Statement application(database, "PRAGMA application_id");
  const bool has_id = application.step();
  Statement version(database, "PRAGMA user_version");
  if (!has_id || !version.step()) {
    return database.fail();
  }
  const auto schema = static_cast<int>(version.number(0));
  const auto newest = static_cast<int>(kind.migrations.size());
  if (schema != 0 && application.number(0) != kind.application_id) {
    return base::fail(name + " is not a " + std::string(kind.name));
  }
  if (schema > newest) {
    return base::fail(name + " is of version " + std::to_string(schema) +
                      ", and this program knows up to " + std::to_string(newest) +
                      ": start the newer program");
  }
  return schema;
}

base::Expected<void, base::Error> migrate(const Sqlite& database, const Sqlite::Kind& kind) {
  const auto schema = read_schema(database, kind);
  if (!schema) {
    return std::unexpected(schema.error());
  }
  for (auto version = static_cast<std::size_t>(*schema); version < kind.migrations.size();
       ++version) {
    const std::string script = "BEGIN IMMEDIATE;" + std::string(kind.migrations[version]) +
                               "PRAGMA application_id = " + std::to_string(kind.application_id) +
                               ";PRAGMA user_version = " + std::to_string(version + 1) + ";COMMIT";
    if (auto migrated = database.execute(script.c_str()); !migrated) {
      return migrated;
    }
  }
  return {};
}

}  // namespace

base::Expected<std::unique_ptr<Sqlite>, base::Error> Sqlite::open(const std::filesystem::path& path,
                                                                  const Kind& kind) {
  // Made here, so that nobody else can read it from its first moment on.
  if (const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
      !file.is_open()) {
    return base::fail("cannot write " + path.string() + ": " + std::strerror(errno));
  }
  std::unique_ptr<Sqlite> database(new Sqlite(path));
  if (sqlite3_open_v2(path.c_str(), &database->handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                      nullptr) != SQLITE_OK) {
    return database->fail();
  }
  std::vector<const char*> settings(kEverySetting.begin(), kEverySetting.end());
  settings.insert(settings.end(), kind.settings.begin(), kind.settings.end());
  for (const char* setting : settings) {
    if (const auto set = database->execute(setting); !set) {
      return base::fail(set.error().message + " (does another process use it?)");
    }
  }
  Statement check(*database, "PRAGMA quick_check(1)");
  if (!check.step() || check.text(0) != "ok") {
    return base::fail(path.string() + " is damaged: restore it from a backup");
  }
  if (auto migrated = migrate(*database, kind); !migrated) {
    return std::unexpected(std::move(migrated.error()));
  }
  return database;
}

Sqlite::~Sqlite() {
  sqlite3_close(handle_);
}

base::Expected<void, base::Error> Sqlite::execute(const char* sql) const {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return fail();
  }
  return {};
}

std::unexpected<base::Error> Sqlite::fail() const {
  return base::fail(path_.string() + ": " + sqlite3_errmsg(handle_));
}

std::int64_t Sqlite::changes() const {
  return sqlite3_changes64(handle_);
}

Statement::Statement(const Sqlite& database, std::string_view sql) {
  is_fine_ = sqlite3_prepare_v2(database.handle_, sql.data(), static_cast<int>(sql.size()),
                                &statement_, nullptr) == SQLITE_OK;
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::bind(std::string_view text) {
  // A null pointer would be NULL rather than an empty text.
  const char* data = text.empty() ? "" : text.data();
  is_fine_ = is_fine_ && sqlite3_bind_text(statement_, ++bound_, data,
                                           static_cast<int>(text.size()), nullptr) == SQLITE_OK;
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  is_fine_ = is_fine_ && sqlite3_bind_int64(statement_, ++bound_, number) == SQLITE_OK;
  return *this;
}

bool Statement::step() {
  if (!is_fine_) {
    return false;
  }
  const int result = sqlite3_step(statement_);
  is_fine_ = result == SQLITE_ROW || result == SQLITE_DONE;
  return result == SQLITE_ROW;
}

void Statement::reset() {
  sqlite3_reset(statement_);
  bound_ = 0;
}

std::string Statement::text(int column) const {
  const auto* data = sqlite3_column_text(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return data == nullptr ? std::string() : std::string(data, data + size);
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

}  // namespace meridian::io
