#include "password.hpp"

#include <lowart/net/random_token.hpp>

#include <argon2.h>

#include <charconv>
#include <optional>

namespace lowart::server {

namespace {

constexpr std::size_t salt_size = 16, hash_size = 32;

/// Takes `name` and the number behind it off the text.
std::optional<std::uint32_t> take_number(std::string_view& text, std::string_view name) {
  if (!text.starts_with(name)) return std::nullopt;
  text.remove_prefix(name.size());
  std::uint32_t number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<PasswordCost> cost_of(std::string_view hash) {
  auto const memory = take_number(hash, "$argon2id$v=19$m=");
  auto const passes = take_number(hash, ",t=");
  auto const lanes = take_number(hash, ",p=");
  if (!memory || !passes || !lanes || !hash.starts_with('$')) return std::nullopt;
  return PasswordCost{.memory_kib = *memory, .passes = *passes, .lanes = *lanes};
}

bool is_bearable(PasswordCost const& cost) {
  constexpr std::uint32_t most_kib = 256 * 1024, most_passes = 16, most_lanes = 16;
  return cost.memory_kib <= most_kib && cost.passes <= most_passes && cost.lanes <= most_lanes;
}

tl::unexpected<Error> refuse_length(std::string what) {
  return fail(Error(Errc::invalid_request, std::move(what), Origin::client).with_param("password"));
}

}  // namespace

Result<std::string> hash_password(Secret const& password) {
  std::string_view const text = password.reveal();
  if (text.size() < shortest_password) return refuse_length("the password must have 12 bytes or more");
  if (text.size() > longest_password) return refuse_length("the password must have 1024 bytes or fewer");
  auto const& [memory, passes, lanes] = password_cost;
  std::string const salt = net::random_bytes(salt_size);
  std::string encoded(argon2_encodedlen(passes, memory, lanes, salt_size, hash_size, Argon2_id), '\0');
  int const status = argon2id_hash_encoded(passes, memory, lanes, text.data(), text.size(), salt.data(),
                                           salt.size(), hash_size, encoded.data(), encoded.size());
  if (status != ARGON2_OK)
    return fail(Errc::overloaded,
                std::string("the password could not be hashed: ") + argon2_error_message(status));
  encoded.resize(encoded.find('\0'));  // the length counts the end
  return encoded;
}

PasswordCheck verify_password(std::string_view hash, Secret const& password) {
  constexpr std::size_t longest_hash = 256;
  std::string_view const text = password.reveal();
  if (text.size() > longest_password || hash.size() > longest_hash) return {};
  auto const cost = cost_of(hash);
  if (!cost || !is_bearable(*cost)) return {};
  bool const ok = argon2id_verify(std::string(hash).c_str(), text.data(), text.size()) == ARGON2_OK;
  return {.ok = ok, .needs_rehash = ok && *cost != password_cost};
}

std::string_view dummy_password_hash() {
  // Nobody finds the password to 32 bytes of nothing.
  static std::string const hash = "$argon2id$v=19$m=" + std::to_string(password_cost.memory_kib) +
                                  ",t=" + std::to_string(password_cost.passes) +
                                  ",p=" + std::to_string(password_cost.lanes) + "$" + std::string(22, 'A') +
                                  "$" + std::string(43, 'A');
  return hash;
}

}  // namespace lowart::server
