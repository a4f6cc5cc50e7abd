#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "base/expected.hpp"
#include "io/http_fetcher.hpp"

/// Calls of the administration API from the command line, and how answers are shown.
namespace meridian::admin_client {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;

struct Request {
  std::string method = "GET";
  std::string path;
  std::optional<boost::json::value> body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// One call of the API; the error is a sentence for the terminal.
[[nodiscard]] base::Expected<io::HttpFetched, base::Error> send(const std::string& url,
                                                                const std::string& token,
                                                                Request request);
/// The same for an answer that is JSON, or empty.
[[nodiscard]] base::Expected<boost::json::value, base::Error> call(const std::string& url,
                                                                   const std::string& token,
                                                                   Request request);

/// Says it on standard error; kFailed.
int complain(const std::string& sentence);
/// Prints the answer or complains; the exit code.
int show(const base::Expected<boost::json::value, base::Error>& answer);
/// A value for a line of text: a string without quotes, `-` for null.
[[nodiscard]] std::string plain(const boost::json::value& value);
/// A list with spaces between.
[[nodiscard]] std::string joined(const boost::json::value& list);

}  // namespace meridian::admin_client
