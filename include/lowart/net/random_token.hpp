#pragma once
/// Random bytes and texts that nobody can guess: keys, tokens, nonces. By OpenSSL's generator, which the kernel seeds.

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

namespace lowart::net {

/// Fills all of it. A machine without randomness ends the program: no key that it made could be trusted.
inline void fill_random(std::span<unsigned char> bytes) noexcept {
  constexpr std::size_t most_at_once = 1U << 20U;
  while (!bytes.empty()) {
    std::size_t const size = std::min(bytes.size(), most_at_once);
    if (RAND_bytes(bytes.data(), static_cast<int>(size)) != 1) {
      std::fputs("lowart: no random bytes to be had\n", stderr);
      std::abort();
    }
    bytes = bytes.subspan(size);
  }
}

inline std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  fill_random({reinterpret_cast<unsigned char*>(bytes.data()), bytes.size()});
  return bytes;
}

/// Digits and letters, each as likely: 5.95 bits a character, so 43 hold 256 bits.
inline std::string random_base62(std::size_t length) {
  constexpr std::string_view letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  // Bytes beyond the last whole multiple of the alphabet would make some letters likelier: drawn again.
  constexpr unsigned fair = 256 / letters.size() * letters.size();
  std::string text;
  text.reserve(length);
  std::array<unsigned char, 64> bytes{};
  while (text.size() < length) {
    fill_random(bytes);
    for (unsigned char const byte : bytes)
      if (byte < fair && text.size() < length) text += letters[byte % letters.size()];
  }
  return text;
}

/// How many characters of random_base62() hold 256 bits.
inline constexpr std::size_t token_length = 43;

/// A key that clients send: "sk-lw-" and 43 characters.
inline std::string new_api_key() { return "sk-lw-" + random_base62(token_length); }

}  // namespace lowart::net
