#include "io/http_message.hpp"

#include <algorithm>
#include <array>
#include <time.h>

namespace meridian::io {
namespace {

std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return status < 400 ? "Other" : "Error";
  }
}

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

bool equals_without_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, to_lower, to_lower);
}

}  // namespace

std::string http_date(UnixTime time) {
  const time_t seconds = time.seconds();
  tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const std::size_t size = strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

std::string render_head(const HttpReply& reply, KeepAlive keep_alive, UnixTime now) {
  const unsigned status = reply.response.status;
  std::string head = "HTTP/1.1 " + std::to_string(status) + " ";
  head += reason_phrase(status);
  head += "\r\nDate: " + http_date(now) + "\r\n";
  for (const auto& [name, value] : reply.response.headers) {
    if (has_control_character(name) || has_control_character(value)) {
      continue;
    }
    head += name;
    head += ": ";
    head += value;
    head += "\r\n";
  }
  if (status >= 200 && status != 204 && status != 304) {
    head += "Content-Length: " + std::to_string(reply.body().size()) + "\r\n";
  }
  head += keep_alive == KeepAlive::kYes ? "Connection: keep-alive\r\n\r\n"
                                        : "Connection: close\r\n\r\n";
  return head;
}

bool lists_token(std::string_view value, std::string_view token) {
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    const std::string_view item = value.substr(0, comma);
    value = comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
    const std::size_t semicolon = item.find(';');
    if (!equals_without_case(trim(item.substr(0, semicolon)), token)) {
      continue;
    }
    if (semicolon == std::string_view::npos) {
      return true;
    }
    const std::string_view weight = trim(item.substr(semicolon + 1));
    return weight.find_first_not_of("qQ=0.") != std::string_view::npos || !weight.contains('=');
  }
  return false;
}

}  // namespace meridian::io
