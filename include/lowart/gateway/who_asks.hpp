#pragma once
/// Who asks: the key that a request brings, and whether it counts here and now.

#include <lowart/gateway/keyring.hpp>
#include <lowart/gateway/query.hpp>
#include <lowart/gateway/request_signature.hpp>
#include <lowart/net/server_request.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace lowart {

/// The key of a request: from `Authorization: Bearer`, `x-api-key`, `api-key`, `x-goog-api-key` or `?key=`, so that
/// the SDKs of every dialect can bring it their way.
inline std::string_view presented_key(net::RequestHead const& head) noexcept {
  constexpr std::string_view bearer = "bearer ";
  auto const authorization = head.fields().get("authorization");
  if (authorization.size() > bearer.size() &&
      net::equal_ignoring_case(authorization.substr(0, bearer.size()), bearer))
    return authorization.substr(authorization.find_first_not_of(' ', bearer.size()));
  for (std::string_view const name : {"x-api-key", "api-key", "x-goog-api-key"})
    if (auto const key = head.fields().get(name); !key.empty()) return key;
  return in_query(head.query(), "key");
}

namespace who_asks {

inline Result<KeyEntry const*> by_certificate(Keyring const& keys, std::string_view subject) {
  constexpr std::size_t longest = 200;  // bytes of a client's own words in an error
  KeyEntry const* const found = keys.by_certificate(subject);
  if (found != nullptr) return found;
  return fail(
      Errc::unauthenticated,
      "no API key, and none here is for the certificate of '" + std::string(subject.substr(0, longest)) + "'",
      Origin::client);
}

inline std::int64_t utc_seconds(net::ServerRequest const& request) {
  return request.clock().utc_micros() / 1'000'000;
}
inline SignedRequest signed_request(net::ServerRequest const& request, std::string_view body) {
  net::RequestHead const& head = request.head();
  auto const& fields = head.fields();
  return {.timestamp = fields.get(request_signature::timestamp_field),
          .nonce = fields.get(request_signature::nonce_field),
          .signature = fields.get(request_signature::signature_field),
          .method = head.method(),
          .target = head.target().starts_with('/') ? head.target() : head.path(),
          .body = body};
}
inline Result<void> check_signed(net::ServerRequest const& request, KeyPolicy const& policy,
                                 std::string_view body, NonceTable* nonces) {
  if (nonces == nullptr)
    return fail(Errc::internal, "this gateway keeps no nonces, so it cannot take signed requests");
  return check_signature(signed_request(request, body), policy.signing_secret, *nonces, utc_seconds(request));
}
/// Before a long body is read: whether there is a signature at all, and one of now.
inline Result<void> check_fields(net::ServerRequest const& request) {
  return check_signature_fields(signed_request(request, {}), utc_seconds(request));
}

}  // namespace who_asks

/// The key that a request may be asked with: it is known, and counts here and now. The one place where keys are looked
/// at, for calls and for pages; whether the request is signed is not looked at. A client's certificate may stand for
/// its key, unless it brings one. Errors: unauthenticated, permission_denied.
inline Result<KeyEntry const*> known_key(Keyring const& keys, net::ServerRequest const& request) {
  std::string_view const presented = presented_key(request.head());
  bool const is_certified = presented.empty() && !request.certificate().empty();
  Result<KeyEntry const*> const found =
      is_certified ? who_asks::by_certificate(keys, request.certificate()) : keys.find(presented);
  if (!found) return found;
  auto const admitted = (*found)->admits(request.peer(), [&] { return request.clock().utc_micros(); });
  if (!admitted) return fail(admitted.error());
  return found;
}

/// The body, where it was read whole; else nothing.
inline std::string_view body_that_was_read(net::ServerRequest& request) {
  if (!request.consumed()) return {};
  auto const body = request.body_now(std::numeric_limits<std::size_t>::max());
  return body && *body ? **body : std::string_view();
}

/// The same for a page, which is asked for without a body or with one that was read: signed, where the key demands it.
/// Once for each request, as what is signed counts once.
inline Result<KeyEntry const*> key_of(Keyring const& keys, net::ServerRequest& request, NonceTable* nonces) {
  Result<KeyEntry const*> const found = known_key(keys, request);
  if (!found) return found;
  bool const must_be_signed = (*found)->policy && !(*found)->policy->signing_secret.empty();
  if (!must_be_signed) return found;
  if (auto const holds =
          who_asks::check_signed(request, *(*found)->policy, body_that_was_read(request), nonces);
      !holds)
    return fail(holds.error());
  return found;
}

}  // namespace lowart
