#include "admin/admin_pages.hpp"

#include "admin/openapi.hpp"
#include "identity/logins.hpp"
#include "key_use.hpp"
#include "usage_query.hpp"

#include <lowart/gateway/door.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

namespace lowart::server {

namespace {

constexpr std::string_view document_path = "/openapi.json";
constexpr std::size_t most_body = std::size_t{1} << 20U;

/// What a client showed of itself, to be looked at on the desk's thread.
struct Shown {
  std::string token;    ///< Of a session; empty for keys.
  Actor actor;          ///< A key's: an owner, where it stands in the file.
  std::string account;  ///< The key's name, where it is one of the registry.
};

bool is_session_token(std::string_view presented) noexcept {
  return presented.starts_with("ey") && presented.find('.') != std::string_view::npos;
}

Error no_admin() {
  return Error(Errc::permission_denied, "this is for sessions, and for keys with 'admin: true'",
               Origin::client);
}

Result<Shown> look_at(Keyring const& keys, net::ServerRequest const& request) {
  std::string_view const presented = presented_key(request.head());
  Shown shown;
  shown.actor.address = net::address_of_peer(request.peer());
  if (shown.actor.address.empty()) shown.actor.address = request.peer();
  if (is_session_token(presented)) {
    shown.token = presented;
    return shown;
  }
  if (keys.open())
    return fail(Errc::unauthenticated, "without keys there is no administration", Origin::client);
  auto const key = known_key(keys, request);
  if (!key) return tl::unexpected(key.error());
  shown.actor.name = "key " + (*key)->name;
  shown.actor.user = (*key)->user();
  shown.actor.role = Role::owner;
  shown.account = (*key)->id;
  if (shown.account.empty() && !(*key)->admin) return tl::unexpected<Error>(no_admin());
  return shown;
}

/// Who it is, with the role of this moment.
Result<Actor> actor_of(Administration& admin, Shown const& shown, std::int64_t now) {
  if (!shown.token.empty()) return Logins(admin).actor_of(shown.token, shown.actor.address, now);
  if (shown.account.empty()) return shown.actor;
  auto const key = admin.registry().find(ResourceKind::key, shown.account);
  if (!key) return tl::unexpected(key.error());
  auto const* const flag = *key ? (*key)->body.if_contains("admin") : nullptr;
  if (flag == nullptr || !flag->is_bool() || !flag->get_bool()) return tl::unexpected<Error>(no_admin());
  Actor actor = shown.actor;
  actor.role = Role::admin;
  auto const user = admin.registry().find(ResourceKind::user, actor.user);
  if (!user) return tl::unexpected(user.error());
  if (*user) actor.role = role_named(text_in((*user)->body, "role")).value_or(Role::member);
  return actor;
}

}  // namespace

bool AdminPages::has(std::string_view path) {
  bool const may_be = path.starts_with("/admin/") || path.starts_with("/auth/");
  if (!may_be) return path == document_path;  // calls come by here as well
  auto const found = find_operation("GET", path);
  return found.operation != nullptr || !found.allow.empty();
}

bool AdminPages::is_of_session(net::ServerRequest const& request) noexcept {
  return is_session_token(presented_key(request.head()));
}

Task<Result<KeyEntry>> AdminPages::entry_of_session(net::ServerRequest& request) {
  auto act = [this, token = std::string(presented_key(request.head())),
              now = request.clock().utc_micros()](Administration& admin) -> Result<KeyEntry> {
    auto const actor = Logins(admin).actor_of(token, {}, now);
    return actor ? Result<KeyEntry>(desk_.entry_of(*actor)) : tl::unexpected(actor.error());
  };
  return desk_.ask(request.executor(), std::move(act));
}

Task<void> AdminPages::serve(Doors& doors, Snapshot const& snapshot, net::ServerRequest& request,
                             net::Responder& responder) {
  std::string_view const path = request.head().path();
  if (path == document_path) {
    if (Doors::only_reads(request))
      co_await doors.answer_plain(request, responder, 200, "application/json", openapi());
    else co_await doors.method_not_allowed(request, responder, "GET");
    co_return;
  }
  Result<Shown> shown = look_at(snapshot.keys, request);
  if (!shown) {
    co_await doors.answer_error(request, responder, shown.error());
    co_return;
  }
  Result<std::string_view> const body = co_await request.body(most_body);
  if (!body) {
    co_await doors.answer_error(request, responder, body.error());
    co_return;
  }
  // Again, now that there is what a signature is over.
  if (shown->token.empty())
    if (auto const holds = doors.key_of(snapshot.keys, request); !holds) {
      co_await doors.answer_error(request, responder, holds.error());
      co_return;
    }
  RawRequest raw;
  raw.method = request.head().method();
  raw.path = path;
  raw.query = request.head().query();
  raw.body = *body;
  raw.if_match = request.head().fields().get("if-match");
  std::int64_t const now = request.clock().utc_micros();
  auto act = [raw = std::move(raw), shown = std::move(*shown),
              now](Administration& admin) -> Result<RawAnswer> {
    auto const actor = actor_of(admin, shown, now);
    return actor ? admin.perform(*actor, raw, now) : tl::unexpected(actor.error());
  };
  bool const reads = Doors::only_reads(request);
  Result<RawAnswer> answer = co_await desk_.ask(request.executor(), std::move(act));
  desk_.counts().count(!reads, answer);
  if (!answer) {
    bool const is_method = answer.error().code() == Errc::method_not_allowed;
    if (is_method) responder.field("allow", answer.error().param());
    co_await doors.answer_error(request, responder, answer.error());
    co_return;
  }
  bool const shows_keys = reads && (path.starts_with("/admin/keys") || path.starts_with("/auth/keys"));
  if (shows_keys) answer->body = co_await with_last_use(request.executor(), std::move(answer->body));
  // Who is answered finds the change at work, whichever loop serves him next.
  if (!reads) co_await until_everywhere(request.executor());
  if (!answer->etag.empty()) responder.field("etag", answer->etag);
  responder.field("cache-control", "no-store");
  std::string_view const type = answer->status == 204 ? std::string_view() : answer->content_type;
  co_await doors.answer_plain(request, responder, answer->status, type, answer->body);
}

/// The body as it is, where the records cannot be asked.
Task<std::string> AdminPages::with_last_use(asio::any_io_executor executor, std::string body) {
  auto question = [body](SqliteStore& store) -> Result<std::string> {
    json::value answer = json::parse(body);
    if (auto done = add_last_use(store, answer.as_object()); !done)
      return tl::unexpected(std::move(done).error());
    return json::serialize(answer);
  };
  Result<std::string> told = co_await ask_store(folder_, std::move(executor), std::move(question));
  co_return told ? std::move(*told) : std::move(body);
}

/// What the desk told went to the first loop, and from there to all: who goes the same way comes behind it.
Task<void> AdminPages::until_everywhere(asio::any_io_executor executor) {
  auto ask = [this](auto answer) {
    asio::post(runtime_.loop(0), [this, answer = std::move(answer)]() mutable {
      auto const left = std::make_shared<std::atomic<std::size_t>>(runtime_.size());
      auto const told = std::make_shared<decltype(answer)>(std::move(answer));
      for (std::size_t i = 0; i < runtime_.size(); ++i)
        asio::post(runtime_.loop(i), [left, told] {
          if (left->fetch_sub(1) == 1) (*told)(true);
        });
    });
  };
  bool const done = co_await await_answer<bool>(std::move(executor), std::move(ask));
  static_cast<void>(done);
}

}  // namespace lowart::server
