#include "admin/auth_pages.hpp"

#include "identity/logins.hpp"

#include <lowart/gateway/door.hpp>
#include <lowart/gateway/local_call.hpp>
#include <lowart/gateway/query.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace lowart::server {

namespace {

constexpr std::string_view login_path = "/auth/login";
constexpr std::string_view refresh_path = "/auth/refresh";
constexpr std::string_view oidc_path = "/auth/oidc/login";
constexpr std::string_view callback_path = "/auth/oidc/callback";
constexpr std::string_view cookie_name = "lowart_login";
constexpr std::size_t most_body = std::size_t{64} << 10U;
constexpr std::int64_t second = 1'000'000;

std::string address_of(net::ServerRequest const& request) {
  std::string_view const address = net::address_of_peer(request.peer());
  return std::string(address.empty() ? request.peer() : address);
}

std::string page_of(LoggedIn const& in) {
  return json::serialize(json::object{{"access_token", in.access_token},
                                      {"token_type", "Bearer"},
                                      {"expires_in", in.expires_in},
                                      {"refresh_token", in.refresh_token.reveal()},
                                      {"user", in.user},
                                      {"role", in.role}});
}

Error wrong(std::string_view param, std::string message) {
  return Error(Errc::invalid_request, std::move(message), Origin::client).with_param(std::string(param));
}

/// The texts that a body must have, in the order of `names`.
Result<std::vector<std::string>> read_texts(std::string_view body,
                                            std::vector<std::string_view> const& names) {
  boost::system::error_code error;
  json::value const value = json::parse(body, error);
  auto const* const object = error ? nullptr : value.if_object();
  if (object == nullptr) return tl::unexpected<Error>(wrong("body", "the body is a JSON object"));
  std::vector<std::string> texts;
  for (std::string_view const name : names) {
    texts.emplace_back(text_in(*object, name));
    if (texts.back().empty())
      return tl::unexpected<Error>(wrong(name, "'" + std::string(name) + "' is needed, a text"));
  }
  return texts;
}

/// The value of our cookie; empty where there is none.
std::string_view cookie_in(std::string_view cookies) noexcept {
  while (!cookies.empty()) {
    std::string_view const one = cookies.substr(0, cookies.find("; "));
    if (one.starts_with(cookie_name) && one.substr(cookie_name.size()).starts_with('='))
      return one.substr(cookie_name.size() + 1);
    cookies.remove_prefix(std::min(one.size() + 2, cookies.size()));
  }
  return {};
}

/// A place among the few passwords that may wait to be verified; given back at the end of its scope.
class LoginPlace {
 public:
  explicit LoginPlace(std::atomic<int>& waiting) noexcept : waiting_(waiting), place_(++waiting) {}
  LoginPlace(LoginPlace const&) = delete;
  LoginPlace& operator=(LoginPlace const&) = delete;
  ~LoginPlace() { --waiting_; }
  bool is_given() const noexcept { return place_ <= most_waiting; }

 private:
  static constexpr int most_waiting = 8;
  std::atomic<int>& waiting_;
  int place_;
};

}  // namespace

void PendingLogins::add(OidcPending pending, std::int64_t utc_seconds) {
  std::lock_guard const lock(mutex_);
  while (!entries_.empty() && (entries_.size() >= most || entries_.front().since + lifetime < utc_seconds))
    entries_.pop_front();
  entries_.push_back({std::move(pending), utc_seconds});
}
std::optional<OidcPending> PendingLogins::take(std::string_view state, std::int64_t utc_seconds) {
  std::lock_guard const lock(mutex_);
  auto const found =
      std::ranges::find_if(entries_, [&](Entry const& one) { return one.pending.state == state; });
  if (found == entries_.end()) return std::nullopt;
  Entry entry = std::move(*found);
  entries_.erase(found);
  if (entry.since + lifetime < utc_seconds) return std::nullopt;
  return std::move(entry.pending);
}

bool AuthPages::has(std::string_view path) noexcept {
  if (!path.starts_with("/auth/")) return false;
  return path == login_path || path == refresh_path || path == oidc_path || path == callback_path;
}

Task<void> AuthPages::serve(Doors& doors, Snapshot const& snapshot, net::ServerRequest& request,
                            net::Responder& responder) {
  std::string_view const path = request.head().path();
  bool const is_oidc = path == oidc_path || path == callback_path;
  std::string_view const method = is_oidc ? "GET" : "POST";
  responder.field("cache-control", "no-store");
  if (request.head().method() != method) {
    co_await doors.method_not_allowed(request, responder, method);
    co_return;
  }
  if (is_oidc && !snapshot.oidc) {
    Error const none(Errc::not_found,
                     "no identity provider is configured: see 'login' in docs/configuration.md",
                     Origin::client);
    co_await doors.answer_error(request, responder, Error(none).with_param("path"));
    co_return;
  }
  if (path == oidc_path) co_await begin_oidc(doors, snapshot, request, responder);
  else if (path == callback_path) co_await end_oidc(doors, snapshot, request, responder);
  else co_await log_in(doors, request, responder, path == refresh_path);
}

Task<void> AuthPages::log_in(Doors& doors, net::ServerRequest& request, net::Responder& responder,
                             bool is_refresh) {
  Result<std::string_view> const body = co_await request.body(most_body);
  if (!body) {
    co_await doors.answer_error(request, responder, body.error());
    co_return;
  }
  std::vector<std::string_view> names{"user", "password"};
  if (is_refresh) names = {"refresh_token"};
  Result<std::vector<std::string>> texts = read_texts(*body, names);
  if (!texts) {
    co_await doors.answer_error(request, responder, texts.error());
    co_return;
  }
  LoginPlace const place(waiting_);
  if (!place.is_given()) {
    Error busy(Errc::overloaded, "too many people log in at this moment; try again", Origin::gateway);
    busy.with_retry_after(std::chrono::seconds(1));
    co_await doors.answer_error(request, responder, busy);
    co_return;
  }
  auto act = [is_refresh, user = texts->front(), secret = Secret(std::move(texts->back())),
              address = address_of(request), now = request.clock().utc_micros()](Administration& admin) {
    Logins logins(admin);
    return is_refresh ? logins.refresh(secret, address, now) : logins.by_password(user, secret, address, now);
  };
  Result<LoggedIn> const in = co_await desk_.ask(request.executor(), std::move(act));
  co_await answer(doors, in, request, responder);
}

Task<void> AuthPages::answer(Doors& doors, Result<LoggedIn> const& in, net::ServerRequest& request,
                             net::Responder& responder) {
  desk_.counts().count_login(in.has_value());
  if (!in) {
    co_await doors.answer_error(request, responder, in.error());
    co_return;
  }
  std::string const page = page_of(*in);
  co_await doors.answer_plain(request, responder, 200, "application/json", page);
}

Task<void> AuthPages::begin_oidc(Doors& doors, Snapshot const& snapshot, net::ServerRequest& request,
                                 net::Responder& responder) {
  LocalCall call(request.executor());
  Result<OidcRedirect> redirect = co_await snapshot.oidc->begin(*call);
  if (!redirect) {
    co_await doors.answer_error(request, responder, redirect.error());
    co_return;
  }
  bool const is_secure = snapshot.oidc->config().redirect_uri.starts_with("https:");
  std::string cookie(cookie_name);
  cookie.append("=")
      .append(redirect->pending.state)
      .append("; Path=/auth; Max-Age=600; HttpOnly; SameSite=Lax");
  if (is_secure) cookie.append("; Secure");
  responder.field("set-cookie", cookie).field("location", redirect->url);
  pending_.add(std::move(redirect->pending), request.clock().utc_micros() / second);
  co_await doors.answer_plain(request, responder, 302, "text/plain; charset=utf-8", "go on there\n");
}

Task<void> AuthPages::end_oidc(Doors& doors, Snapshot const& snapshot, net::ServerRequest& request,
                               net::Responder& responder) {
  std::string const state = percent_decoded(in_query(request.head().query(), "state"));
  std::string const code = percent_decoded(in_query(request.head().query(), "code"));
  std::string const refused = percent_decoded(in_query(request.head().query(), "error"));
  bool const is_this_browser = !state.empty() && cookie_in(request.head().fields().get("cookie")) == state;
  std::optional<OidcPending> pending;
  if (is_this_browser) pending = pending_.take(state, request.clock().utc_micros() / second);
  if (!pending || code.empty()) {
    Error const failed(Errc::unauthenticated,
                       !refused.empty() && pending
                           ? "the identity provider refused the login: " + refused.substr(0, 100)
                           : "this login was not begun here, or too long ago: begin at /auth/oidc/login",
                       Origin::client);
    co_await doors.answer_error(request, responder, failed);
    co_return;
  }
  LocalCall call(request.executor());
  OidcPending held = std::move(*pending);
  Result<OidcIdentity> identity = co_await snapshot.oidc->finish(code, std::move(held), *call);
  if (!identity) {
    co_await doors.answer_error(request, responder, identity.error());
    co_return;
  }
  auto act = [who = std::move(*identity), oidc = snapshot.oidc, address = address_of(request),
              now = request.clock().utc_micros()](Administration& admin) {
    return Logins(admin).by_identity(who, oidc->config(), address, now);
  };
  Result<LoggedIn> const in = co_await desk_.ask(request.executor(), std::move(act));
  co_await answer(doors, in, request, responder);
}

}  // namespace lowart::server
