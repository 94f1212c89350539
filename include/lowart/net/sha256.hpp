#pragma once
/// SHA-256, for the names under which secrets are looked up. FIPS 180-4, computed by OpenSSL.

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <cstring>
#include <memory>
#include <string_view>

namespace lowart::net {

using Sha256 = std::array<unsigned char, 32>;

inline Sha256 sha256(std::string_view text) noexcept {
  static EVP_MD const* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  struct Free {
    void operator()(EVP_MD_CTX* c) const noexcept { EVP_MD_CTX_free(c); }
  };
  thread_local std::unique_ptr<EVP_MD_CTX, Free> const owner(EVP_MD_CTX_new());  // goes with its thread
  EVP_MD_CTX* const context = owner.get();
  Sha256 digest{};
  EVP_DigestInit_ex2(context, algorithm, nullptr);
  EVP_DigestUpdate(context, text.data(), text.size());
  EVP_DigestFinal_ex(context, digest.data(), nullptr);
  return digest;
}

/// Compares in a time that does not depend on where they differ.
inline bool equal_in_constant_time(Sha256 const& a, Sha256 const& b) noexcept {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace lowart::net
