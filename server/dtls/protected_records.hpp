#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"

struct evp_cipher_ctx_st;
struct ssl_st;

namespace meridian::dtls {

/// TLS ContentType of a record.
enum class Content : std::uint8_t {
  kChangeCipherSpec = 20,
  kAlert = 21,
  kHandshake = 22,
  kApplicationData = 23,
};

/// Records of the one encrypted epoch of a server's DTLS 1.2 connection (RFC 6347 section 4.1)
/// under the AEAD ciphers that we offer (RFC 5288, RFC 7905), once OpenSSL has done the handshake.
/// It is less than 4 KiB, where OpenSSL keeps 40 KiB for each connection that could still
/// retransmit, and 30 KiB more while it handles a record.
class ProtectedRecords {
 public:
  static constexpr std::size_t kHeaderSize = 13;
  /// Header, explicit nonce and tag.
  static constexpr std::size_t kMaxOverhead = kHeaderSize + 8 + 16;

  /// Takes over from `ssl`, whose handshake is done, as the server, and whose last records were
  /// those of `last_flight`: their numbers are used up, and so are their nonces. Null when the
  /// cipher is none of ours, or the flight not what a handshake ends with.
  [[nodiscard]] static std::unique_ptr<ProtectedRecords> take_over(
      const ssl_st* ssl, std::span<const std::vector<std::uint8_t>> last_flight);
  ~ProtectedRecords();
  ProtectedRecords(const ProtectedRecords&) = delete;
  ProtectedRecords& operator=(const ProtectedRecords&) = delete;

  /// What the cipher adds to the plaintext, in bytes: nonce and tag, without the header.
  [[nodiscard]] std::size_t overhead() const;

  /// Writes the next record to `out`, which has room for `payload` and kMaxOverhead; its length.
  /// Nothing when the numbers are used up.
  [[nodiscard]] std::optional<std::size_t> seal(Content type, Bytes payload, MutableBytes out);

  struct Opened {
    Content type = Content::kApplicationData;
    Bytes payload;  // in `out`
  };
  /// Decrypts a whole record, for which may_be_protected() holds, into `out`. Nothing when it isn't
  /// of this epoch, isn't authentic, came before, is too old to tell, or has no room in `out`.
  [[nodiscard]] std::optional<Opened> open(Bytes record, MutableBytes out);

 private:
  static constexpr std::size_t kNonceSize = 12;
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  struct Side {
    std::unique_ptr<evp_cipher_ctx_st, Free> cipher;
    /// The first 4 bytes with an explicit nonce, otherwise all.
    std::array<std::uint8_t, kNonceSize> fixed_nonce{};
  };
  /// Which of the last 64 numbers came (RFC 6347 section 4.1.2.6).
  class Window {
   public:
    [[nodiscard]] bool is_new(std::uint64_t number) const;
    void add(std::uint64_t number);

   private:
    std::uint64_t end_ = 0;   // one past the highest
    std::uint64_t seen_ = 0;  // bit i: end_ - 1 - i
  };

  ProtectedRecords() = default;
  [[nodiscard]] bool read_last_flight(std::span<const std::vector<std::uint8_t>> flight);
  [[nodiscard]] std::array<std::uint8_t, kNonceSize> nonce(const Side& side,
                                                           std::uint64_t variable) const;

  Side read_;
  Side write_;
  bool has_explicit_nonce_ = true;
  std::uint64_t next_number_ = 0;
  /// OpenSSL begins at random and counts on from there.
  std::uint64_t next_nonce_ = 0;
  Window received_;
};

}  // namespace meridian::dtls
