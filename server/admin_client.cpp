#include "admin_client.hpp"

#include <algorithm>
#include <iostream>

namespace meridian::admin_client {
namespace {

namespace json = boost::json;

/// An export holds a whole log.
constexpr std::size_t kMaxAnswer = 1024UL * 1024 * 1024;
/// A graceful change may take its grace, and then the lease.
constexpr Duration kTimeout = 180s;

/// Two spaces a level; short lists of plain values on one line.
void print(const json::value& value, const std::string& indent = "") {
  const std::string inner = indent + "  ";
  if (const json::object* object = value.if_object(); object != nullptr && !object->empty()) {
    std::cout << "{";
    const char* separator = "\n";
    for (const auto& [key, member] : *object) {
      std::cout << separator << inner << json::serialize(json::value(key)) << ": ";
      print(member, inner);
      separator = ",\n";
    }
    std::cout << "\n" << indent << "}";
    return;
  }
  const json::array* array = value.if_array();
  const auto is_plain = [](const json::value& element) { return element.is_primitive(); };
  if (array != nullptr && !std::ranges::all_of(*array, is_plain)) {
    std::cout << "[";
    const char* separator = "\n";
    for (const json::value& element : *array) {
      std::cout << separator << inner;
      print(element, inner);
      separator = ",\n";
    }
    std::cout << "\n" << indent << "]";
    return;
  }
  std::cout << json::serialize(value);
}

int print_line(const json::value& value) {
  print(value);
  std::cout << '\n';
  return kOk;
}

}  // namespace

int complain(const std::string& sentence) {
  std::cerr << "meridian: " << sentence << '\n';
  return kFailed;
}

std::string plain(const json::value& value) {
  return value.is_string() ? std::string(value.get_string())
         : value.is_null() ? std::string("-")
                           : json::serialize(value);
}

std::string joined(const json::value& list) {
  std::string text;
  for (const json::value& element : list.as_array()) {
    text += (text.empty() ? "" : " ") + plain(element);
  }
  return text;
}

base::Expected<io::HttpFetched, base::Error> send(const std::string& url, const std::string& token,
                                                  Request request) {
  if (token.empty()) {
    return base::fail("set MERIDIAN_ADMIN_TOKEN, or give --token");
  }
  io::HttpFetch fetch;
  fetch.method = std::move(request.method);
  fetch.url = (url.ends_with('/') ? url.substr(0, url.size() - 1) : url) + request.path;
  fetch.headers = std::move(request.headers);
  fetch.headers.emplace_back("Authorization", "Bearer " + token);
  fetch.timeout = kTimeout;
  fetch.max_body = kMaxAnswer;
  if (request.body) {
    fetch.headers.emplace_back("Content-Type", "application/json");
    fetch.body = json::serialize(*request.body);
  }
  auto answer = io::fetch_and_wait(std::move(fetch));
  if (answer && answer->status >= 400) {
    json::error_code error;
    const json::value body = json::parse(answer->body, error);
    const json::object* object = error ? nullptr : body.if_object();
    const json::value* message = object == nullptr ? nullptr : object->if_contains("message");
    const json::value* code = object == nullptr ? nullptr : object->if_contains("error");
    return base::fail("refused (" + std::to_string(answer->status) +
                      "): " + (code == nullptr ? std::string() : plain(*code) + ": ") +
                      (message == nullptr ? answer->body : plain(*message)));
  }
  return answer;
}

base::Expected<json::value, base::Error> call(const std::string& url, const std::string& token,
                                              Request request) {
  const auto answer = send(url, token, std::move(request));
  if (!answer) {
    return std::unexpected(answer.error());
  }
  json::error_code error;
  json::value body = answer->body.empty() ? json::value() : json::parse(answer->body, error);
  if (error) {
    return base::fail("the node's answer is no JSON");
  }
  return body;
}

int show(const base::Expected<json::value, base::Error>& answer) {
  return answer ? print_line(*answer) : complain(answer.error().message);
}

}  // namespace meridian::admin_client
