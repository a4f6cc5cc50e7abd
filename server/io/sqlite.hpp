#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/expected.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace meridian::io {

/// A SQLite database that no other process has open, with a write-ahead log; what is deleted is
/// overwritten. One thread at a time.
class Sqlite {
 public:
  /// What the files of one kind have in common.
  struct Kind {
    /// In the file's header (`PRAGMA application_id`).
    int application_id = 0;
    /// As in `… is not a policy store`.
    std::string_view name;
    /// SQL that leads from each schema version to the next; never changed once released.
    std::span<const char* const> migrations;
    /// `PRAGMA …` that only this kind has.
    std::span<const char* const> settings;
  };

  /// Opens the file, or makes it, readable by the node's own user only; an older one is brought
  /// forward. Errors: a sentence that names the file: it can't be written, is damaged, of another
  /// kind, of a newer version, or in use by another process.
  static base::Expected<std::unique_ptr<Sqlite>, base::Error> open(
      const std::filesystem::path& path, const Kind& kind);
  ~Sqlite();
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;

  base::Expected<void, base::Error> execute(const char* sql) const;
  /// The last thing that went wrong.
  [[nodiscard]] std::unexpected<base::Error> fail() const;
  /// Rows that the last statement changed.
  [[nodiscard]] std::int64_t changes() const;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  friend class Statement;
  explicit Sqlite(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
  sqlite3* handle_ = nullptr;
};

/// One prepared statement, stepped from beginning to end.
class Statement {
 public:
  Statement(const Sqlite& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// Parameters in their order; texts must live until the last step.
  Statement& bind(std::string_view text);
  Statement& bind(std::int64_t number);
  /// Whether there is a(nother) row.
  bool step();
  /// From the beginning, with other parameters.
  void reset();
  /// Whether everything worked so far.
  [[nodiscard]] bool is_fine() const { return is_fine_; }

  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::int64_t number(int column) const;

 private:
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
  bool is_fine_ = false;
};

}  // namespace meridian::io
