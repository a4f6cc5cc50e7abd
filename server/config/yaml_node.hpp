#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/expected.hpp"
#include "config/config.hpp"

/// A parsed YAML document as this folder reads it: every value knows its line and path, and every
/// complaint about it ends up in one list. The YAML library is named in yaml_node.cpp only.
namespace meridian::config {

/// Where problems are collected while a document is read.
struct Report {
  std::string file;
  std::vector<Problem> errors;
  std::vector<Problem> warnings;
};

/// One value of the document, or the absence of one.
class YamlNode {
 public:
  /// Reads a document. Error: it isn't YAML, as one problem with its line, or is longer than
  /// kMaxConfigSize.
  static base::Expected<YamlNode, Problem> parse(std::string_view text, Report& report);

  YamlNode(const YamlNode&);
  YamlNode& operator=(const YamlNode&);
  ~YamlNode();

  /// False for an absent key and for an explicit null.
  [[nodiscard]] bool is_present() const;
  [[nodiscard]] bool is_list() const;
  [[nodiscard]] bool is_map() const;
  [[nodiscard]] bool is_scalar() const;
  [[nodiscard]] const std::string& path() const { return path_; }

  /// The value under `key`; absent when this is absent or no map.
  [[nodiscard]] YamlNode operator[](std::string_view key) const;
  /// Reports that this isn't a map, keys that occur twice, and keys not among `known` with the
  /// nearest known one. An absent value is fine.
  void expect_keys(std::initializer_list<std::string_view> known) const;
  /// The elements. Reports a value that is no list, or has more than kMaxListEntries.
  [[nodiscard]] std::vector<YamlNode> elements() const;

  /// The keys and values of a map whose keys the operator chooses, in order. Reports a value that
  /// is no map, a key that occurs twice, and more than kMaxListEntries.
  [[nodiscard]] std::vector<std::pair<std::string, YamlNode>> entries() const;

  /// The text of a scalar; nothing when absent, reported when it is a list or map.
  [[nodiscard]] std::optional<std::string> text() const;
  /// As text(), but absent or empty is reported.
  [[nodiscard]] std::string required_text() const;
  /// A whole number in [low, high]; nothing when absent, reported when it is anything else.
  [[nodiscard]] std::optional<std::uint64_t> number(std::uint64_t low, std::uint64_t high) const;
  /// `true` or `false`; nothing when absent, reported when it is anything else.
  [[nodiscard]] std::optional<bool> flag() const;
  /// A decimal number in [low, high]; nothing when absent, reported when it is anything else.
  [[nodiscard]] std::optional<double> decimal(double low, double high) const;

  void error(std::string message) const;
  void warning(std::string message) const;

 private:
  struct Value;
  YamlNode(std::unique_ptr<Value> value, std::string path, std::size_t line, Report& report);
  [[nodiscard]] Problem problem(std::string message) const;

  std::unique_ptr<Value> value_;
  std::string path_;
  std::size_t line_;
  Report* report_;
};

/// The candidate with the fewest edits from `word`, when it is near enough to be what was meant.
[[nodiscard]] std::optional<std::string_view> nearest_word(
    std::string_view word, std::initializer_list<std::string_view> candidates);

}  // namespace meridian::config
