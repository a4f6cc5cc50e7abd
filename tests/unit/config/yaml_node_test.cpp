#include "config/yaml_node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meridian::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class YamlNodeTest : public testing::Test {
 protected:
  YamlNode parse(std::string_view text) { return YamlNode::parse(text, report_).value(); }
  std::vector<std::string> errors() const {
    std::vector<std::string> lines;
    for (const Problem& problem : report_.errors) {
      lines.push_back(problem.to_string());
    }
    return lines;
  }
  Report report_{"f", {}, {}};
};

TEST_F(YamlNodeTest, knows_where_each_value_is) {
  const YamlNode root = parse("a:\n  b:\n    - 1\n    - c: 2\n");
  const YamlNode inner = root["a"]["b"].elements()[1]["c"];
  EXPECT_EQ(inner.path(), "a.b[1].c");
  inner.error("is wrong");
  root["a"]["missing"].error("is missing");
  EXPECT_THAT(errors(), ElementsAre("f:4: a.b[1].c: is wrong", "f:1: a.missing: is missing"));
}

TEST_F(YamlNodeTest, an_absent_value_complains_of_nothing) {
  const YamlNode none = parse("a: ~\n")["a"];
  EXPECT_FALSE(none.is_present());
  EXPECT_FALSE(none["b"].is_present());
  EXPECT_TRUE(none.elements().empty());
  EXPECT_FALSE(none.text());
  EXPECT_FALSE(none.number(0, 1));
  EXPECT_FALSE(none.decimal(0, 1));
  none.expect_keys({"x"});
  EXPECT_TRUE(report_.errors.empty());
}

TEST_F(YamlNodeTest, numbers_are_whole_and_in_range) {
  EXPECT_EQ(parse("7").number(0, 7), 7U);
  for (const char* text :
       {"8", "-1", "1.0", "0x7", "7 ", "seven", "'7 '", "99999999999999999999"}) {
    report_.errors.clear();
    const auto value = parse(text).number(0, 7);
    EXPECT_EQ(value.has_value(), std::string_view(text) == "7 ") << text;
  }
  EXPECT_DOUBLE_EQ(parse("-0.5").decimal(-1, 1).value(), -0.5);
  for (const char* text : {"nan", "inf", "2", "x", ".nan"}) {
    EXPECT_FALSE(parse(text).decimal(-1, 1)) << text;
  }
}

TEST_F(YamlNodeTest, the_wrong_kind_is_reported_once) {
  const YamlNode list = parse("[1, 2]");
  EXPECT_EQ(list.required_text(), "");
  EXPECT_FALSE(list.number(0, 1));
  list.expect_keys({});
  EXPECT_TRUE(parse("x: 1").elements().empty());
  EXPECT_THAT(errors(), ElementsAre("f:1: must be a single value", "f:1: must be a single value",
                                    "f:1: must have keys under it", "f:1: must be a list"));
}

TEST_F(YamlNodeTest, keys_are_known_and_single) {
  parse("one: 1\ntwo: 2\none: 3\n[4]: 5\n").expect_keys({"one", "two"});
  EXPECT_THAT(errors(), ElementsAre("f:3: one: this key occurs twice", HasSubstr("unknown key")));
}

TEST_F(YamlNodeTest, long_lists_are_refused) {
  std::string text = "[0";
  for (std::size_t i = 0; i < kMaxListEntries; ++i) {
    text += ",0";
  }
  EXPECT_TRUE(parse(text + "]").elements().empty());
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("has more than 1024 entries")));
}

// The library reads the first for ever when it is asked for all documents (found by fuzzing).
TEST_F(YamlNodeTest, nothing_may_follow_the_document) {
  for (const char* text : {",", "{},", ",]]", "--- {}\n--- {}", "a: 1\n---\nb: 2\n"}) {
    const auto root = YamlNode::parse(text, report_);
    ASSERT_FALSE(root) << text;
    EXPECT_THAT(root.error().message, HasSubstr("only one document")) << text;
  }
  EXPECT_TRUE(YamlNode::parse("---\na: 1\n...\n# the end\n", report_));
}

TEST_F(YamlNodeTest, copies_are_values) {
  const YamlNode root = parse("a: 1\nb: 2\n");
  YamlNode copy = root["a"];
  copy = root["b"];
  EXPECT_EQ(copy.text(), "2");
  copy = root["none"];
  EXPECT_FALSE(copy.is_present());
  EXPECT_EQ(root["a"].text(), "1");
}

TEST(NearestWord, finds_what_was_meant_if_anything) {
  EXPECT_EQ(nearest_word("wrokers", {"region", "workers"}), "workers");
  EXPECT_EQ(nearest_word("participents_per_rom", {"rooms", "participants_per_room"}),
            "participants_per_room");
  EXPECT_EQ(nearest_word("colour", {"region", "workers"}), std::nullopt);
  EXPECT_EQ(nearest_word(std::string(65, 'a'), {"region"}), std::nullopt);
  EXPECT_EQ(nearest_word("a", {}), std::nullopt);
}

}  // namespace
}  // namespace meridian::config
