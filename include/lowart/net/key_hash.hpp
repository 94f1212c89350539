#pragma once
/// KeyHash: under which digest an API key is looked up.

#include <lowart/net/sha256.hpp>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace lowart::net {

/// SHA-256 of the key; with a pepper SHA-256(pepper, in one block of 64 bytes || SHA-256(key)), so that whoever reads
/// the digests without the pepper cannot try keys against them. Copies are independent; any thread.
///
/// The second hash is not HMAC, which costs two compressions where this is one: what HMAC's outer hash is there for, that
/// nobody goes on from a digest to that of a longer text, cannot happen where every text is one digest of 32 bytes.
class KeyHash {
 public:
  KeyHash() noexcept = default;
  /// An empty pepper is none. One that is longer than a block counts by its SHA-256.
  explicit KeyHash(std::string_view pepper) noexcept : peppered_(!pepper.empty()) {
    Sha256 const shorter = pepper.size() > block ? sha256(pepper) : Sha256{};
    if (pepper.size() > block) pepper = {reinterpret_cast<char const*>(shorter.data()), shorter.size()};
    Block padded{};
    std::copy(pepper.begin(), pepper.end(), padded.begin());
    if (peppered_) behind_pepper_ = compress(initial, padded);
    OPENSSL_cleanse(padded.data(), padded.size());
  }
  KeyHash(KeyHash const&) noexcept = default;
  KeyHash& operator=(KeyHash const&) noexcept = default;
  ~KeyHash() { OPENSSL_cleanse(behind_pepper_.data(), sizeof behind_pepper_); }

  bool has_pepper() const noexcept { return peppered_; }
  /// Of a key as a client presents it.
  Sha256 operator()(std::string_view presented) const noexcept {
    // A key as we make them fits into a block: no need for what OpenSSL keeps of longer texts.
    if (presented.size() > longest_in_block) return of_digest(sha256(presented));
    State const state = compress(initial, last_block(presented, presented.size()));
    return of_digest(digest_of(state));
  }
  /// Of a key that only its SHA-256 is known of.
  Sha256 of_digest(Sha256 const& plain) const noexcept {
    if (!peppered_) return plain;
    std::string_view const text(reinterpret_cast<char const*>(plain.data()), plain.size());
    return digest_of(compress(behind_pepper_, last_block(text, block + text.size())));
  }

 private:
  static constexpr std::size_t block = 64;
  static constexpr std::size_t longest_in_block = block - 9;
  using Block = std::array<unsigned char, block>;
  using State = std::array<SHA_LONG, 8>;
  static constexpr State initial{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};  // FIPS 180-4, 5.3.3

  /// The block that ends a text of `bytes` in all: a one, zeros, and the length (5.1.1).
  static Block last_block(std::string_view end, std::size_t bytes) noexcept {
    Block padded{};
    std::memcpy(padded.data(), end.data(), end.size());
    padded[end.size()] = 0x80;
    padded[block - 2] = static_cast<unsigned char>(8 * bytes >> 8U);
    padded[block - 1] = static_cast<unsigned char>(8 * bytes);
    return padded;
  }
  static State compress(State const& from, Block const& text) noexcept {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    SHA256_CTX context;
    std::memcpy(context.h, from.data(), sizeof from);
    SHA256_Transform(&context, text.data());
    State to;
    std::memcpy(to.data(), context.h, sizeof to);
    return to;
#pragma GCC diagnostic pop
  }
  static Sha256 digest_of(State const& state) noexcept {
    Sha256 digest;
    for (std::size_t i = 0; i < state.size(); ++i)
      for (std::size_t byte = 0; byte < 4; ++byte)
        digest[4 * i + byte] = static_cast<unsigned char>(state[i] >> (24U - 8U * byte));
    return digest;
  }

  State behind_pepper_{};  ///< As secret as the pepper.
  bool peppered_{false};
};

}  // namespace lowart::net
