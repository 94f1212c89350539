#pragma once
/// KeyHash: under which digest an API key is looked up.

#include <lowart/net/sha256.hpp>
#include <lowart/net/siphash.hpp>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace lowart::net {

/// A digest's first eight bytes.
inline std::uint64_t first_word(Sha256 const& digest) noexcept {
  std::uint64_t first = 0;
  std::memcpy(&first, digest.data(), sizeof first);
  return first;
}

/// SHA-256 of the key; with a pepper SHA-256(pepper, in one block of 64 bytes || key) whose first eight bytes are those of
/// SipHash-1-3 of the key under a secret that comes of the pepper. Whoever reads the digests without the pepper cannot try
/// keys against them. Copies are independent; any thread.
///
/// That is one step of SHA-256 for keys as we make them, as the pepper's is done once; HMAC would be three. What HMAC is
/// there for, that nobody goes on from a digest to that of a longer text, is of no use against a table that is asked for
/// texts: a longer key whose digest one can tell is still none that is in it.
///
/// SipHash takes a quarter of the time, so that memory is on its way while SHA-256 is computed. Both read the whole key:
/// whoever has half of one learns nothing from where it is looked for.
class KeyHash {
 public:
  KeyHash() noexcept = default;
  /// An empty pepper is none. One that is longer than a block counts by its SHA-256.
  explicit KeyHash(std::string_view pepper) noexcept : peppered_(!pepper.empty()) {
    Sha256 const shorter = pepper.size() > block ? sha256(pepper) : Sha256{};
    if (pepper.size() > block) pepper = {reinterpret_cast<char const*>(shorter.data()), shorter.size()};
    Block padded{};
    std::copy(pepper.begin(), pepper.end(), padded.begin());
    if (peppered_) {
      begin_ = compress(initial, padded);
      Sha256 secret = digest_of(compress(begin_, Block{'f', 'i', 'r', 's', 't'}));
      std::memcpy(sip_.data(), secret.data(), sizeof sip_);
      OPENSSL_cleanse(secret.data(), secret.size());
    }
    OPENSSL_cleanse(padded.data(), padded.size());
  }
  KeyHash(KeyHash const&) noexcept = default;
  KeyHash& operator=(KeyHash const&) noexcept = default;
  ~KeyHash() {
    OPENSSL_cleanse(begin_.data(), sizeof begin_);
    OPENSSL_cleanse(sip_.data(), sizeof sip_);
  }

  bool has_pepper() const noexcept { return peppered_; }
  /// Of a key as a client presents it. With a pepper `soon(first eight bytes)` is called before the rest is computed.
  template <std::invocable<std::uint64_t> Soon>
  Sha256 operator()(std::string_view presented, Soon const& soon) const noexcept {
    if (!peppered_) return sha256_behind(presented);
    std::uint64_t const first = siphash(sip_, presented);
    soon(first);
    Sha256 digest = sha256_behind(presented);
    std::memcpy(digest.data(), &first, sizeof first);
    return digest;
  }
  Sha256 operator()(std::string_view presented) const noexcept {
    return (*this)(presented, [](std::uint64_t) {});
  }

 private:
  static constexpr std::size_t block = 64;
  static constexpr std::size_t longest_in_last = block - 9;
  using Block = std::array<unsigned char, block>;
  using State = std::array<SHA_LONG, 8>;
  static constexpr State initial{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};  // FIPS 180-4, 5.3.3

  /// Of the pepper's block, where there is one, and the key.
  Sha256 sha256_behind(std::string_view presented) const noexcept {
    State state = begin_;
    std::size_t const bytes = presented.size() + (peppered_ ? block : 0);
    for (; presented.size() >= block; presented.remove_prefix(block)) {
      Block whole;
      std::memcpy(whole.data(), presented.data(), block);
      state = compress(state, whole);
    }
    Block last{};
    std::copy(presented.begin(), presented.end(), last.begin());
    last[presented.size()] = 0x80;  // the end of a text is a one, zeros, and its length (FIPS 180-4, 5.1.1)
    if (presented.size() > longest_in_last) state = compress(state, std::exchange(last, Block{}));
    for (std::size_t i = 0; i < sizeof bytes; ++i)
      last[block - 1 - i] = static_cast<unsigned char>(8 * bytes >> 8U * i);
    return digest_of(compress(state, last));
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
  /// Two words at a time: who reads the digest in words of eight bytes has not to wait until narrower ones have left the
  /// processor, which holds up all that could begin meanwhile.
  static Sha256 digest_of(State const& state) noexcept {
    Sha256 digest;
    for (std::size_t i = 0; i < state.size(); i += 2) {
      std::uint64_t pair = std::uint64_t{state[i]} << 32U | state[i + 1];
      if constexpr (std::endian::native == std::endian::little) pair = __builtin_bswap64(pair);
      std::memcpy(digest.data() + 4 * i, &pair, sizeof pair);
    }
    return digest;
  }

  State begin_{initial};  ///< Behind the pepper, and then as secret as it.
  SipKey sip_{};
  bool peppered_{false};
};

}  // namespace lowart::net
