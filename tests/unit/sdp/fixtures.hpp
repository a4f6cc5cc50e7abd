#pragma once

#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

namespace meridian::tests {

/// Text of tests/unit/sdp/fixtures/NAME.sdp. The chromium_* offers are one connection of Chromium
/// 156, negotiated in this order: join, publish, subscribe, unpublish, restart, vp9, stopped; the
/// answers in between were ours.
inline std::string offer_fixture(const std::string& name) {
  std::ifstream file(std::string(MERIDIAN_SOURCE_DIR "/tests/unit/sdp/fixtures/") + name + ".sdp",
                     std::ios::binary);
  EXPECT_TRUE(file.is_open()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

/// `text` with the first `from` replaced; fails when there is none.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

}  // namespace meridian::tests
