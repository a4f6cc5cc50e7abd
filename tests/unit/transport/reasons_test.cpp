#include "transport/reasons.hpp"

#include <array>
#include <utility>

#include <gtest/gtest.h>

namespace meridian::transport {
namespace {

TEST(Reasons, each_srtp_error_is_counted_as_what_it_is) {
  using srtp::SrtpError;
  constexpr std::array kReasons = {
      std::pair{SrtpError::kMalformed, DropReason::kMalformedRtcp},
      std::pair{SrtpError::kNoRoom, DropReason::kMalformedRtcp},
      std::pair{SrtpError::kUnknownStream, DropReason::kSrtpUnknownStream},
      std::pair{SrtpError::kAuthFailed, DropReason::kSrtpAuthFailed},
      std::pair{SrtpError::kReplayed, DropReason::kSrtpReplayed},
      std::pair{SrtpError::kNotEncrypted, DropReason::kSrtpNotEncrypted},
      std::pair{SrtpError::kTooManyStreams, DropReason::kSrtpTooManyStreams},
      std::pair{SrtpError::kIndexReused, DropReason::kSrtpIndexReused},
      std::pair{SrtpError::kKeyExhausted, DropReason::kSrtpKeyExhausted},
  };
  for (const auto& [error, reason] : kReasons) {
    EXPECT_EQ(reason_of(error, DropReason::kMalformedRtcp), reason);
  }
}

TEST(Reasons, each_refused_check_is_counted_as_what_it_is) {
  EXPECT_EQ(reason_of(ice::CheckError::kNotRequest), DropReason::kStunNotRequest);
  EXPECT_EQ(reason_of(ice::CheckError::kBadUsername), DropReason::kStunUnknownUfrag);
  EXPECT_EQ(reason_of(ice::CheckError::kBadIntegrity), DropReason::kStunBadIntegrity);
}

}  // namespace
}  // namespace meridian::transport
