#pragma once
/// SHA-256, for the names under which secrets are looked up. FIPS 180-4, computed by OpenSSL.

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <array>
#include <string>
#include <string_view>

namespace lowart::net {

using Sha256 = std::array<unsigned char, 32>;

/// By OpenSSL's plain functions: those that replaced them take twice as long for a key, and an allocation.
inline Sha256 sha256(std::string_view text) noexcept {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  Sha256 digest;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, text.data(), text.size());
  SHA256_Final(digest.data(), &context);
  return digest;
#pragma GCC diagnostic pop
}

/// The same of what comes in pieces.
class Sha256Sum {
 public:
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  Sha256Sum() noexcept { SHA256_Init(&context_); }
  void add(std::string_view piece) noexcept { SHA256_Update(&context_, piece.data(), piece.size()); }
  /// Of all that was added. Once.
  Sha256 take() noexcept {
    Sha256 digest;
    SHA256_Final(digest.data(), &context_);
    return digest;
  }
#pragma GCC diagnostic pop

 private:
  SHA256_CTX context_;
};

/// Appends its 64 digits.
inline void append_hex(std::string& out, Sha256 const& digest) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (unsigned char const byte : digest) out.append({digits[byte >> 4U], digits[byte & 15U]});
}

/// Compares in a time that does not depend on where they differ.
inline bool equal_in_constant_time(Sha256 const& a, Sha256 const& b) noexcept {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace lowart::net
