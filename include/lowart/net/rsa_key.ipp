#pragma once
/// The bodies of RsaKey.

#include <lowart/net/rsa_key.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstddef>

namespace lowart::net {

LOWART_DECL Result<RsaKey> RsaKey::read(Secret const& pem) {
  constexpr int least_bits = 2048;
  std::string_view const text = pem.reveal();
  if (text.size() > 65'536) return fail(Errc::config_invalid, "the private key is too long for one");
  ERR_clear_error();
  std::unique_ptr<BIO, decltype(&BIO_free)> const source(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
  // OpenSSL would ask a terminal for the password otherwise.
  auto const no_password = [](char*, int, int, void*) { return -1; };
  std::shared_ptr<EVP_PKEY> key(
      source ? PEM_read_bio_PrivateKey(source.get(), nullptr, no_password, nullptr) : nullptr,
      &EVP_PKEY_free);
  ERR_clear_error();
  if (!key) return fail(Errc::config_invalid, "the private key is no PEM block without a password");
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key.get()) < least_bits)
    return fail(Errc::config_invalid, "the private key is no RSA key of 2048 bits or more");
  return RsaKey(std::move(key));
}

LOWART_DECL Result<std::string> RsaKey::sign_sha256(std::string_view text) const {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> const context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  auto const* const bytes = reinterpret_cast<unsigned char const*>(text.data());
  std::size_t size = 0;
  std::string signature;
  bool done = context && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
              EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) == 1;
  if (done) {
    signature.resize(size);
    done = EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                          text.size()) == 1;
    signature.resize(size);
  }
  ERR_clear_error();
  if (!done) return fail(Errc::internal, "the private key does not sign");
  return signature;
}

}  // namespace lowart::net
