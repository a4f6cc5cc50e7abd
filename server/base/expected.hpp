#pragma once

#include <expected>
#include <string>

namespace meridian::base {

template <class T, class E>
using Expected = std::expected<T, E>;

/// An operator's or caller's mistake, as a sentence that names what is wrong.
struct Error {
  std::string message;
};

[[nodiscard]] inline std::unexpected<Error> fail(std::string message) {
  return std::unexpected(Error{std::move(message)});
}

}  // namespace meridian::base
