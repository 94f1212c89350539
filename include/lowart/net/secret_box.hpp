#pragma once
/// SecretBox: secrets at rest, sealed with AES-256-GCM under a master key that has a name.

#include <lowart/core/config.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::net {

struct MasterKey {
  std::string id;  ///< 1 to 32 letters, digits, '-' and '_'. Stands in what it sealed, in the clear.
  Secret bytes;    ///< 32 of them.
};

/// Reads a key of 32 bytes that is written as 64 hexadecimal digits or in base64. Errors: config_invalid; the message names
/// the key by its id and quotes nothing of it.
[[nodiscard]] LOWART_DECL Result<MasterKey> parse_master_key(std::string_view id, std::string_view text);

/// Reads lines of `id:key`; the first is the current key. Empty lines, and such that begin with '#', are none. Errors:
/// config_invalid with the number of the line.
[[nodiscard]] LOWART_DECL Result<std::vector<MasterKey>> parse_master_keys(std::string_view text);

/// Seals under one key, and opens what that key or an older one has sealed. Each secret is sealed for a place (`aad`: the
/// table, column and row that it stands in), so that a value copied to another place does not open there.
///
/// A sealed value is text: `lw1.<key id>.<base64url of 12 bytes of nonce, the ciphertext and 16 bytes of tag>`. Nonces are
/// random, so that one key should seal no more than 2^32 values (NIST SP 800-38D). Thread safe; copies are independent.
class SecretBox {
 public:
  static constexpr std::size_t most_keys = 64;
  static constexpr std::size_t most_bytes = 1U << 20U;  ///< Of a secret.

  /// `keys`: the current one, then the older ones. Errors: config_invalid for no key, more than 64, two of one id, an id or
  /// a length that cannot be.
  [[nodiscard]] static LOWART_DECL Result<SecretBox> make(std::vector<MasterKey> keys);

  /// Under the current key. Throws std::length_error beyond most_bytes.
  LOWART_DECL std::string seal(std::string_view plain, std::string_view aad) const;
  /// Errors: config_invalid where the key is missing, named by its id; storage_failed where the text is no sealed value, was
  /// sealed for another place or was changed. Messages quote nothing else of it.
  [[nodiscard]] LOWART_DECL Result<Secret> open(std::string_view sealed, std::string_view aad) const;
  /// Opens it and seals it under the current key, for the same place: what a rotation does to each value. Errors: open()'s.
  [[nodiscard]] LOWART_DECL Result<std::string> reseal(std::string_view sealed, std::string_view aad) const;

  std::string const& current_key() const noexcept { return keys_.front().id; }
  /// The id of the key that sealed it, for those that a rotation has yet to visit; empty when it is no sealed value.
  [[nodiscard]] static LOWART_DECL std::string_view key_of(std::string_view sealed) noexcept;

 private:
  explicit SecretBox(std::vector<MasterKey> keys) : keys_(std::move(keys)) {}
  std::vector<MasterKey> keys_;
};

}  // namespace lowart::net

#if defined(LOWART_HEADER_ONLY)
#include <lowart/net/secret_box.ipp>
#endif
