/// Any bytes as a token, as a token's claims and as a set of keys: nothing crashes, what is taken for good is in time and
/// from the right issuer, and claims come back as they were signed.

#include "fuzz.hpp"

#include <lowart/net/json_web_token.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace lowart;
using namespace lowart::fuzz;

constexpr std::int64_t now = 1'767'225'600;
constexpr net::JwtExpected expected{.issuer = "lowart", .audience = {}, .utc_seconds = now};

std::vector<net::JwtSecret> const& secrets() {
  static std::vector<net::JwtSecret> const all{net::JwtSecret("k1", Secret(std::string(32, '1')))};
  return all;
}

void check_claims(Result<net::JwtClaims> const& got) {
  if (!got) return require(!got.error().message().empty() && got.error().message().size() < 200);
  require(got->issuer == "lowart" && got->expires_at > now - expected.leeway && got->audience.size() <= 64);
}

void check_token(std::string const& token) {
  static auto const set = net::JwkSet::parse(
      R"({"keys":[{"kty":"EC","crv":"P-256","kid":"e1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
      R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},)"
      R"({"kty":"OKP","crv":"Ed25519","kid":"o1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})");
  check_claims(net::verify_jwt(token, secrets(), expected));
  check_claims(set->verify(token, expected));
}

void check_signed(std::string const& claims) {
  auto const got = net::verify_jwt(net::sign_jwt(claims, secrets()[0]), secrets(), expected);
  check_claims(got);
  if (got) require(got->json == claims);
}

void check_set(std::string const& json) {
  auto const set = net::JwkSet::parse(json);
  if (set) require(set->size() >= 1 && set->size() <= net::JwkSet::most_keys);
  else require(set.error().code() == Errc::malformed_reply);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const input(reinterpret_cast<char const*>(data), size);
  check_token(input);
  check_signed(input);
  check_set(input);
  return 0;
}
