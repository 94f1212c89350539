#pragma once
/// The door to responses that are kept: GET and DELETE /v1/responses/{id}.

#include <lowart/gateway/door.hpp>
#include <lowart/gateway/response_store.hpp>
#include <lowart/gateway/responses_client.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace lowart {

/// Reads and forgets what ChatDoor has kept, for the key that asked for it. A request here counts against the key's
/// requests and places as a call does; it uses no tokens, and no provider hears of it.
class ResponseDoor : public Door {
 public:
  static constexpr std::string_view prefix = "/v1/responses/";
  static constexpr std::string_view route = "/v1/responses/{id}";
  static constexpr std::string_view methods = "GET, DELETE";

  explicit ResponseDoor(LoopState& loop) noexcept : Door(loop, {}) {}

  static bool takes(std::string_view method) noexcept {
    return method == "GET" || method == "HEAD" || method == "DELETE";
  }

  /// `id` is decoded. Answers whatever happens; so always true, as Doors::serve says of a door that was found.
  Task<bool> serve(ResponseStore& store, Keyring const& keys, std::string id, net::ServerRequest& request,
                   net::Responder& responder) {
    ArenaPtr<Visit> const visit =
        make_visit<Visit>(request, loop(), responses_client_dialect, route, request, responder);
    std::shared_ptr<StoredResponse const> found;
    std::string deleted;
    bool const known = identify(*visit, keys) && take_body(*visit, body_that_was_read(request));
    if (known && let_in(*visit)) {
      if (request.head().method() == "DELETE") deleted = forget(*visit, store, id);
      else found = read(*visit, store, id);
    }
    if (visit->failure) {
      co_await refuse(*visit);
    } else {
      visit->status = 200;
      std::string_view const body = found ? std::string_view(found->response) : std::string_view(deleted);
      auto const sent = co_await responder.send(visit->status, "application/json", body);
      visit->outcome = sent ? std::string_view() : std::string_view("client_left");
    }
    finish(*visit);
    co_return true;
  }

 private:
  bool let_in(Visit& visit) {
    auto const now = visit.request.clock().now();
    Result<Admission> const admission = reserve(visit, DoorKind::passthrough, {}, now);
    return admission || visit.fails(admission.error());
  }
  static std::shared_ptr<StoredResponse const> read(Visit& visit, ResponseStore& store,
                                                    std::string const& id) {
    if (in_query(visit.request.head().query(), "stream") == "true") {
      Error error(Errc::unsupported, "a response that is kept is not streamed again", Origin::client);
      visit.fails(std::move(error).with_param("stream"));
      return nullptr;
    }
    auto found = store.get(owner_of(visit), id, visit.started_at);
    if (!found) visit.fails(response_not_found(id.substr(0, longest_shown)));
    return found;
  }
  static std::string forget(Visit& visit, ResponseStore& store, std::string const& id) {
    if (store.erase(owner_of(visit), id, visit.started_at)) return deleted_response_body(id);
    visit.fails(response_not_found(id.substr(0, longest_shown)));
    return {};
  }
};

}  // namespace lowart
