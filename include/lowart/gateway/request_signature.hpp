#pragma once
/// Signed requests: what a client signs, and whether it has.

#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>
#include <lowart/gateway/nonce_table.hpp>
#include <lowart/net/sha256.hpp>
#include <lowart/net/sigv4.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart {

/// A request as far as it is signed. Views, as they came over the wire.
struct SignedRequest {
  std::string_view timestamp;  ///< `x-lowart-timestamp`: seconds since 1970 UTC.
  std::string_view nonce;      ///< `x-lowart-nonce`: 16 to 64 characters, never twice.
  std::string_view signature;  ///< `x-lowart-signature`: "v1=" and 64 hexadecimal digits.
  std::string_view method;
  std::string_view target;  ///< Path and query.
  std::string_view body;
};

namespace request_signature {

inline constexpr std::string_view timestamp_field = "x-lowart-timestamp", nonce_field = "x-lowart-nonce",
                                  signature_field = "x-lowart-signature";
inline constexpr std::int64_t most_apart = 300;  // seconds between the client's clock and ours
inline constexpr std::size_t shortest_nonce = 16, longest_nonce = 64;
inline constexpr std::string_view version = "v1=";

/// What is signed: "v1", timestamp, nonce, method, path with query, and the SHA-256 of the body in hexadecimal digits, a
/// line each.
inline std::string text_of(SignedRequest const& request) {
  std::string text("v1");
  for (std::string_view const line : {request.timestamp, request.nonce, request.method, request.target})
    text.append("\n").append(line);
  net::append_hex(text.append("\n"), net::sha256(request.body));
  return text;
}
/// The value of `x-lowart-signature`.
inline std::string sign(SignedRequest const& request, Secret const& secret) {
  std::string value(version);
  net::append_hex(value, net::hmac_sha256(secret.reveal(), text_of(request)));
  return value;
}

inline tl::unexpected<Error> refuse(std::string_view field, std::string_view what) {
  std::string message("this API key takes signed requests only: ");
  message.append(what);
  return fail(
      Error(Errc::unauthenticated, std::move(message), Origin::client).with_param(std::string(field)));
}
inline Result<void> check_time(std::string_view text, std::int64_t now) {
  std::int64_t at = 0;
  char const* const end = text.data() + text.size();
  auto const [stop, error] = std::from_chars(text.data(), end, at);
  if (text.empty() || error != std::errc() || stop != end || at < 0)
    return refuse(timestamp_field, "'x-lowart-timestamp' must be the time in seconds since 1970");
  if (at < now - most_apart || at > now + most_apart)
    return refuse(timestamp_field, "'x-lowart-timestamp' is more than 300 seconds away from the time here, " +
                                       std::to_string(now));
  return {};
}
inline Result<void> check_nonce(std::string_view nonce) {
  bool const fits = nonce.size() >= shortest_nonce && nonce.size() <= longest_nonce;
  if (!fits) return refuse(nonce_field, "'x-lowart-nonce' must have 16 to 64 characters");
  return {};
}
/// Of the nonce and of whose it is: two clients may come upon the same.
inline net::Sha256 nonce_digest(Secret const& secret, std::string_view nonce) {
  return net::hmac_sha256(secret.reveal(), std::string("nonce\n").append(nonce));
}

}  // namespace request_signature

/// Whether the fields are there and the time is right, which needs no body. `now` is UTC, in seconds. Errors:
/// unauthenticated, with the field that is wrong.
inline Result<void> check_signature_fields(SignedRequest const& request, std::int64_t now) {
  using namespace request_signature;
  if (auto timely = check_time(request.timestamp, now); !timely) return timely;
  if (auto fresh = check_nonce(request.nonce); !fresh) return fresh;
  if (!request.signature.starts_with(version))
    return refuse(signature_field, "'x-lowart-signature' must be 'v1=' and 64 hexadecimal digits");
  return {};
}
/// Whether a request is signed with the secret, in time, and for the first time. Notes its nonce, if it is. Errors:
/// check_signature_fields()'s, unauthenticated; overloaded where there is no room for the nonce.
inline Result<void> check_signature(SignedRequest const& request, Secret const& secret, NonceTable& nonces,
                                    std::int64_t now) {
  using namespace request_signature;
  if (auto complete = check_signature_fields(request, now); !complete) return complete;
  // The signature first: what others make up must not fill the table.
  if (!Secret(sign(request, secret)).equals(request.signature))
    return refuse(signature_field,
                  "'x-lowart-signature' is not that of this method, path, query and body with the key's "
                  "signing_secret");
  switch (nonces.note(nonce_digest(secret, request.nonce), now)) {
    case NonceTable::Seen::first: return {};
    case NonceTable::Seen::again: return refuse(nonce_field, "'x-lowart-nonce' was used before");
    case NonceTable::Seen::full: break;
  }
  constexpr std::chrono::seconds wait{60};
  return fail(
      Error(Errc::overloaded, "too many signed requests in ten minutes: there is no room for the nonce")
          .with_retry_after(wait));
}

}  // namespace lowart
