#pragma once

#include <optional>
#include <span>
#include <string>

#include "io/http_message.hpp"
#include "io/static_files.hpp"
#include "residency/region.hpp"

namespace meridian::io {

/// The browser client as responses: the files of the web root with the headers that keep a page of
/// another origin, or a script that got in, from doing harm.
class Site {
 public:
  /// `regions`: whose signalling the page may connect to.
  Site(StaticFiles files, std::span<const residency::Region> regions);

  /// The answer to a GET or HEAD of a file; nothing when no file has this path, so that others may
  /// answer. Without files, `/` tells how to build them.
  [[nodiscard]] std::optional<HttpReply> find(const signalling::HttpRequest& request) const;

 private:
  StaticFiles files_;
  std::string security_policy_;
};

}  // namespace meridian::io
