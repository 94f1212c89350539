#include "request_pages.hpp"

#include "await_answer.hpp"
#include "request_query.hpp"
#include "usage_page.hpp"

#include <lowart/dialect/json_writer.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace lowart::server {

namespace {

constexpr std::string_view requests_path = "/admin/requests";
constexpr std::string_view conversations_path = "/v1/conversations";

using dialect::JsonWriter;

void write_entry(JsonWriter& w, RequestEntry const& e) {
  w.begin_object().text("id", e.id).text("time", dialect::rfc3339_exact(e.at));
  w.text_if("key", e.key).text_if("user", e.user).text_if("team", e.team).text_if("client", e.client);
  w.text("method", e.method).text("path", e.route).text_if("model", e.model).text_if("provider", e.provider);
  w.count("status", e.status)
      .text_if("outcome", e.outcome)
      .text_if("error", e.error)
      .text_if("detail", e.detail);
  w.count("attempts", e.attempts).count("duration_us", e.duration);
  if (e.first_token >= 0) w.count("first_token_us", e.first_token);
  w.count("input_tokens", e.input_tokens).count("output_tokens", e.output_tokens);
  w.text("cost_usd", format_usd(e.cost));
  w.text_if("conversation", e.conversation).text_if("cache", e.cache);
  if (!e.content.asked.empty()) w.raw("messages", e.content.asked);
  w.text_if("answer", e.content.answered);
  w.end_object();
}
void write_entry(JsonWriter& w, ConversationSummary const& c) {
  w.begin_object().text("id", c.id).text("key", c.key).text("model", c.model);
  w.text("first", dialect::rfc3339_exact(c.first_at)).text("last", dialect::rfc3339_exact(c.last_at));
  w.count("calls", c.calls).count("input_tokens", c.input_tokens).count("output_tokens", c.output_tokens);
  w.text("cost_usd", format_usd(c.cost)).end_object();
}
template <class T>
std::string list_page(RequestPage<T> const& page, std::string_view id = {}) {
  std::string body;
  JsonWriter w(body);
  w.begin_object().text("object", "list").text_if("id", id).begin_list("data");
  for (T const& entry : page.entries) write_entry(w, entry);
  w.end_list().flag("has_more", page.next.has_value());
  if (page.next) w.text("next", page.next->text());
  w.end_object();
  return body;
}

/// What the page of a path is, as the log's thread makes it.
Result<std::string> make_page(RequestLog& log, RequestQuery const& wish, std::string const& conversation,
                              bool lists_requests) {
  if (!lists_requests) {
    auto const page = log.conversations(wish.filter, wish.limit, wish.after);
    if (!page) return tl::unexpected(page.error());
    return list_page(*page);
  }
  auto page = log.page(wish.filter, wish.limit, wish.after);
  if (!page) return tl::unexpected(page.error());
  bool const unknown = page->entries.empty() && !page->next && !wish.after && !conversation.empty();
  if (unknown)
    return tl::unexpected(Error(Errc::not_found,
                                "there is no conversation '" + conversation + "' in the request log",
                                Origin::client)
                              .with_param("conversation_id"));
  if (!conversation.empty()) std::reverse(page->entries.begin(), page->entries.end());  // as it was said
  return list_page(*page, conversation);
}

/// Who may see what: nobody but an admin sees other keys' requests.
Result<RequestQuery> allowed_query(KeyEntry const& asks, net::ServerRequest const& request, bool for_admins) {
  if (for_admins && !asks.admin)
    return fail(Errc::permission_denied, "this page is for keys with 'admin: true'", Origin::client);
  if (asks.name.empty() && !asks.admin)
    return fail(Errc::permission_denied, "ask with the key that had the conversation: they are kept by key",
                Origin::client);
  Result<RequestQuery> wish = read_request_query(request.head().query());
  if (wish && !asks.admin) wish->filter.key = asks.name;
  return wish;
}

}  // namespace

bool is_request_page(std::string_view path) noexcept {
  if (path == requests_path || path == conversations_path) return true;
  bool const within = path.size() > conversations_path.size() + 1 && path.starts_with(conversations_path) &&
                      path[conversations_path.size()] == '/';
  return within && path.find('/', conversations_path.size() + 1) == std::string_view::npos;
}

Task<void> serve_request_page(RequestWriter* log, Doors& doors, KeyEntry const& asks,
                              net::ServerRequest& request, net::Responder& responder) {
  net::RequestHead const& head = request.head();
  bool const for_admins = head.path() == requests_path;
  Result<RequestQuery> wish = allowed_query(asks, request, for_admins);
  if (wish && log == nullptr)
    wish = fail(Errc::not_found, "there is no request log: switch it on with 'request_log: {keep: true}'",
                Origin::client);
  if (!wish) {
    co_await doors.answer_error(request, responder, wish.error());
    co_return;
  }
  bool const is_one = !for_admins && head.path() != conversations_path;
  std::string const conversation =
      is_one ? percent_decoded(head.path().substr(conversations_path.size() + 1)) : std::string();
  wish->filter.conversation = conversation;
  wish->filter.with_content = is_one;
  auto const ask = [&](auto answer) {
    log->query([wish = *wish, conversation, lists = for_admins || is_one](
                   RequestLog& files) { return make_page(files, wish, conversation, lists); },
               std::move(answer));
  };
  Result<std::string> const page = co_await await_answer<Result<std::string>>(request.executor(), ask);
  if (!page) {
    co_await doors.answer_error(request, responder, page.error());
    co_return;
  }
  co_await doors.answer_plain(request, responder, 200, "application/json", *page);
}

}  // namespace lowart::server
