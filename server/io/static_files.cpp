#include "io/static_files.hpp"

#include <array>
#include <fstream>
#include <sstream>
#include <system_error>

#include <openssl/sha.h>

namespace meridian::io {
namespace {

namespace fs = std::filesystem;

std::string mime_type(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kTypes = {{
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".map", "application/json"},
      {".webmanifest", "application/manifest+json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".wasm", "application/wasm"},
      {".mp3", "audio/mpeg"},
      {".txt", "text/plain; charset=utf-8"},
  }};
  for (const auto& [suffix, type] : kTypes) {
    if (name.ends_with(suffix)) {
      return std::string(type);
    }
  }
  return "application/octet-stream";
}

std::string make_etag(std::string_view body) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest.data());
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string etag = "\"";
  for (std::size_t i = 0; i < 8; ++i) {
    etag += kHex[digest[i] >> 4U];
    etag += kHex[digest[i] & 0xfU];
  }
  return etag + '"';
}

base::Expected<std::string, base::Error> read_page_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  if (!in) {
    return base::fail("cannot read " + path.string());
  }
  return std::move(content).str();
}

bool is_hidden(const fs::path& relative) {
  for (const auto& part : relative) {
    if (part.string().starts_with('.')) {
      return true;
    }
  }
  return false;
}

}  // namespace

base::Expected<StaticFiles, base::Error> StaticFiles::load(const fs::path& root) {
  StaticFiles result;
  std::size_t total = 0;
  std::error_code error;
  // Directory links are not followed, and links to files are skipped below.
  for (fs::recursive_directory_iterator it(root, error), end; !error && it != end;
       it.increment(error)) {
    const fs::path relative = it->path().lexically_relative(root);
    if (it->is_symlink() || !it->is_regular_file() || is_hidden(relative)) {
      continue;
    }
    auto content = read_page_file(it->path());
    if (!content) {
      return std::unexpected(content.error());
    }
    total += content->size();
    if (total > kMaxTotalBytes || result.files_.size() >= kMaxFiles) {
      return base::fail(root.string() + " holds more than " + std::to_string(kMaxFiles) +
                        " files or " + std::to_string(kMaxTotalBytes) + " bytes");
    }
    const std::string path = "/" + relative.generic_string();
    const bool has_hash = path.starts_with("/assets/");
    result.files_[path] = {
        .mime = mime_type(path),
        .etag = make_etag(*content),
        .cache_control = has_hash ? "public, max-age=31536000, immutable" : "no-cache",
        .body = std::make_shared<const std::string>(std::move(*content)),
        .gzip = nullptr,
    };
  }
  if (error) {
    return base::fail("cannot read the web root " + root.string() + ": " + error.message());
  }
  for (auto& [path, file] : result.files_) {
    if (const auto gz = result.files_.find(path + ".gz"); gz != result.files_.end()) {
      file.gzip = gz->second.body;
    }
  }
  return result;
}

const StaticFile* StaticFiles::find(std::string_view path) const {
  if (const auto it = files_.find(path); it != files_.end()) {
    return &it->second;
  }
  if (!path.starts_with('/')) {
    return nullptr;
  }
  const std::string_view folder = path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
  const auto it = files_.find(std::string(folder) + "/index.html");
  return it == files_.end() ? nullptr : &it->second;
}

}  // namespace meridian::io
