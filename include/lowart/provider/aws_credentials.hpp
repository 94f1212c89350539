#pragma once
/// AwsCredentials: keys of AWS that end, fetched from whom the program runs with and renewed ahead of their end.

#include <lowart/core/call.hpp>
#include <lowart/dialect/aws_credentials.hpp>
#include <lowart/net/transport.hpp>
#include <lowart/provider/aws_grant.hpp>
#include <lowart/provider/http_wire.hpp>
#include <lowart/provider/renewed_credential.hpp>
#include <lowart/provider/token_grant.hpp>
#include <lowart/provider/token_server.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

struct AwsKeys {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;  ///< Empty for keys that do not end.
};

namespace aws_giver {

/// For errors.
inline std::string_view name_of(AwsGiver giver) noexcept {
  constexpr std::array<std::string_view, 3> names{
      "the container's endpoint", "the instance's metadata service", "the Security Token Service"};
  return names[static_cast<std::size_t>(giver)];
}
inline std::string_view advice_for(AwsGiver giver) noexcept {
  constexpr std::array<std::string_view, 3> advice{
      "check that the task or pod has a role, and its authorization token",
      "check that the instance has a role and its metadata service is on",
      "check the role, that its trust policy names the identity provider, and the file with the token"};
  return advice[static_cast<std::size_t>(giver)];
}

/// The name of a role as a path may hold it.
inline bool is_role(std::string_view name) noexcept {
  constexpr std::size_t longest = 128;
  return !name.empty() && name.size() <= longest && name.find_first_of("/?#% ") == name.npos &&
         dialect::aws_text::is_visible(name);
}
/// The first line, without blanks around it.
inline std::string_view first_line(std::string_view text) noexcept {
  text = text.substr(0, text.find_first_of("\r\n"));
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace aws_giver

/// One of those who give keys, asked as a grant says: one request, or three of an instance's metadata service.
///
/// Errors, of origin upstream and with nothing sent to the provider: upstream_auth where it refuses, with its code and what
/// to check; upstream_failed for its other statuses; malformed_reply for what are no keys, and for keys that have ended;
/// the transport's own; what the grant's token says.
class AwsCredentialSource {
 public:
  using Value = AwsKeys;

  /// `transport` leads to grant.server.
  AwsCredentialSource(net::AnyTransport transport, AwsGrant grant)
      : transport_(std::move(transport)), grant_(std::move(grant)) {}

  AwsGiver giver() const noexcept { return grant_.giver; }
  std::string what() const {
    std::string text("no credentials of AWS for '");
    return text.append(grant_.owner).append("': ").append(aws_giver::name_of(grant_.giver)).append(" ");
  }

  Task<Result<Granted<AwsKeys>>> fetch(Call& call) {
    switch (grant_.giver) {
      case AwsGiver::container: return of_container(call);
      case AwsGiver::web_identity: return of_web_identity(call);
      case AwsGiver::instance: break;
    }
    return of_instance(call);
  }

 private:
  using Keys = Result<Granted<AwsKeys>>;

  Task<Keys> of_container(Call& call) {
    Result<Secret> const token = grant_.token ? grant_.token() : Result<Secret>(Secret());
    if (!token) co_return fail(token.error());
    net::HttpRequest http("GET", grant_.path);
    if (!token->empty()) http.field("authorization", token->reveal());
    Result<Secret> const body = co_await ask(http, call);
    co_return read(body, call);
  }

  Task<Keys> of_web_identity(Call& call) {
    Result<Secret> const token = grant_.token();
    if (!token) co_return fail(token.error());
    Secret const form = token_grant::form_of({{"Action", "AssumeRoleWithWebIdentity"},
                                              {"Version", "2011-06-15"},
                                              {"RoleArn", grant_.role_arn},
                                              {"RoleSessionName", grant_.session_name},
                                              {"WebIdentityToken", token->reveal()}});
    net::HttpRequest http("POST", "/");
    http.field("content-type", "application/x-www-form-urlencoded").body(form.reveal());
    Result<Secret> const body = co_await ask(http, call);
    co_return read(body, call);
  }

  /// Version 2 of the service: without a token of its own, which only a PUT gives, it would answer whoever can make this
  /// machine send a GET.
  Task<Keys> of_instance(Call& call) {
    constexpr std::string_view token_field = "x-aws-ec2-metadata-token";
    constexpr std::string_view roles = "/latest/meta-data/iam/security-credentials/";
    net::HttpRequest put("PUT", "/latest/api/token");
    put.field("x-aws-ec2-metadata-token-ttl-seconds", "60");
    Result<Secret> const token = co_await ask(put, call);
    if (!token) co_return fail(token.error());
    if (!dialect::aws_text::is_visible(token->reveal())) co_return malformed("it is no token");
    net::HttpRequest list("GET", roles);
    list.field(token_field, token->reveal());
    Result<Secret> const role = co_await ask(list, call);
    if (!role) co_return fail(role.error());
    std::string_view const name = aws_giver::first_line(role->reveal());
    if (!aws_giver::is_role(name)) co_return malformed("it is no name of a role");
    std::string const path = std::string(roles).append(name);
    net::HttpRequest get("GET", path);
    get.field(token_field, token->reveal());
    Result<Secret> const body = co_await ask(get, call);
    co_return read(body, call);
  }

  /// The body of a 200.
  Task<Result<Secret>> ask(net::HttpRequest& http, Call& call) {
    http.field("accept", http_wire::json_type).field("user-agent", "lowart");
    std::string const asked = what();
    Result<TokenServerAnswer> answer = co_await ask_token_server(transport_, http, asked, call);
    if (!answer) co_return fail(answer.error());
    if (answer->status == 200) co_return std::move(answer->text);
    dialect::AwsRefusal said = dialect::read_aws_refusal(answer->text.reveal());
    co_return fail(token_server::refusal(asked, *answer, said.words, std::move(said.text),
                                         aws_giver::advice_for(grant_.giver), call));
  }

  Keys read(Result<Secret> const& body, Call const& call) const {
    if (!body) return fail(body.error());
    auto reply = dialect::read_aws_credentials(body->reveal(), call.clock().utc_micros());
    if (!reply) return malformed(reply.error().message());
    AwsKeys keys{.access_key_id = std::move(reply->access_key_id),
                 .secret_access_key = std::move(reply->secret_access_key),
                 .session_token = std::move(reply->session_token)};
    return Granted<AwsKeys>{std::move(keys), reply->life};
  }
  Keys malformed(std::string_view why) const { return fail(token_server::malformed(what(), why)); }

  net::AnyTransport transport_;
  AwsGrant grant_;
};

/// Keys for all calls that are signed with them; fetched once and renewed as RenewedCredential says. Copies share them.
using AwsCredentials = RenewedCredential<AwsCredentialSource>;

}  // namespace lowart
