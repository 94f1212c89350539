#pragma once
/// Doors: finds the door for a request: chat, embeddings, counts of tokens, other operations, models,
/// health, metrics.

#include <lowart/gateway/chat_door.hpp>
#include <lowart/gateway/client_dialects.hpp>
#include <lowart/gateway/count_clients.hpp>
#include <lowart/gateway/embedding_clients.hpp>
#include <lowart/gateway/model_list.hpp>
#include <lowart/gateway/model_page.hpp>
#include <lowart/gateway/ollama_pages.hpp>
#include <lowart/gateway/operation_door.hpp>
#include <lowart/gateway/passthrough_door.hpp>
#include <lowart/gateway/query.hpp>
#include <lowart/gateway/response_door.hpp>
#include <lowart/gateway/whole_door.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// Everything a gateway answers, on one event loop.
class Doors {
 public:
  /// `responses`: where answers are kept for clients that go on from them; null: nowhere. Outlives the doors.
  Doors(Metrics& metrics, std::size_t loop, Clock& clock, int log_fd, DoorLimits limits = {},
        ResponseStore* responses = nullptr)
      : metrics_(metrics),
        responses_(responses),
        loop_(metrics.shard(loop), clock, log_fd),
        chat_(loop_, limits, responses),
        whole_(loop_, limits, responses),
        operation_(loop_, limits),
        passthrough_(loop_, limits),
        response_(loop_) {}

  /// Answers the request if it is one of ours; false, with nothing sent, when no door has this path.
  template <Provider P>
  Task<bool> serve(P& answer, Keyring const& keys, std::vector<ModelCard> const& models,
                   net::ServerRequest& request, net::Responder& responder) {
    std::string_view const path = request.head().path();
    if (request.head().method() != "POST") return serve_rest(keys, models, request, responder);
    if (auto const* client = find_chat_client(path))
      return serve_at<ChatRequest>(chat_, answer, keys, *client, request, responder);
    if (auto const* client = find_embedding_client(path))
      return serve_at<EmbeddingRequest>(whole_, answer, keys, *client, request, responder);
    if (auto const* client = find_count_client(path))
      return serve_at<CountRequest>(whole_, answer, keys, *client, request, responder);
    if (auto const* client = find_operation_client(path))
      return serve_at<OperationRequest>(operation_, answer, keys, *client, request, responder);
    return serve_rest(keys, models, request, responder);
  }

  /// Answers a request for /passthrough/{provider}/...
  template <class P>
    requires Serves<P, PassthroughRequest>
  Task<void> serve_passthrough(P& answer, Keyring const& keys, net::ServerRequest& request,
                               net::Responder& responder) {
    if (PassthroughDoor::takes(request.head().method()))
      return passthrough_.serve(answer, keys, request, responder);
    return method_not_allowed(request, responder, PassthroughDoor::methods);
  }

  /// GET /health, /ready and /metrics, which need no key. `ready` false answers /ready with 503.
  Task<bool> serve_operator(bool ready, std::function<void(PrometheusText&)> const& more_metrics,
                            net::ServerRequest& request, net::Responder& responder) {
    std::string_view const path = request.head().path();
    if (path == "/health") {
      co_await answer_plain(request, responder, 200, "application/json", R"({"status":"ok"})");
    } else if (path == "/ready") {
      std::string_view const body = ready ? R"({"status":"ready"})" : R"({"status":"draining"})";
      co_await answer_plain(request, responder, ready ? 200 : 503, "application/json", body);
    } else if (path == "/metrics") {
      PrometheusText text;
      metrics_.render(text);
      if (responses_ != nullptr) responses_->render(text);
      if (more_metrics) more_metrics(text);
      std::string const body = text.take();
      co_await answer_plain(request, responder, 200, "text/plain; version=0.0.4; charset=utf-8", body);
    } else {
      co_return false;
    }
    co_return true;
  }

  /// For a path that nothing has.
  Task<void> not_found(net::ServerRequest& request, net::Responder& responder) {
    std::string message = "nothing is at ";
    message.append(request.head().method()).append(" ").append(request.head().path().substr(0, 200));
    message.append(
        "; POST /v1/chat/completions, /v1/completions, /v1/responses, /v1/messages, /v1/embeddings and "
        "/api/chat and GET /v1/models are here");
    Error const error = Error(Errc::not_found, std::move(message), Origin::client).with_param("path");
    co_await answer_error(request, responder, error);
  }
  /// For a path that takes the methods `allow` only.
  Task<void> method_not_allowed(net::ServerRequest& request, net::Responder& responder,
                                std::string_view allow) {
    responder.field("allow", allow);
    Error const error(Errc::method_not_allowed, "this path takes " + std::string(allow) + " only",
                      Origin::client);
    co_await answer_error(request, responder, error);
  }
  /// Whether the models are asked for: their list, or one of them.
  static bool asks_for_models(net::ServerRequest const& request) noexcept {
    std::string_view const path = request.head().path();
    if (path == ollama_pages::show) return request.head().method() == "POST";
    return only_reads(request) && (is_models_path(path) || path == ollama_pages::tags);
  }
  /// Whether a request changes nothing: what pages are asked with.
  static bool only_reads(net::ServerRequest const& request) noexcept {
    std::string_view const method = request.head().method();
    return method == "GET" || method == "HEAD";
  }
  /// While the gateway drains, for requests that come over connections that are still open.
  Task<void> shutting_down(net::ServerRequest& request, net::Responder& responder) {
    Error const error =
        Error(Errc::shutting_down, "the gateway is shutting down").with_retry_after(wait_for_another);
    co_await answer_error(request, responder, error);
  }
  /// An error in the dialect that the path belongs to, counted and logged.
  Task<void> answer_error(net::ServerRequest& request, net::Responder& responder, Error const& error) {
    RequestId const id(loop_.random);
    auto const reply = client_of(request.head()).error(error, id.view());
    if (!reply.retry_after.empty()) responder.field("retry-after", reply.retry_after);
    if (!reply.retry_after_ms.empty()) responder.field("retry-after-ms", reply.retry_after_ms);
    if (!reply.should_retry.empty()) responder.field("x-should-retry", reply.should_retry);
    co_await answer_as(id, request, responder, reply.status, "application/json", reply.body,
                       to_string(error.code()));
  }
  /// A whole answer, counted and logged.
  Task<void> answer_plain(net::ServerRequest& request, net::Responder& responder, int status,
                          std::string_view content_type, std::string_view body, std::string_view error = {}) {
    RequestId const id(loop_.random);
    co_await answer_as(id, request, responder, status, content_type, body, error);
  }

  /// The key that a page is asked with. Once for each request. Errors: Door's.
  Result<KeyEntry const*> key_of(Keyring const& keys, net::ServerRequest& request) {
    return lowart::key_of(keys, request, loop_.nonces);
  }

  LoopState& loop() noexcept { return loop_; }

 private:
  Task<void> answer_as(RequestId const& id, net::ServerRequest& request, net::Responder& responder,
                       int status, std::string_view content_type, std::string_view body,
                       std::string_view error) {
    auto const started = request.clock().now();
    responder.field("x-request-id", id.view());
    auto const sent = co_await responder.send(status, content_type, body);
    std::string const code = std::to_string(status);
    std::string_view const route = status == 404 ? std::string_view("other") : request.head().path();
    loop_.metrics.http_requests.at({known_route(route), code}).add();
    if (status < 400) co_return;
    AccessEntry entry;
    entry.at_utc_us = request.clock().utc_micros();
    entry.request_id = id.view();
    entry.peer = request.peer();
    entry.method = request.head().method();
    entry.path = request.head().path().substr(0, 200);
    entry.status = status;
    entry.duration_us =
        std::chrono::duration_cast<std::chrono::microseconds>(request.clock().now() - started).count();
    entry.error = error;
    entry.outcome = sent ? "" : "client_left";
    loop_.log.write(entry);
  }

  static constexpr std::size_t model_word = std::string_view("/models/").size();
  static constexpr std::chrono::seconds wait_for_another{1};

  /// A label that a client cannot choose.
  static std::string_view known_route(std::string_view path) noexcept {
    if (auto const* client = find_chat_client(path)) return client->route;
    if (auto const* client = find_embedding_client(path)) return client->route;
    if (auto const* client = find_count_client(path)) return client->route;
    if (auto const* client = find_operation_client(path)) return client->route;
    if (path.starts_with(PassthroughPath::prefix)) return "/passthrough";
    if (ollama_pages::is_known(path)) return path;
    if (is_models_path(path)) return path.starts_with("/v1beta") ? "/v1beta/models" : "/v1/models";
    for (std::string_view known :
         {"/health", "/ready", "/metrics", "/v1/models", "/v1/quota", "/admin/breakers", "/admin/overview"})
      if (path == known) return known;
    for (std::string_view known : {"/v1/usage", "/v1/conversations", "/admin/requests", "/admin/", "/auth/"})
      if (path.starts_with(known)) return known;
    return "other";
  }

  template <Request R, class D, Provider P, class Client>
  Task<bool> serve_at(D& door, P& answer, Keyring const& keys, Client const& client,
                      net::ServerRequest& request, net::Responder& responder) {
    if constexpr (Serves<P, R>) return door.serve(answer, keys, client, request, responder);
    else return nobody_serves(R::operation, request, responder);
  }
  /// For a door that this gateway's provider has nothing behind.
  Task<bool> nobody_serves(std::string_view operation, net::ServerRequest& request,
                           net::Responder& responder) {
    Error const error(Errc::not_found, "no provider of this gateway serves " + std::string(operation),
                      Origin::client);
    co_await answer_error(request, responder, error);
    co_return true;
  }

  /// The doors that no call goes through, and the wrong method at those.
  Task<bool> serve_rest(Keyring const& keys, std::vector<ModelCard> const& models,
                        net::ServerRequest& request, net::Responder& responder) {
    std::string_view const path = request.head().path();
    std::string_view const method = request.head().method();
    if (takes_calls(path)) {
      co_await method_not_allowed(request, responder, "POST");
      co_return true;
    }
    std::string_view const kept = kept_response(path);
    if (!kept.empty() && ResponseDoor::takes(method))
      co_return co_await response_.serve(*responses_, keys, percent_decoded(kept), request, responder);
    if (!kept.empty()) {
      co_await method_not_allowed(request, responder, ResponseDoor::methods);
      co_return true;
    }
    if (path == ollama_pages::show) {
      co_await show_to_ollama(keys, models, request, responder);
      co_return true;
    }
    bool const is_page = ollama_pages::is_page(path);
    if (!is_page && !is_models_path(path)) co_return false;
    if (!only_reads(request)) {
      co_await method_not_allowed(request, responder, "GET");
      co_return true;
    }
    if (is_page) {
      co_await tell_ollama(keys, models, request, responder);
      co_return true;
    }
    std::string_view const name = path.substr(std::min(path.size(), path.find("/models") + model_word));
    std::string const asked = percent_decoded(name);
    co_await show_models(keys, models, asked, request, responder);
    co_return true;
  }

  /// The id in the path of a response, as it stands there; empty for other paths, and where none are kept.
  std::string_view kept_response(std::string_view path) const noexcept {
    if (responses_ == nullptr || !path.starts_with(ResponseDoor::prefix)) return {};
    std::string_view const id = path.substr(ResponseDoor::prefix.size());
    return id.find('/') == std::string_view::npos ? id : std::string_view();
  }
  static bool takes_calls(std::string_view path) noexcept {
    return find_chat_client(path) != nullptr || find_embedding_client(path) != nullptr ||
           find_count_client(path) != nullptr || find_operation_client(path) != nullptr;
  }

  /// The pages of Ollama's API. That it is there, and how new, needs no key.
  Task<void> tell_ollama(Keyring const& keys, std::vector<ModelCard> const& models,
                         net::ServerRequest& request, net::Responder& responder) {
    std::string_view const path = request.head().path();
    if (path == ollama_pages::tags) {
      co_await show_models(keys, models, {}, request, responder);
      co_return;
    }
    if (path == ollama_pages::loaded && !keys.open()) {
      auto const key = key_of(keys, request);
      if (!key) {
        co_await answer_error(request, responder, key.error());
        co_return;
      }
    }
    bool const is_root = path == ollama_pages::root;
    std::string_view const type = is_root ? "text/plain; charset=utf-8" : "application/json";
    std::string_view body =
        path == ollama_pages::version ? ollama_pages::version_page : ollama_pages::loaded_page;
    if (is_root) body = ollama_pages::greeting;
    co_await answer_plain(request, responder, 200, type, body);
  }
  /// POST /api/show: one model, for a key that may use it.
  Task<void> show_to_ollama(Keyring const& keys, std::vector<ModelCard> const& models,
                            net::ServerRequest& request, net::Responder& responder) {
    constexpr std::size_t longest = std::size_t{64} << 10U;
    if (request.head().method() != "POST") {
      co_await method_not_allowed(request, responder, "POST");
      co_return;
    }
    Result<std::string_view> const body = co_await request.body(longest);
    Result<std::string> wanted = body ? ollama_pages::wanted_model(*body) : fail(body.error());
    if (!wanted) {
      co_await answer_error(request, responder, wanted.error());
      co_return;
    }
    co_await show_models(keys, models, *wanted, request, responder);
  }

  /// `wanted`: the one model that is asked for; empty for the list. Either shows a key only what it may use.
  Task<void> show_models(Keyring const& keys, std::vector<ModelCard> const& models, std::string_view wanted,
                         net::ServerRequest& request, net::Responder& responder) {
    KeyEntry const* key = nullptr;
    if (!keys.open()) {
      auto const found = key_of(keys, request);
      if (!found) {
        co_await answer_error(request, responder, found.error());
        co_return;
      }
      key = *found;
    }
    Dialect const asker = client_of(request.head()).dialect;
    std::vector<ModelCard const*> shown;
    for (auto const& card : models) {
      bool const allowed = key == nullptr || key->allows(card.id);
      bool const meant = wanted.empty() ? is_listed(card, asker) : card.id == wanted;
      if (allowed && meant) shown.push_back(&card);
    }
    if (!wanted.empty() && shown.empty()) {
      std::string message = "the model '";
      message.append(wanted.substr(0, 200)).append("' does not exist here");
      Error const error = Error(Errc::not_found, std::move(message), Origin::client).with_param("model");
      co_await answer_error(request, responder, error);
      co_return;
    }
    Result<std::string> const body =
        wanted.empty() ? list_page(asker, request.head().query(), shown) : one_page(asker, *shown.front());
    if (!body) {
      co_await answer_error(request, responder, body.error());
      co_return;
    }
    co_await answer_plain(request, responder, 200, "application/json", *body);
  }

  static std::string one_page(Dialect asker, ModelCard const& card) {
    return asker == Dialect::ollama ? ollama_pages::show_page(card) : encode_model(asker, card);
  }
  static Result<std::string> list_page(Dialect asker, std::string_view query,
                                       std::vector<ModelCard const*> const& cards) {
    Result<ModelPageWish> const wish = read_model_page_wish(asker, query);
    if (!wish) return fail(wish.error());
    Result<ModelPage> const page = find_model_page(*wish, cards);
    if (!page) return fail(page.error());
    return encode_model_list(asker, *page);
  }

  Metrics& metrics_;
  ResponseStore* responses_;
  LoopState loop_;
  ChatDoor chat_;
  WholeDoor whole_;
  OperationDoor operation_;
  PassthroughDoor passthrough_;
  ResponseDoor response_;
};

}  // namespace lowart
