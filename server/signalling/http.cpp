#include "signalling/http.hpp"

#include <algorithm>
#include <cctype>

#include "api/url.hpp"

namespace meridian::signalling {
namespace {

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

bool equal_without_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::string_view HttpRequest::header(std::string_view name) const {
  const auto found = std::ranges::find_if(
      headers, [&](const HttpHeader& h) { return equal_without_case(h.name, name); });
  return found == headers.end() ? std::string_view{} : std::string_view(found->value);
}

std::string_view HttpRequest::path() const {
  std::string_view path = std::string_view(target).substr(0, target.find_first_of("?#"));
  while (path.starts_with("//")) {
    path.remove_prefix(1);
  }
  return path;
}

std::optional<std::string> HttpRequest::query(std::string_view name) const {
  return api::query_parameter(target, name);
}

HttpResponse HttpResponse::text(unsigned status, std::string body) {
  return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::move(body)};
}

HttpResponse HttpResponse::json(unsigned status, std::string body) {
  return {status, {{"Content-Type", "application/json"}}, std::move(body)};
}

void allow_every_origin(HttpResponse& response) {
  response.with("Access-Control-Allow-Origin", "*").with("Access-Control-Expose-Headers", "*");
}

HttpResponse preflight() {
  HttpResponse response{204, {}, {}};
  allow_every_origin(response);
  response
      .with("Access-Control-Allow-Methods", "OPTIONS, HEAD, GET, POST, PUT, PATCH, DELETE")
      // A wildcard doesn't cover Authorization (Fetch standard), so it is named.
      .with("Access-Control-Allow-Headers", "Authorization, Content-Type, *")
      .with("Access-Control-Max-Age", "86400");
  return response;
}

}  // namespace meridian::signalling
