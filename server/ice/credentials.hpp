#pragma once

#include <string>

namespace meridian::ice {

/// ICE username fragment and password of one side (RFC 8839 section 5.4).
struct Credentials {
  std::string ufrag;
  std::string password;
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

}  // namespace meridian::ice
