#include "signalling/http.hpp"

#include <algorithm>
#include <cctype>

namespace meridian::signalling {
namespace {

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

bool equal_without_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) {
      return std::nullopt;
    }
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
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
  const std::size_t question = target.find('?');
  if (question == std::string::npos) {
    return std::nullopt;
  }
  std::string_view rest = std::string_view(target).substr(question + 1);
  rest = rest.substr(0, rest.find('#'));
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == name) {
      return percent_decode(equals == std::string_view::npos ? std::string_view{}
                                                             : pair.substr(equals + 1));
    }
  }
  return std::nullopt;
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
      .with("Access-Control-Allow-Methods", "OPTIONS, HEAD, GET, POST, PATCH, DELETE")
      // A wildcard doesn't cover Authorization (Fetch standard), so it is named.
      .with("Access-Control-Allow-Headers", "Authorization, Content-Type, *")
      .with("Access-Control-Max-Age", "86400");
  return response;
}

}  // namespace meridian::signalling
