#pragma once

#include <memory>

#include "base/time.hpp"
#include "dtls/fingerprint.hpp"

struct ssl_ctx_st;

namespace meridian::dtls {

class Session;

/// The node's DTLS identity: a self-signed ECDSA P-256 certificate whose key was made at start and
/// exists in this process's memory only. Shared read-only by every session on every worker; it must
/// outlive them.
class Certificate {
 public:
  /// Valid from a day before `now` for ten years; peers look at the fingerprint, not at the dates.
  static Certificate make(UnixTime now);

  Certificate(Certificate&&) noexcept;
  Certificate& operator=(Certificate&&) noexcept;
  ~Certificate();

  /// For `a=fingerprint` in our SDP.
  [[nodiscard]] const Fingerprint& fingerprint() const { return fingerprint_; }

 private:
  friend class Session;
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  using Context = std::unique_ptr<ssl_ctx_st, Free>;
  Certificate(Context context, const Fingerprint& fingerprint);

  Context context_;
  Fingerprint fingerprint_;
};

}  // namespace meridian::dtls
