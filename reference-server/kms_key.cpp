#include "kms_key.hpp"

#include "registry/resource.hpp"

#include <lowart/gateway/local_call.hpp>
#include <lowart/net/http_client.hpp>
#include <lowart/provider/token_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <optional>
#include <utility>

namespace lowart::server {

namespace {

tl::unexpected<Error> failed(KmsConfig const& config, std::string why) {
  return fail(Errc::config_invalid,
              "the master key could not be unwrapped by '" + config.url + "': " + std::move(why));
}

/// "https://HOST/v1/x" into the part that is connected to, and the path.
std::pair<std::string, std::string> split(std::string const& url) {
  auto const scheme = url.find("://");
  auto const slash = scheme == url.npos ? url.npos : url.find('/', scheme + 3);
  if (slash == url.npos) return {url, "/"};
  return {url.substr(0, slash), url.substr(slash)};
}

Result<Secret> read_answer(KmsConfig const& config, TokenServerAnswer const& answer) {
  if (answer.status != 200)
    return failed(config, "it answered with the status " + std::to_string(answer.status));
  boost::system::error_code error;
  json::value const value = json::parse(answer.text.reveal(), error);
  auto const* object = error ? nullptr : value.if_object();
  if (object != nullptr)
    if (auto const* data = object->if_contains("data"); data != nullptr && data->is_object())
      object = &data->get_object();
  if (object == nullptr || text_in(*object, "plaintext").empty())
    return failed(config, "its answer has no 'plaintext'");
  return Secret(std::string(text_in(*object, "plaintext")));
}

Task<void> ask(KmsConfig const& config, asio::any_io_executor executor, std::optional<Result<Secret>>& out) {
  auto const [server, path] = split(config.url);
  auto transport = net::HttpTransport::make(server, net::HttpOptions{.ca_file = config.ca_file});
  if (!transport) {
    out = failed(config, transport.error().message());
    co_return;
  }
  net::AnyTransport any(*std::move(transport));
  LocalCall call(executor);
  Alarm alarm(
      call->clock(), [](void* self) { static_cast<Call*>(self)->interrupt(Errc::whole_timeout); }, &*call);
  alarm.set_in(std::chrono::seconds(10));
  std::string const body = json::serialize(json::object{{"ciphertext", config.wrapped_key}});
  std::string const bearer = "Bearer " + std::string(config.token.reveal());
  net::HttpRequest request("POST", path);
  request.field("content-type", "application/json").body(body);
  if (!config.token.empty())
    request.field("authorization", bearer).field("x-vault-token", config.token.reveal());
  std::string const what = "the key service ";
  Result<TokenServerAnswer> const answer = co_await ask_token_server(any, request, what, *call);
  out = answer ? read_answer(config, *answer) : failed(config, answer.error().message());
}

}  // namespace

Result<Secret> unwrap_master_key(KmsConfig const& config) {
  asio::io_context loop(1);
  std::optional<Result<Secret>> answer;
  asio::co_spawn(loop, ask(config, loop.get_executor(), answer), asio::detached);
  loop.run();
  return answer ? std::move(*answer) : failed(config, "it did not answer");
}

}  // namespace lowart::server
