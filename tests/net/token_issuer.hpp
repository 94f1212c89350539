#pragma once
/// TokenIssuer: a key pair of a test that signs JSON Web Tokens, well or badly, and shows its public half.

#include <lowart/dialect/base64.hpp>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::testing {

class TokenIssuer {
 public:
  static TokenIssuer rsa(std::string id, unsigned bits = 2048) { return {std::move(id), EVP_RSA_gen(bits)}; }
  static TokenIssuer p256(std::string id) { return {std::move(id), EVP_EC_gen("P-256")}; }
  static TokenIssuer p384(std::string id) { return {std::move(id), EVP_EC_gen("P-384")}; }
  static TokenIssuer ed25519(std::string id) {
    return {std::move(id), EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
  }

  /// A token with this head and these claims; `algorithm` is how it is truly signed.
  std::string sign(std::string_view algorithm, std::string_view head, std::string_view claims) const {
    std::string token = dialect::to_base64url(head) + "." + dialect::to_base64url(claims);
    return token + "." + dialect::to_base64url(signature(algorithm, token));
  }
  /// With the head that belongs to it.
  std::string sign(std::string_view algorithm, std::string_view claims) const {
    return sign(algorithm, R"({"alg":")" + std::string(algorithm) + R"(","kid":")" + id_ + R"("})", claims);
  }

  /// Its JSON Web Key; `more`: members behind a comma.
  std::string jwk(std::string_view more = {}) const {
    std::string text = R"({"kid":")" + id_ + R"(")";
    int const kind = EVP_PKEY_get_base_id(key_.get());
    if (kind == EVP_PKEY_RSA)
      text += R"(,"kty":"RSA","n":")" + number(OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" +
              number(OSSL_PKEY_PARAM_RSA_E) + "\"";
    if (kind == EVP_PKEY_EC)
      text += R"(,"kty":"EC","crv":")" + curve() + R"(","x":")" + number(OSSL_PKEY_PARAM_EC_PUB_X, 32) +
              R"(","y":")" + number(OSSL_PKEY_PARAM_EC_PUB_Y, 32) + "\"";
    if (kind == EVP_PKEY_ED25519) text += R"(,"kty":"OKP","crv":"Ed25519","x":")" + raw() + "\"";
    return text.append(more) + "}";
  }
  EVP_PKEY* key() const noexcept { return key_.get(); }
  static std::string set_of(std::vector<std::string> const& keys) {
    std::string text;
    for (auto const& key : keys) text.append(text.empty() ? "" : ",").append(key);
    return R"({"keys":[)" + text + "]}";
  }

 private:
  TokenIssuer(std::string id, EVP_PKEY* key) : id_(std::move(id)), key_(key, &EVP_PKEY_free) {
    if (!key_) throw std::runtime_error("no key pair");
  }
  std::string curve() const { return EVP_PKEY_get_bits(key_.get()) == 256 ? "P-256" : "P-384"; }
  std::string number(char const* name, int size = 0) const {
    BIGNUM* value = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &value);
    std::string bytes(static_cast<std::size_t>(std::max(size, BN_num_bytes(value))), '\0');
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    BN_free(value);
    return dialect::to_base64url(bytes);
  }
  std::string raw() const {
    std::string bytes(32, '\0');
    std::size_t size = bytes.size();
    EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size);
    return dialect::to_base64url(bytes);
  }
  std::string signature(std::string_view algorithm, std::string_view text) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_PKEY_CTX* scheme = nullptr;
    EVP_DigestSignInit(context, &scheme, algorithm == "EdDSA" ? nullptr : EVP_sha256(), nullptr, key_.get());
    if (algorithm == "PS256") {
      EVP_PKEY_CTX_set_rsa_padding(scheme, RSA_PKCS1_PSS_PADDING);
      EVP_PKEY_CTX_set_rsa_pss_saltlen(scheme, RSA_PSS_SALTLEN_DIGEST);
    }
    std::string bytes(2048, '\0');
    std::size_t size = bytes.size();
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(bytes.data()), &size,
                   reinterpret_cast<unsigned char const*>(text.data()), text.size());
    EVP_MD_CTX_free(context);
    bytes.resize(size);
    return algorithm == "ES256" ? two_numbers(bytes) : bytes;
  }
  static std::string two_numbers(std::string const& der) {
    auto const* at = reinterpret_cast<unsigned char const*>(der.data());
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    std::string bytes(64, '\0');
    auto* const out = reinterpret_cast<unsigned char*>(bytes.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32);
    ECDSA_SIG_free(pair);
    return bytes;
  }

  std::string id_;
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace lowart::testing
