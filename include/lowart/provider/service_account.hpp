#pragma once
/// ServiceAccount: an account of Google Cloud that programs use, as its key file describes it.

#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>
#include <lowart/dialect/base64.hpp>
#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/net/rsa_key.hpp>
#include <lowart/net/url.hpp>
#include <lowart/provider/token_grant.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// What a key file says.
class ServiceAccount {
 public:
  /// Errors: config_invalid, saying what is wrong and quoting nothing, as the file holds a private key.
  [[nodiscard]] static Result<ServiceAccount> read(std::string_view json) {
    auto const invalid = [](std::string what) { return fail(Errc::config_invalid, std::move(what)); };
    if (dialect::first_json_error(json)) return invalid("it is not JSON");
    auto const text = [json](std::string_view name) {
      auto const member = dialect::find_member(json, name);
      std::string value;
      bool const read = member && dialect::decode_string(member->value, value);
      return read ? value : std::string();
    };
    if (text("type") != "service_account") return invalid("its 'type' is not service_account");
    std::string email = text("client_email"), uri = text("token_uri");
    Secret const pem(text("private_key"));
    if (email.empty()) return invalid("it has no 'client_email'");
    if (pem.empty()) return invalid("it has no 'private_key'");
    Result<net::RsaKey> key = net::RsaKey::read(pem);
    if (!key) return fail(std::move(key).error());
    if (uri.empty()) uri = "https://oauth2.googleapis.com/token";
    auto [server, path] = token_grant::split_url(uri);
    if (auto const url = net::parse_base_url(server); !url)
      return invalid("its 'token_uri' is none: " + url.error().message());
    if (path.find_first_of("?# \r\n") != path.npos) return invalid("its 'token_uri' has more than a path");
    ServiceAccount account(*std::move(key));
    account.email_ = std::move(email);
    account.key_id_ = text("private_key_id");
    account.project_ = text("project_id");
    account.token_uri_ = std::move(uri);
    account.server_ = std::move(server);
    account.path_ = std::move(path);
    return account;
  }

  std::string const& email() const noexcept { return email_; }
  /// The project it belongs to; may be empty.
  std::string const& project() const noexcept { return project_; }
  std::string const& server() const noexcept { return server_; }
  std::string const& path() const noexcept { return path_; }

  /// The JSON Web Token that proves to the token server who asks (RFC 7523), good for an hour. Errors: internal.
  Result<Secret> assertion(std::string_view scope, std::int64_t utc_micros) const {
    constexpr std::int64_t life = 3600, micros = 1'000'000;
    std::int64_t const now = utc_micros / micros;
    auto const quoted = [](std::string_view value) {
      std::string out;
      dialect::append_json_string(out, value);
      return out;
    };
    std::string head = R"({"alg":"RS256","typ":"JWT")";
    if (!key_id_.empty()) head.append(R"(,"kid":)").append(quoted(key_id_));
    head.push_back('}');
    std::string claims = R"({"iss":)" + quoted(email_) + R"(,"scope":)" + quoted(scope) + R"(,"aud":)" +
                         quoted(token_uri_) + R"(,"iat":)" + std::to_string(now) + R"(,"exp":)" +
                         std::to_string(now + life) + "}";
    std::string token = dialect::to_base64url(head) + "." + dialect::to_base64url(claims);
    Result<std::string> const signature = key_.sign_sha256(token);
    if (!signature) return fail(signature.error());
    return Secret(token + "." + dialect::to_base64url(*signature));
  }

 private:
  explicit ServiceAccount(net::RsaKey key) : key_(std::move(key)) {}

  net::RsaKey key_;
  std::string email_, key_id_, project_, token_uri_, server_, path_;
};

/// The grant of a signed assertion (RFC 7523).
inline TokenGrant service_account_grant(std::string owner, ServiceAccount account) {
  TokenGrant grant;
  grant.owner = std::move(owner);
  grant.server = account.server();
  grant.path = account.path();
  grant.advice = "check that the key of the service account still exists, and this machine's clock";
  grant.form = [held = std::move(account)](std::int64_t utc_micros) -> Result<Secret> {
    Result<Secret> const proof = held.assertion("https://www.googleapis.com/auth/cloud-platform", utc_micros);
    if (!proof) return fail(proof.error());
    return token_grant::form_of(
        {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", proof->reveal()}});
  };
  return grant;
}

}  // namespace lowart
