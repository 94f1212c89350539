#pragma once
/// KeyedHash: HMAC-SHA-256 (RFC 2104) under one secret, for names that nobody can compute who does not have it.

#include <lowart/net/sha256.hpp>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace lowart::net {

/// Both blocks of the key are hashed once: a text of up to 55 bytes then costs two steps of SHA-256. Keeps nothing else
/// of the secret, and wipes that at its end. Thread safe; copies are independent.
class KeyedHash {
 public:
  /// A secret of 32 bytes or more gives all of the strength; longer than 64 is hashed first, as the RFC says.
  explicit KeyedHash(std::string_view secret) noexcept {
    constexpr unsigned char inner_pad = 0x36, outer_pad = 0x5c;
    std::array<unsigned char, block> key{};
    if (secret.size() > block) {
      Sha256 digest = sha256(secret);
      std::copy(digest.begin(), digest.end(), key.begin());
      OPENSSL_cleanse(digest.data(), digest.size());
    } else {
      std::copy(secret.begin(), secret.end(), key.begin());
    }
    begin(inner_, key, inner_pad);
    begin(outer_, key, outer_pad);
    OPENSSL_cleanse(key.data(), key.size());
  }
  KeyedHash(KeyedHash const&) = default;
  KeyedHash& operator=(KeyedHash const&) = default;
  ~KeyedHash() {
    OPENSSL_cleanse(&inner_, sizeof inner_);
    OPENSSL_cleanse(&outer_, sizeof outer_);
  }

  Sha256 operator()(std::string_view text) const noexcept {
    // The copies need no wiping: finishing them puts the digest where the state of the key was.
    SHA256_CTX context = inner_;
    Sha256 const within = finish(context, text.data(), text.size());
    context = outer_;
    return finish(context, within.data(), within.size());
  }

 private:
  static constexpr std::size_t block = SHA256_CBLOCK;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  static void begin(SHA256_CTX& context, std::array<unsigned char, block> const& key,
                    unsigned char pad) noexcept {
    std::array<unsigned char, block> padded;
    for (std::size_t i = 0; i < block; ++i) padded[i] = static_cast<unsigned char>(key[i] ^ pad);
    SHA256_Init(&context);
    SHA256_Update(&context, padded.data(), padded.size());
    OPENSSL_cleanse(padded.data(), padded.size());
  }
  static Sha256 finish(SHA256_CTX& context, void const* text, std::size_t size) noexcept {
    Sha256 digest;
    SHA256_Update(&context, text, size);
    SHA256_Final(digest.data(), &context);
    return digest;
  }
#pragma GCC diagnostic pop

  SHA256_CTX inner_;
  SHA256_CTX outer_;
};

/// One text under a secret that is used once.
inline Sha256 hmac_sha256(std::string_view secret, std::string_view text) noexcept {
  return KeyedHash(secret)(text);
}

}  // namespace lowart::net
