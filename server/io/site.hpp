#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "io/http_message.hpp"
#include "io/static_files.hpp"
#include "residency/region.hpp"

namespace meridian::io {

/// The meeting page and, below `/admin`, the administrators' page as responses: the files of the
/// web root with the headers that keep a page of another origin, or a script that got in, from
/// harm.
class Site {
 public:
  /// `regions`: whose signalling the meeting page may connect to.
  Site(StaticFiles files, std::span<const residency::Region> regions);

  /// The token endpoint of the OpenID provider: all that the administrators' page may reach beside
  /// this origin. Empty = nothing.
  void allow_sign_in_at(std::string_view url);

  /// The answer to a GET or HEAD of a file; nothing when no file has this path, so that others may
  /// answer. Without files, `/` tells how to build them.
  [[nodiscard]] std::optional<HttpReply> find(const signalling::HttpRequest& request) const;

 private:
  StaticFiles files_;
  std::string security_policy_;
  std::string admin_security_policy_;
};

}  // namespace meridian::io
