#pragma once
/// Public keys from the numbers that a JSON Web Key has, and the signatures of JSON Web Algorithms (RFC 7518, RFC 8037)
/// under them. Computed by OpenSSL.

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::net {

/// nullptr: numbers that are no key.
using PublicKey = std::shared_ptr<EVP_PKEY>;

namespace public_key {

template <auto free>
struct Free {
  template <class T>
  void operator()(T* held) const noexcept {
    free(held);
  }
};
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>>;

inline unsigned char const* unsigned_of(std::string_view text) noexcept {
  return reinterpret_cast<unsigned char const*>(text.data());
}
inline Number number_of(std::string_view big_endian) {
  return Number(BN_bin2bn(unsigned_of(big_endian), static_cast<int>(big_endian.size()), nullptr));
}

inline PublicKey made_of(char const* kind, OSSL_PARAM_BLD* builder) {
  Params const params(OSSL_PARAM_BLD_to_param(builder));
  KeyContext const context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  bool const made = params && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) == 1;
  ERR_clear_error();
  return made ? PublicKey(key, &EVP_PKEY_free) : PublicKey();
}

}  // namespace public_key

/// Modulus and exponent, big-endian. Of 2048 to 8192 bits; what is longer would make verifying slow.
inline PublicKey rsa_public_key(std::string_view modulus, std::string_view exponent) {
  using namespace public_key;
  constexpr int least_bits = 2048, most_bits = 8192, most_exponent_bits = 64;
  if (modulus.size() > most_bits / 8 + 1 || exponent.size() > most_exponent_bits / 8) return {};
  Number const n = number_of(modulus), e = number_of(exponent);
  Builder const builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || BN_num_bits(n.get()) < least_bits || BN_num_bits(n.get()) > most_bits)
    return {};
  if (!BN_is_odd(n.get()) || !BN_is_odd(e.get()) || BN_is_one(e.get())) return {};
  if (OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return {};
  return made_of("RSA", builder.get());
}

/// A point of P-256: 32 bytes each, big-endian.
inline PublicKey p256_public_key(std::string_view x, std::string_view y) {
  using namespace public_key;
  constexpr std::size_t size = 32;
  if (x.size() != size || y.size() != size) return {};
  std::string const point =
      std::string("\x04").append(x).append(y);  // OpenSSL looks whether it is on the curve
  Builder const builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) !=
          1)
    return {};
  return made_of("EC", builder.get());
}

/// 32 bytes.
inline PublicKey ed25519_public_key(std::string_view bytes) {
  constexpr std::size_t size = 32;
  if (bytes.size() != size) return {};
  PublicKey key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key::unsigned_of(bytes), bytes.size()),
      &EVP_PKEY_free);
  ERR_clear_error();
  return key;
}

namespace public_key {

/// The two numbers of an ES256 signature as OpenSSL has them: in DER. Empty when there are not 64 bytes.
inline std::string der_of(std::string_view signature) {
  constexpr std::size_t half = 32;
  if (signature.size() != 2 * half) return {};
  Number r = number_of(signature.substr(0, half)), s = number_of(signature.substr(half));
  EcdsaSignature const pair(ECDSA_SIG_new());
  if (!r || !s || !pair || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return {};
  (void)r.release(), (void)s.release();
  int const size = i2d_ECDSA_SIG(pair.get(), nullptr);
  if (size <= 0) return {};
  std::string der(static_cast<std::size_t>(size), '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  i2d_ECDSA_SIG(pair.get(), &out);
  return der;
}

}  // namespace public_key

/// Whether this is the key's signature of the text. `algorithm`: RS256, PS256, ES256 or EdDSA; it must be one for keys of
/// this kind.
inline bool is_signed(EVP_PKEY* key, std::string_view algorithm, std::string_view text,
                      std::string_view signature) {
  using namespace public_key;
  bool const pss = algorithm == "PS256", elliptic = algorithm == "ES256", edwards = algorithm == "EdDSA";
  std::string const der = elliptic ? der_of(signature) : std::string();
  std::string_view const checked = elliptic ? std::string_view(der) : signature;
  DigestContext const context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* scheme = nullptr;  // the context's own
  bool good = context && EVP_DigestVerifyInit(context.get(), &scheme, edwards ? nullptr : EVP_sha256(),
                                              nullptr, key) == 1;
  if (good && pss)
    good = EVP_PKEY_CTX_set_rsa_padding(scheme, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(scheme, RSA_PSS_SALTLEN_DIGEST) == 1;
  good = good && EVP_DigestVerify(context.get(), unsigned_of(checked), checked.size(), unsigned_of(text),
                                  text.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace lowart::net
