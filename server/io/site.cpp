#include "io/site.hpp"

#include <optional>

namespace meridian::io {
namespace {

constexpr std::string_view kNotBuilt =
    "OK\n\nThis is a Meridian server. Its web page is not built: run `./dev build`, or set\n"
    "web.root to the folder with the built page.\n";

/// What both pages are held to; the sources of connections follow.
constexpr std::string_view kOwnOnly =
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "connect-src 'self'";

/// `wss://host/path` gives `host`; empty when it can't stand in a policy.
std::string host_of(std::string_view url) {
  const std::size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = url.substr(scheme_end + 3);
  const std::string_view host = rest.substr(0, rest.find('/'));
  return host.find_first_of(" ;,'\"") == std::string_view::npos ? std::string(host) : std::string();
}

/// `wss://host/path` gives `wss://host` and `https://host`.
std::string sources_of(std::string_view url) {
  const std::string host = host_of(url);
  if (host.empty()) {
    return {};
  }
  const bool is_secure = url.starts_with("wss") || url.starts_with("https");
  return is_secure ? " wss://" + host + " https://" + host : " ws://" + host + " http://" + host;
}

}  // namespace

Site::Site(StaticFiles files, std::span<const residency::Region> regions)
    : files_(std::move(files)), security_policy_(kOwnOnly), admin_security_policy_(kOwnOnly) {
  for (const residency::Region& region : regions) {
    security_policy_ += sources_of(region.url);
  }
}

void Site::allow_sign_in_at(std::string_view url) {
  admin_security_policy_ = kOwnOnly;
  if (const std::string host = host_of(url); !host.empty()) {
    admin_security_policy_ += (url.starts_with("https") ? " https://" : " http://") + host;
  }
}

std::optional<HttpReply> Site::find(const signalling::HttpRequest& request) const {
  if (request.method != "GET" && request.method != "HEAD") {
    return std::nullopt;
  }
  const std::string_view path = request.path();
  HttpReply reply;
  auto& response = reply.response;
  response.with("X-Content-Type-Options", "nosniff").with("Referrer-Policy", "no-referrer");
  // Clients look with HEAD whether the server is there, from pages of any origin.
  signalling::allow_every_origin(response);
  const StaticFile* file = files_.find(path);
  if (file == nullptr) {
    if (path != "/") {
      return std::nullopt;
    }
    response.with("Content-Type", "text/plain; charset=utf-8");
    response.body = kNotBuilt;
    return reply;
  }
  const bool is_admin = path == "/admin" || path.starts_with("/admin/");
  response.with("Content-Type", file->mime)
      .with("Content-Security-Policy", is_admin ? admin_security_policy_ : security_policy_)
      .with("Permissions-Policy", is_admin
                                      ? "camera=(), microphone=(), display-capture=()"
                                      : "camera=(self), microphone=(self), display-capture=(self)")
      .with("Cross-Origin-Opener-Policy", "same-origin")
      .with("Cache-Control", file->cache_control)
      .with("ETag", file->etag)
      .with("Vary", "Accept-Encoding");
  if (request.header("If-None-Match") == file->etag) {
    response.status = 304;
    return reply;
  }
  reply.shared_body = file->body;
  if (file->gzip != nullptr && lists_token(request.header("Accept-Encoding"), "gzip")) {
    reply.shared_body = file->gzip;
    response.with("Content-Encoding", "gzip");
  }
  return reply;
}

}  // namespace meridian::io
