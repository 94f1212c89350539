#pragma once
/// RsaKey: a private key that signs, as RS256 of JSON Web Signatures asks for. Computed by OpenSSL.

#include <lowart/core/config.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace lowart::net {

/// Copies share the key. Thread safe.
class RsaKey {
 public:
  /// Reads a PEM block: PKCS 8 or PKCS 1, without a password, of 2048 bits or more. Errors: config_invalid; the message
  /// quotes nothing of the text.
  [[nodiscard]] static LOWART_DECL Result<RsaKey> read(Secret const& pem);

  /// RSASSA-PKCS1-v1_5 over SHA-256 (RFC 7518 section 3.3), as bytes. Errors: internal. About a millisecond.
  [[nodiscard]] LOWART_DECL Result<std::string> sign_sha256(std::string_view text) const;

 private:
  explicit RsaKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace lowart::net

#if defined(LOWART_HEADER_ONLY)
#include <lowart/net/rsa_key.ipp>
#endif
