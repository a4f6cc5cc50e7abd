#include "audit/json.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "audit/text.hpp"

namespace meridian::audit {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<Json> document() {
    auto value = this->value(0);
    skip_space();
    return text_.empty() ? std::move(value) : std::nullopt;
  }

 private:
  std::optional<Json> value(std::size_t depth) {
    skip_space();
    if (text_.empty() || depth > Json::kMaxDepth || ++values_ > Json::kMaxValues) {
      return std::nullopt;
    }
    switch (text_.front()) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"':
        if (auto text = string()) {
          return Json(std::move(*text));
        }
        return std::nullopt;
      default:
        return number();
    }
  }

  std::optional<Json> object(std::size_t depth) {
    Json::Object members;
    text_.remove_prefix(1);
    if (take('}')) {
      return Json(std::move(members));
    }
    do {
      skip_space();
      auto key = string();
      if (!key || !take(':')) {
        return std::nullopt;
      }
      auto member = value(depth + 1);
      if (!member || !members.emplace(std::move(*key), std::move(*member)).second) {
        return std::nullopt;
      }
    } while (take(','));
    return take('}') ? std::optional(Json(std::move(members))) : std::nullopt;
  }

  std::optional<Json> array(std::size_t depth) {
    Json::Array elements;
    text_.remove_prefix(1);
    if (take(']')) {
      return Json(std::move(elements));
    }
    do {
      auto element = value(depth + 1);
      if (!element) {
        return std::nullopt;
      }
      elements.push_back(std::move(*element));
    } while (take(','));
    return take(']') ? std::optional(Json(std::move(elements))) : std::nullopt;
  }

  std::optional<Json> number() {
    std::int64_t value = 0;
    const char* end = text_.data() + text_.size();
    const auto [stop, error] = std::from_chars(text_.data(), end, value);
    const std::string_view digits = text_.substr(0, static_cast<std::size_t>(stop - text_.data()));
    if (error != std::errc{} || digits != std::to_string(value)) {
      return std::nullopt;
    }
    text_.remove_prefix(digits.size());
    const bool is_fraction =
        !text_.empty() && (text_[0] == '.' || text_[0] == 'e' || text_[0] == 'E');
    return is_fraction ? std::nullopt : std::optional(Json(value));
  }

  std::optional<std::string> string() {
    std::string value;
    if (text_.empty() || text_.front() != '"') {
      return std::nullopt;
    }
    text_.remove_prefix(1);
    while (!text_.empty() && text_.front() != '"') {
      const char c = text_.front();
      text_.remove_prefix(1);
      if (static_cast<unsigned char>(c) < 0x20 || (c == '\\' && !escape(value))) {
        return std::nullopt;
      }
      if (c != '\\') {
        value.push_back(c);
      }
    }
    const bool is_closed = !text_.empty();
    text_.remove_prefix(is_closed ? 1 : 0);
    const bool is_clean = clean_utf8(value, value.size()) == value;
    return is_closed && is_clean ? std::optional(std::move(value)) : std::nullopt;
  }

  /// What follows a backslash. Characters beyond ASCII stand for themselves in our documents.
  bool escape(std::string& out) {
    static constexpr std::string_view kNames = "\"\\/bfnrt";
    static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (text_.empty()) {
      return false;
    }
    const char c = text_.front();
    text_.remove_prefix(1);
    if (const std::size_t at = kNames.find(c); at != std::string_view::npos) {
      out.push_back(kMeanings[at]);
      return true;
    }
    unsigned code = 0;
    if (c != 'u' || text_.size() < 4) {
      return false;
    }
    const auto [stop, error] = std::from_chars(text_.data(), text_.data() + 4, code, 16);
    if (error != std::errc{} || stop != text_.data() + 4 || code >= 0x80) {
      return false;
    }
    text_.remove_prefix(4);
    out.push_back(static_cast<char>(code));
    return true;
  }

  bool take(char expected) {
    skip_space();
    if (text_.empty() || text_.front() != expected) {
      return false;
    }
    text_.remove_prefix(1);
    return true;
  }
  void skip_space() {
    const std::size_t first = text_.find_first_not_of(" \t\r\n");
    text_.remove_prefix(first == std::string_view::npos ? text_.size() : first);
  }

  std::string_view text_;
  std::size_t values_ = 0;
};

template <class T, class Value>
const T& get_or_empty(const Value& value) {
  static const T kEmpty{};
  const T* held = std::get_if<T>(&value);
  return held == nullptr ? kEmpty : *held;
}

}  // namespace

Json::Json(std::uint64_t value)
    : value_(static_cast<std::int64_t>(std::min<std::uint64_t>(
          value, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())))) {}

std::optional<Json> Json::parse(std::string_view text) {
  return Parser(text).document();
}

std::string Json::canonical() const {
  std::string out;
  append_to(out);
  return out;
}

void Json::append_to(std::string& out) const {
  if (const auto* members = std::get_if<Object>(&value_)) {
    char separator = '{';
    for (const auto& [key, member] : *members) {
      out.push_back(separator);
      append_json_string(out, key);
      out.push_back(':');
      member.append_to(out);
      separator = ',';
    }
    out.append(members->empty() ? "{}" : "}");
  } else if (const auto* elements = std::get_if<Array>(&value_)) {
    char separator = '[';
    for (const Json& element : *elements) {
      out.push_back(separator);
      element.append_to(out);
      separator = ',';
    }
    out.append(elements->empty() ? "[]" : "]");
  } else if (const auto* text = std::get_if<std::string>(&value_)) {
    append_json_string(out, clean_utf8(*text, 3 * text->size()));
  } else {
    out.append(std::to_string(std::get<std::int64_t>(value_)));
  }
}

const Json& Json::at(std::string_view key) const {
  static const Json kNothing;
  const Object& members = object();
  const auto found = members.find(key);
  return found == members.end() ? kNothing : found->second;
}

const Json::Array& Json::array() const {
  return get_or_empty<Array>(value_);
}
const Json::Object& Json::object() const {
  return get_or_empty<Object>(value_);
}
const std::string& Json::text() const {
  return get_or_empty<std::string>(value_);
}
std::int64_t Json::integer() const {
  return get_or_empty<std::int64_t>(value_);
}
std::uint64_t Json::number() const {
  return integer() < 0 ? 0 : static_cast<std::uint64_t>(integer());
}

}  // namespace meridian::audit
