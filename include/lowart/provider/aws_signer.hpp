#pragma once
/// AwsSigner: signs what is sent to a service of AWS. FetchedAwsSigner: with keys that have to be fetched.

#include <lowart/core/call.hpp>
#include <lowart/dialect/bedrock_error_reading.hpp>
#include <lowart/net/sigv4.hpp>
#include <lowart/net/transport.hpp>
#include <lowart/net/url.hpp>
#include <lowart/provider/aws_credentials.hpp>
#include <lowart/provider/http_wire.hpp>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// For one service in one region, behind one base URL.
class AwsSigner {
 public:
  AwsSigner(std::string_view base_url, std::string region, std::string_view service)
      : region_(std::move(region)), service_(service) {
    auto const url = net::parse_base_url(base_url);
    if (url) host_ = url->authority(), prefix_ = url->prefix();
  }

  /// Signs the host as the transport sends it, the time of the call's clock and the body. Nothing that a proxy on the
  /// way may add or change is signed. The request is whole but for what this adds.
  void sign(AwsKeys const& keys, Call& call, net::HttpRequest& http) const {
    std::string_view const time = call.keep(net::sigv4_time(call.clock().utc_micros()));
    std::string_view const token = call.keep(keys.session_token.reveal());
    http.field("x-amz-date", time);
    if (!token.empty()) http.field("x-amz-security-token", token);
    std::array<net::SigV4Request::Field, 4> const fields{{{"content-type", http_wire::json_type},
                                                          {"host", host_},
                                                          {"x-amz-date", time},
                                                          {"x-amz-security-token", token}}};
    std::string const path = prefix_ + std::string(http.path());
    net::SigV4Request const request{.method = http.method(),
                                    .path = path,
                                    .query = {},
                                    .fields = std::span(fields).first(token.empty() ? 3U : 4U),
                                    .body = http.pieces()};
    net::SigV4Scope const scope{.access_key_id = keys.access_key_id,
                                .secret_access_key = keys.secret_access_key.reveal(),
                                .region = region_,
                                .service = service_};
    http.field("authorization", call.keep(net::sigv4_authorization(request, scope, time)));
  }

 private:
  std::string region_;
  std::string_view service_;
  std::string host_, prefix_;  ///< Of the base URL.
};

/// To a wire what AccessToken is: fetches keys where there are none, and signs with them. Copies share the keys.
///
/// Keys that AWS no longer takes are dropped once for a call, and the error becomes one that a Retry asks again after.
/// Errors: those of AwsCredentialSource and RenewedCredential. Concurrency: any thread and loop.
class FetchedAwsSigner {
 public:
  FetchedAwsSigner(AwsSigner signer, AwsCredentials credentials)
      : signer_(std::move(signer)), credentials_(std::move(credentials)) {}

  Task<Result<void>> authorize(Call& call, net::HttpRequest& http) const {
    if (auto const held = credentials_.fresh(call.now())) {
      signer_.sign(*held, call, http);
      co_return Result<void>();
    }
    Result<AwsCredentials::Held> const held = co_await credentials_.get(call);
    if (!held) co_return fail(held.error());
    signer_.sign(**held, call, http);
    co_return Result<void>();
  }

  /// The error that `refusal`, the provider's answer to `http`, is to the call.
  Error after(Error refusal, Call const& call, net::HttpRequest const& http) const {
    if (!dialect::is_of_ended_credentials(refusal)) return refusal;
    std::string_view const used = key_id_in(http_wire::sent_field(http, "authorization"));
    bool const again =
        credentials_.refused([&](AwsKeys const& held) { return held.access_key_id == used; }, call);
    if (again)
      return Error(Errc::upstream_failed, "AWS no longer accepts the credentials; new ones are fetched",
                   Origin::upstream)
          .with_sent(Sent::yes)
          .with_retryable(true)
          .with_upstream_status(refusal.upstream_status())
          .with_upstream_message(refusal.upstream_message());
    AwsGiver const giver = credentials_.source().giver();
    std::string message("AWS does not accept the credentials that ");
    message.append(aws_giver::name_of(giver)).append(" has just given: ");
    return std::move(refusal).with_message(message.append(aws_giver::advice_for(giver)));
  }

 private:
  static std::string_view key_id_in(std::string_view authorization) noexcept {
    constexpr std::string_view before = "Credential=";
    auto const at = authorization.find(before);
    if (at == authorization.npos) return {};
    authorization.remove_prefix(at + before.size());
    return authorization.substr(0, authorization.find('/'));
  }

  AwsSigner signer_;
  AwsCredentials credentials_;
};

}  // namespace lowart
