#pragma once
/// ask_token_server(): one question to a server that gives credentials, and what its failures are to a call.

#include <lowart/core/call.hpp>
#include <lowart/core/secret.hpp>
#include <lowart/dialect/retry_after.hpp>
#include <lowart/dialect/upstream_error.hpp>
#include <lowart/net/transport.hpp>
#include <lowart/provider/whole_body.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

struct TokenServerAnswer {
  int status{0};
  Secret text;
  std::string retry_after;
};

namespace token_server {

/// `what`: "no access token for 'a': the token server ".
inline Error unreachable(std::string what, Error const& error) {
  return Error(error.code(), std::move(what) + "could not be asked: " + error.message(), Origin::upstream)
      .with_retryable(true);
}

/// An answer that is no credential: `why` quotes nothing of it.
inline Error malformed(std::string what, std::string_view why) {
  return Error(Errc::malformed_reply, std::move(what).append("sent an answer that is none: ").append(why),
               Origin::upstream)
      .with_retryable(true);
}

/// An answer with another status than 200. `words` are of a known shape, `text` is the server's own; `advice` is what to
/// do when it refuses.
inline Error refusal(std::string what, TokenServerAnswer const& answer, std::string_view words,
                     std::string text, std::string_view advice, Call const& call) {
  int const status = answer.status;
  bool const passes = status == 408 || status == 429 || status >= 500;
  std::string message = std::move(what) + (passes ? "failed" : "refused");
  message.append(" (status ").append(std::to_string(status));
  if (!words.empty()) message.append(", ").append(words);
  message.append(")");
  if (!passes) message.append(": ").append(advice);
  Error error(passes ? Errc::upstream_failed : Errc::upstream_auth, std::move(message), Origin::upstream);
  error.with_retryable(passes).with_upstream_status(status);
  if (!passes) return error.with_upstream_message(std::move(text));
  auto const wait = dialect::parse_retry_after(answer.retry_after, call.clock().utc_micros());
  if (wait) error.with_retry_after(*wait);
  return error;
}

}  // namespace token_server

/// Sends `http` and gathers the answer, of 64 KiB at most: what is longer is cut there. Errors: the server could not be
/// asked, retryable.
inline Task<Result<TokenServerAnswer>> ask_token_server(net::AnyTransport& transport,
                                                        net::HttpRequest const& http, std::string what,
                                                        Call& call) {
  constexpr std::size_t most_bytes = 64U << 10U;
  Result<ArenaPtr<net::Exchange>> exchange = co_await transport.exchange(http, call);
  if (!exchange) co_return fail(token_server::unreachable(std::move(what), exchange.error()));
  TokenServerAnswer answer;
  answer.status = (*exchange)->status();
  answer.retry_after = (*exchange)->field("retry-after");
  WholeBody body(std::move(*exchange), most_bytes, call);
  for (bool more = true; more;) {
    Result<std::span<char>> piece = co_await body.read();
    if (!piece) co_return fail(token_server::unreachable(std::move(what), piece.error()));
    more = body.take(*piece);
  }
  answer.text = Secret(std::string(body.text()));
  co_return answer;
}

}  // namespace lowart
