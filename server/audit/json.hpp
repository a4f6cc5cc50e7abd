#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace meridian::audit {

/// The part of JSON that signed documents use: whole numbers, well-formed text, no null and no
/// fractions, so that each value has one canonical text: keys sorted, no spaces, strings as
/// append_json_string() writes them.
class Json {
 public:
  static constexpr std::size_t kMaxDepth = 16;
  /// Values in one document.
  static constexpr std::size_t kMaxValues = 200'000;

  using Array = std::vector<Json>;
  using Object = std::map<std::string, Json, std::less<>>;

  Json() : value_(Object{}) {}
  // Implicit: what is written as a list of members reads like the document.
  // NOLINTBEGIN(google-explicit-constructor)
  Json(Object value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::int64_t value) : value_(value) {}
  /// Numbers above 2^63 - 1 become that.
  Json(std::uint64_t value);
  // NOLINTEND(google-explicit-constructor)

  /// Any JSON text of this kind, in whatever layout. Nothing for doubled keys, too.
  static std::optional<Json> parse(std::string_view text);
  [[nodiscard]] std::string canonical() const;

  /// The member of an object; an empty object for anything that isn't there.
  [[nodiscard]] const Json& at(std::string_view key) const;
  /// Empty unless it is what is asked for.
  [[nodiscard]] const Array& array() const;
  [[nodiscard]] const Object& object() const;
  [[nodiscard]] const std::string& text() const;
  [[nodiscard]] std::int64_t integer() const;
  /// 0 for negative numbers.
  [[nodiscard]] std::uint64_t number() const;
  friend bool operator==(const Json&, const Json&) = default;

 private:
  void append_to(std::string& out) const;
  std::variant<Object, Array, std::string, std::int64_t> value_;
};

}  // namespace meridian::audit
