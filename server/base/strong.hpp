#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace meridian::base {

/// An integer that converts to nothing else. `Tag` names the quantity.
template <class Tag, class Rep>
class StrongInt {
 public:
  using rep = Rep;
  constexpr StrongInt() = default;
  constexpr explicit StrongInt(Rep value) : value_(value) {}
  [[nodiscard]] constexpr Rep value() const { return value_; }
  friend constexpr auto operator<=>(StrongInt, StrongInt) = default;

 private:
  Rep value_{};
};

/// A string that converts to nothing else, for identifiers that come from configuration or peers.
template <class Tag>
class StrongString {
 public:
  StrongString() = default;
  explicit StrongString(std::string value) : value_(std::move(value)) {}
  [[nodiscard]] const std::string& value() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }
  friend auto operator<=>(const StrongString&, const StrongString&) = default;

 private:
  std::string value_;
};

}  // namespace meridian::base

template <class Tag, class Rep>
struct std::hash<meridian::base::StrongInt<Tag, Rep>> {
  std::size_t operator()(meridian::base::StrongInt<Tag, Rep> id) const noexcept {
    return std::hash<Rep>{}(id.value());
  }
};

template <class Tag>
struct std::hash<meridian::base::StrongString<Tag>> {
  std::size_t operator()(const meridian::base::StrongString<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.value());
  }
};
