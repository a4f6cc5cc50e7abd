#include "dtls/fingerprint.hpp"

#include <gtest/gtest.h>

namespace meridian::dtls {
namespace {

const std::string kText =
    "sha-256 "
    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:"
    "FD:FE:FF";

TEST(Fingerprint, reads_what_it_writes) {
  const auto fingerprint = Fingerprint::parse(kText);
  ASSERT_TRUE(fingerprint);
  EXPECT_EQ(fingerprint->sha256[1], 1);
  EXPECT_EQ(fingerprint->sha256[31], 0xff);
  EXPECT_EQ(fingerprint->to_string(), kText);
}

TEST(Fingerprint, case_does_not_matter) {
  std::string lower = kText;
  std::string upper = kText;
  for (std::size_t i = 0; i < kText.size(); ++i) {
    lower[i] = static_cast<char>(std::tolower(kText[i]));
    upper[i] = static_cast<char>(std::toupper(kText[i]));
  }
  EXPECT_EQ(Fingerprint::parse(lower), Fingerprint::parse(kText));
  EXPECT_EQ(Fingerprint::parse(upper), Fingerprint::parse(kText));
}

TEST(Fingerprint, refuses_everything_else) {
  for (const std::string& text : {
           std::string(),
           std::string("sha-256"),
           std::string("sha-256 "),
           std::string("sha-1 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13"),
           "sha-512" + kText.substr(7),
           kText.substr(0, kText.size() - 1),
           kText + ":00",
           kText + " ",
           std::string(65536, 'A'),
       }) {
    EXPECT_FALSE(Fingerprint::parse(text)) << text.substr(0, 100);
  }
  for (std::size_t i = 0; i < kText.size(); ++i) {
    std::string wrong = kText;
    wrong[i] = '?';
    EXPECT_FALSE(Fingerprint::parse(wrong)) << i;
  }
}

}  // namespace
}  // namespace meridian::dtls
