#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/expected.hpp"

namespace meridian::io {

/// One file of the web client, ready to be sent.
struct StaticFile {
  std::string mime;
  /// Strong validator, quotes included.
  std::string etag;
  /// Value of Cache-Control: a year for names that carry a hash, revalidation for the others.
  std::string cache_control;
  std::shared_ptr<const std::string> body;
  /// The `.gz` file beside it; null when there is none.
  std::shared_ptr<const std::string> gzip;
};

/// The web client, read into memory once. Requests are answered by an exact look-up among the paths
/// that were there at the start, so that no request can name any other file.
class StaticFiles {
 public:
  static constexpr std::size_t kMaxFiles = 4096;
  static constexpr std::size_t kMaxTotalBytes = 128 * 1024 * 1024;

  /// Empty: find() knows nothing.
  StaticFiles() = default;
  /// Reads everything below `root`, but no hidden files and nothing through symbolic links that
  /// leave it. Errors: unreadable, too many or too large.
  static base::Expected<StaticFiles, base::Error> load(const std::filesystem::path& root);

  /// The file at a request path as sent (no percent-decoding), or the `index.html` of the folder
  /// there, with or without its closing slash. Null if none.
  [[nodiscard]] const StaticFile* find(std::string_view path) const;
  [[nodiscard]] bool empty() const { return files_.empty(); }

 private:
  std::map<std::string, StaticFile, std::less<>> files_;
};

}  // namespace meridian::io
