#pragma once
/// The bodies of SecretBox.

#include <lowart/dialect/base64.hpp>
#include <lowart/net/random_token.hpp>
#include <lowart/net/secret_box.hpp>

#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>

namespace lowart::net {

namespace secret_box {

inline constexpr std::string_view mark = "lw1.";
inline constexpr std::size_t key_size = 32, nonce_size = 12, tag_size = 16, longest_id = 32;

inline bool is_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= longest_id && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}

inline std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\r";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// The bytes of hexadecimal digits; nullopt when there are others.
inline std::optional<std::string> from_hex(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    auto const value = [&](char c) {
      return digits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
    };
    std::size_t const high = value(text[i]), low = value(text[i + 1]);
    if (high == digits.npos || low == digits.npos) return std::nullopt;
    bytes.push_back(static_cast<char>(high << 4U | low));
  }
  return bytes;
}

/// What a sealed value consists of: views into it, and its bytes.
struct Parts {
  std::string_view head;  ///< "lw1.<key id>."
  std::string_view key_id;
  std::string bytes;
};
inline std::optional<Parts> take_apart(std::string_view sealed) {
  std::string_view const id = SecretBox::key_of(sealed);
  if (id.empty()) return std::nullopt;
  std::size_t const head = mark.size() + id.size() + 1;
  constexpr std::size_t longest = (SecretBox::most_bytes + nonce_size + tag_size) / 3 * 4 + 4;
  if (sealed.size() - head > longest) return std::nullopt;
  auto bytes = dialect::from_base64url(sealed.substr(head));
  if (!bytes || bytes->size() < nonce_size + tag_size) return std::nullopt;
  return Parts{.head = sealed.substr(0, head), .key_id = id, .bytes = *std::move(bytes)};
}

inline unsigned char const* unsigned_of(std::string_view text) noexcept {
  return reinterpret_cast<unsigned char const*>(text.data());
}
inline unsigned char* unsigned_of(std::string& text) noexcept {
  return reinterpret_cast<unsigned char*>(text.data());
}

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

/// One pass of AES-256-GCM. The head of the sealed value is authenticated as well as the place; it holds no further '.',
/// so that the two cannot be taken for another pair.
class Pass {
 public:
  Pass(bool sealing, MasterKey const& key, std::string_view nonce, std::string_view head,
       std::string_view aad)
      : cipher_(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free) {
    good_ = cipher_ &&
            EVP_CipherInit_ex(cipher_.get(), EVP_aes_256_gcm(), nullptr, unsigned_of(key.bytes.reveal()),
                              unsigned_of(nonce), sealing ? 1 : 0) == 1;
    for (std::string_view const known : {head, aad}) update(nullptr, known);
  }
  /// `out`: nullptr for what is authenticated only, else room for as many bytes as `in` has.
  void update(unsigned char* out, std::string_view in) {
    int size = 0;
    if (in.empty()) return;
    good_ = good_ &&
            EVP_CipherUpdate(cipher_.get(), out, &size, unsigned_of(in), static_cast<int>(in.size())) == 1;
  }
  /// The tag of what was sealed.
  bool take_tag(unsigned char* tag) { return finish() && control(EVP_CTRL_AEAD_GET_TAG, tag); }
  /// Whether this is the tag of what was opened: if not, it must not be looked at.
  bool holds(std::string tag) { return control(EVP_CTRL_AEAD_SET_TAG, unsigned_of(tag)) && finish(); }

 private:
  bool control(int what, unsigned char* tag) {
    return good_ && EVP_CIPHER_CTX_ctrl(cipher_.get(), what, static_cast<int>(tag_size), tag) == 1;
  }
  bool finish() {
    int size = 0;
    unsigned char none[tag_size];
    bool const done = good_ && EVP_CipherFinal_ex(cipher_.get(), none, &size) == 1;
    ERR_clear_error();
    return done;
  }
  Cipher cipher_;
  bool good_{false};
};

}  // namespace secret_box

LOWART_DECL Result<MasterKey> parse_master_key(std::string_view id, std::string_view text) {
  using namespace secret_box;
  if (!is_id(id))
    return fail(
        Errc::config_invalid,
        "the id of a master key must be 1 to 32 letters, digits, '-' and '_'");  // it may be the key itself
  text = trimmed(text);
  auto bytes = text.size() == 2 * key_size ? from_hex(text) : dialect::from_base64(text);
  if (!bytes || bytes->size() != key_size)
    return fail(Errc::config_invalid,
                "the master key '" + std::string(id) +
                    "' is not 32 bytes in base64 or as 64 hexadecimal digits; `openssl rand "
                    "-base64 32` makes one");
  return MasterKey{.id = std::string(id), .bytes = Secret(*std::move(bytes))};
}

LOWART_DECL Result<std::vector<MasterKey>> parse_master_keys(std::string_view text) {
  using namespace secret_box;
  std::vector<MasterKey> keys;
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::size_t const end = std::min(text.find('\n'), text.size());
    std::string_view const line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    auto const where = "line " + std::to_string(number) + ": ";
    std::size_t const colon = line.find(':');
    if (colon == line.npos) return fail(Errc::config_invalid, where + "it is not `id:key`");
    Result<MasterKey> key = parse_master_key(trimmed(line.substr(0, colon)), line.substr(colon + 1));
    if (!key) return fail(Errc::config_invalid, where + key.error().message());
    if (keys.size() == SecretBox::most_keys)
      return fail(Errc::config_invalid, where + "there are more than 64 master keys");
    keys.push_back(*std::move(key));
  }
  if (keys.empty()) return fail(Errc::config_invalid, "there is no master key: a line is `id:key`");
  return keys;
}

LOWART_DECL Result<SecretBox> SecretBox::make(std::vector<MasterKey> keys) {
  auto const invalid = [](std::string what) { return fail(Errc::config_invalid, std::move(what)); };
  if (keys.empty()) return invalid("there is no master key");
  if (keys.size() > most_keys) return invalid("there are more than 64 master keys");
  for (auto key = keys.begin(); key != keys.end(); ++key) {
    if (!secret_box::is_id(key->id))
      return invalid("the id of a master key must be 1 to 32 letters, digits, '-' and '_'");
    if (key->bytes.reveal().size() != secret_box::key_size)
      return invalid("the master key '" + key->id + "' does not have 32 bytes");
    if (std::any_of(keys.begin(), key, [&](MasterKey const& other) { return other.id == key->id; }))
      return invalid("two master keys have the id '" + key->id + "'");
  }
  return SecretBox(std::move(keys));
}

LOWART_DECL std::string SecretBox::seal(std::string_view plain, std::string_view aad) const {
  using namespace secret_box;
  if (plain.size() > most_bytes || aad.size() > most_bytes)
    throw std::length_error("a secret to seal, or its place, is over 1 MiB");
  MasterKey const& key = keys_.front();
  std::string const head = std::string(mark).append(key.id).append(".");
  std::string bytes = random_bytes(nonce_size);
  std::string const nonce = bytes;
  bytes.resize(nonce_size + plain.size() + tag_size);
  Pass pass(true, key, nonce, head, aad);
  pass.update(unsigned_of(bytes) + nonce_size, plain);
  if (!pass.take_tag(unsigned_of(bytes) + nonce_size + plain.size())) throw std::bad_alloc();
  return head + dialect::to_base64url(bytes);
}

LOWART_DECL Result<Secret> SecretBox::open(std::string_view sealed, std::string_view aad) const {
  using namespace secret_box;
  auto const parts = take_apart(sealed);
  if (!parts) return fail(Errc::storage_failed, "a stored secret is no sealed value, or was cut");
  std::string const id(parts->key_id);
  auto const key = std::find_if(keys_.begin(), keys_.end(), [&](MasterKey const& k) { return k.id == id; });
  if (key == keys_.end())
    return fail(Errc::config_invalid, "a stored secret was sealed with the master key '" + id +
                                          "', which is not here: add it to the master keys");
  std::string_view const bytes(parts->bytes);
  std::string_view const text = bytes.substr(nonce_size, bytes.size() - nonce_size - tag_size);
  std::string plain(text.size(), '\0');
  Pass pass(false, *key, bytes.substr(0, nonce_size), parts->head, aad);
  pass.update(unsigned_of(plain), text);
  bool const holds =
      aad.size() <= most_bytes && pass.holds(std::string(bytes.substr(bytes.size() - tag_size)));
  Secret opened(std::move(plain));  // wiped as well where the tag is wrong
  if (holds) return opened;
  return fail(Errc::storage_failed,
              "a stored secret was not sealed for this place, was changed, or the master key '" + id +
                  "' is another one than then");
}

LOWART_DECL Result<std::string> SecretBox::reseal(std::string_view sealed, std::string_view aad) const {
  Result<Secret> const plain = open(sealed, aad);
  if (!plain) return fail(plain.error());
  return seal(plain->reveal(), aad);
}

LOWART_DECL std::string_view SecretBox::key_of(std::string_view sealed) noexcept {
  using namespace secret_box;
  if (!sealed.starts_with(mark)) return {};
  std::string_view const rest = sealed.substr(mark.size());
  std::size_t const dot = rest.substr(0, longest_id + 1).find('.');
  std::string_view const id = dot == rest.npos ? std::string_view() : rest.substr(0, dot);
  return is_id(id) ? id : std::string_view();
}

}  // namespace lowart::net
