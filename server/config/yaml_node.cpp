#include "config/yaml_node.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <set>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

namespace meridian::config {

struct YamlNode::Value {
  YAML::Node yaml;
};

namespace {

std::size_t line_of(const YAML::Mark& mark) {
  return mark.line < 0 ? 0 : static_cast<std::size_t>(mark.line) + 1;
}

// Notes where the document began and nothing else.
class DocumentStart final : public YAML::EventHandler {
 public:
  [[nodiscard]] std::size_t line() const { return line_; }

  void OnDocumentStart(const YAML::Mark& mark) override { line_ = line_of(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  std::size_t line_ = 0;
};

// Where the text goes on after its first document, which YAML::Load passes over in silence.
// (YAML::LoadAll would tell, but never returns from some texts.)
std::optional<std::size_t> line_after_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStart document;
  parser.HandleNextDocument(document);
  if (!parser) {
    return std::nullopt;
  }
  parser.HandleNextDocument(document);
  return document.line();
}

// Levenshtein distance: insertions, removals and replacements.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

// Decimal text of a bound, without the trailing zeros of std::to_string.
std::string shortest(double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return {buffer, end};
}

}  // namespace

std::optional<std::string_view> nearest_word(std::string_view word,
                                             std::initializer_list<std::string_view> candidates) {
  // Longer words than any key aren't worth a table of their edits.
  constexpr std::size_t kMaxWord = 64;
  if (word.size() > kMaxWord || candidates.size() == 0) {
    return std::nullopt;
  }
  const auto nearest = std::ranges::min(candidates, {}, [word](std::string_view candidate) {
    return edit_distance(word, candidate);
  });
  const std::size_t tolerated = std::max<std::size_t>(2, word.size() / 3);
  if (edit_distance(word, nearest) > tolerated) {
    return std::nullopt;
  }
  return nearest;
}

base::Expected<YamlNode, Problem> YamlNode::parse(std::string_view text, Report& report) {
  if (text.size() > kMaxConfigSize) {
    return std::unexpected(
        Problem{report.file, 0, "", "is longer than " + std::to_string(kMaxConfigSize) + " bytes"});
  }
  try {
    const std::string owned(text);
    if (const auto line = line_after_document(owned)) {
      return std::unexpected(
          Problem{report.file, *line, "", "only one document is allowed, and nothing after it"});
    }
    YAML::Node root = YAML::Load(owned);
    const std::size_t line = line_of(root.Mark());
    return YamlNode(std::make_unique<Value>(Value{root}), "", line, report);
  } catch (const YAML::Exception& exception) {
    return std::unexpected(
        Problem{report.file, line_of(exception.mark), "", "not valid YAML: " + exception.msg});
  }
}

YamlNode::YamlNode(std::unique_ptr<Value> value, std::string path, std::size_t line, Report& report)
    : value_(std::move(value)), path_(std::move(path)), line_(line), report_(&report) {}

YamlNode::YamlNode(const YamlNode& other)
    : value_(other.value_ ? std::make_unique<Value>(*other.value_) : nullptr),
      path_(other.path_),
      line_(other.line_),
      report_(other.report_) {}

YamlNode& YamlNode::operator=(const YamlNode& other) {
  YamlNode copy(other);
  std::swap(value_, copy.value_);
  std::swap(path_, copy.path_);
  line_ = copy.line_;
  report_ = copy.report_;
  return *this;
}

YamlNode::~YamlNode() = default;

bool YamlNode::is_present() const {
  return value_ && !value_->yaml.IsNull();
}
bool YamlNode::is_list() const {
  return value_ && value_->yaml.IsSequence();
}
bool YamlNode::is_map() const {
  return value_ && value_->yaml.IsMap();
}
bool YamlNode::is_scalar() const {
  return value_ && value_->yaml.IsScalar();
}

YamlNode YamlNode::operator[](std::string_view key) const {
  std::string path = path_.empty() ? std::string(key) : path_ + "." + std::string(key);
  if (is_map()) {
    for (const auto& entry : value_->yaml) {
      if (entry.first.IsScalar() && entry.first.Scalar() == key) {
        const std::size_t line = line_of(entry.first.Mark());
        return YamlNode(std::make_unique<Value>(Value{entry.second}), std::move(path), line,
                        *report_);
      }
    }
  }
  return YamlNode(nullptr, std::move(path), line_, *report_);
}

void YamlNode::expect_keys(std::initializer_list<std::string_view> known) const {
  if (!is_present()) {
    return;
  }
  if (!is_map()) {
    error("must have keys under it");
    return;
  }
  std::set<std::string> seen;
  for (const auto& entry : value_->yaml) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    const std::size_t line = line_of(entry.first.Mark());
    const YamlNode at(nullptr, path_.empty() ? key : path_ + "." + key, line, *report_);
    if (std::ranges::find(known, key) == known.end()) {
      const auto meant = nearest_word(key, known);
      at.error("unknown key" + (meant ? ", did you mean " + std::string(*meant) + "?" : ""));
    } else if (!seen.insert(key).second) {
      at.error("this key occurs twice");
    }
  }
}

std::vector<YamlNode> YamlNode::elements() const {
  std::vector<YamlNode> result;
  if (!is_present()) {
    return result;
  }
  if (!is_list()) {
    error("must be a list");
    return result;
  }
  if (value_->yaml.size() > kMaxListEntries) {
    error("has more than " + std::to_string(kMaxListEntries) + " entries");
    return result;
  }
  for (const auto& element : value_->yaml) {
    result.push_back(YamlNode(std::make_unique<Value>(Value{element}),
                              path_ + "[" + std::to_string(result.size()) + "]",
                              line_of(element.Mark()), *report_));
  }
  return result;
}

std::vector<std::pair<std::string, YamlNode>> YamlNode::entries() const {
  std::vector<std::pair<std::string, YamlNode>> result;
  if (!is_present()) {
    return result;
  }
  if (!is_map()) {
    error("must have names under it");
    return result;
  }
  if (value_->yaml.size() > kMaxListEntries) {
    error("has more than " + std::to_string(kMaxListEntries) + " entries");
    return result;
  }
  std::set<std::string> seen;
  for (const auto& entry : value_->yaml) {
    std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    const YamlNode value(std::make_unique<Value>(Value{entry.second}), path_ + "." + key,
                         line_of(entry.first.Mark()), *report_);
    if (!seen.insert(key).second) {
      value.error("this key occurs twice");
    }
    result.emplace_back(std::move(key), value);
  }
  return result;
}

std::optional<std::string> YamlNode::text() const {
  if (!is_present()) {
    return std::nullopt;
  }
  if (!is_scalar()) {
    error("must be a single value");
    return std::nullopt;
  }
  return value_->yaml.Scalar();
}

std::string YamlNode::required_text() const {
  if (is_present() && !is_scalar()) {
    return text().value_or("");
  }
  std::string value = text().value_or("");
  if (value.empty()) {
    error("is missing");
  }
  return value;
}

std::optional<std::uint64_t> YamlNode::number(std::uint64_t low, std::uint64_t high) const {
  const std::optional<std::string> digits = text();
  if (!digits) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  const char* end = digits->data() + digits->size();
  const auto [parsed, failure] = std::from_chars(digits->data(), end, value);
  if (failure != std::errc{} || parsed != end || value < low || value > high) {
    error("must be a whole number from " + std::to_string(low) + " to " + std::to_string(high) +
          ", is " + *digits);
    return std::nullopt;
  }
  return value;
}

std::optional<bool> YamlNode::flag() const {
  const std::optional<std::string> word = text();
  if (word && *word != "true" && *word != "false") {
    error("must be true or false, is " + *word);
    return std::nullopt;
  }
  return word ? std::optional(*word == "true") : std::nullopt;
}

std::optional<double> YamlNode::decimal(double low, double high) const {
  const std::optional<std::string> digits = text();
  if (!digits) {
    return std::nullopt;
  }
  double value = 0;
  const char* end = digits->data() + digits->size();
  const auto [parsed, failure] = std::from_chars(digits->data(), end, value);
  if (failure != std::errc{} || parsed != end || !(value >= low && value <= high)) {
    error("must be a number from " + shortest(low) + " to " + shortest(high) + ", is " + *digits);
    return std::nullopt;
  }
  return value;
}

void YamlNode::error(std::string message) const {
  report_->errors.push_back(problem(std::move(message)));
}

void YamlNode::warning(std::string message) const {
  report_->warnings.push_back(problem(std::move(message)));
}

Problem YamlNode::problem(std::string message) const {
  return {report_->file, line_, path_, std::move(message)};
}

}  // namespace meridian::config
