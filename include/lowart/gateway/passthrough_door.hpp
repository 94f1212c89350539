#pragma once
/// The door to the rest of a vendor's API: /passthrough/{provider}/...

#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/gateway/client_dialects.hpp>
#include <lowart/gateway/passing_door.hpp>
#include <lowart/model/passthrough.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Where a request is for: "/passthrough/openai/files/f-1" is /files/f-1 of "openai".
struct PassthroughPath {
  std::string_view provider;
  std::string_view rest;  ///< Begins with '/', or is empty.

  static constexpr std::string_view prefix = "/passthrough/";

  static std::optional<PassthroughPath> of(std::string_view path) noexcept {
    if (!path.starts_with(prefix)) return std::nullopt;
    path.remove_prefix(prefix.size());
    auto const end = std::min(path.find('/'), path.size());
    return PassthroughPath{path.substr(0, end), path.substr(end)};
  }
};

/// Whether a path means the same to everybody: no empty, "." or ".." segment, and no slash, backslash, dot or control
/// character that is escaped.
inline bool is_plain_path(std::string_view path) noexcept {
  if (!path.starts_with('/') || path.find('\\') != path.npos) return false;
  while (!path.empty()) {
    path.remove_prefix(1);
    std::string_view const segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    if (segment == "." || segment == ".." || (segment.empty() && !path.empty())) return false;
    for (std::size_t at = segment.find('%'); at != segment.npos; at = segment.find('%', at + 1)) {
      std::string_view const digits = segment.substr(at + 1, 2);
      bool const is_hidden = digits.size() < 2 || digits[0] == '0' || digits[0] == '1' || digits == "2e" ||
                             digits == "2E" || digits == "2f" || digits == "2F" || digits == "5c" ||
                             digits == "5C" || digits == "7f" || digits == "7F";
      if (is_hidden) return false;
    }
  }
  return true;
}

/// Answers as ChatDoor does, and counts and logs the same; a call is one of the model "passthrough/NAME". JSON that is
/// not longer than a body may be is read whole, so that the model it names is known; anything else passes by.
class PassthroughDoor : public PassingDoor {
 public:
  static constexpr std::string_view methods = "GET, HEAD, POST, PUT, PATCH, DELETE";

  explicit PassthroughDoor(LoopState& loop, DoorLimits limits = {}) noexcept
      : PassingDoor(loop, std::move(limits)) {}

  static bool takes(std::string_view method) noexcept {
    constexpr std::array<std::string_view, 6> known{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    return std::find(known.begin(), known.end(), method) != known.end();
  }

  /// A request whose path PassthroughPath knows. Answers whatever happens.
  template <class P>
    requires Serves<P, PassthroughRequest>
  Task<void> serve(P& answer, Keyring const& keys, net::ServerRequest& request, net::Responder& responder) {
    ClientDialect const& manners = manners_of(request);
    ArenaPtr<PassVisit> const visit =
        make_visit<PassVisit>(request, loop(), manners, "/passthrough", request, responder);
    bool admitted = identify(*visit, keys);
    if (admitted) {
      std::string_view body;
      if (is_held(request) || visit->must_be_signed()) {
        Result<std::string_view> const read = co_await request.body(limits().body_bytes);
        admitted = take_body(*visit, read);
        if (read) body = *read;
      }
      admitted = admitted && admit(*visit, body, answer);
    }
    if (admitted) co_await ask_and_relay(answer, *visit);
    if (visit->failure) co_await refuse(*visit);
    finish(*visit);
  }

 private:
  using Field = std::pair<std::string_view, std::string_view>;
  struct PassVisit : PassingVisit<PassthroughRequest> {
    using PassingVisit::PassingVisit;
    std::string query;
    std::string named_model;
    std::string own_model;  ///< "passthrough/NAME".
    std::array<Field, 9> fields{};
  };
  /// What of a client's head the provider gets.
  static constexpr std::array<std::string_view, 9> passed_fields{"accept",
                                                                 "range",
                                                                 "if-none-match",
                                                                 "if-match",
                                                                 "if-modified-since",
                                                                 "openai-beta",
                                                                 "anthropic-version",
                                                                 "anthropic-beta",
                                                                 "idempotency-key"};

  static ClientDialect const& manners_of(net::ServerRequest const& request) {
    bool const is_anthropic = !request.head().fields().get("anthropic-version").empty();
    return is_anthropic ? anthropic_client_dialect : openai_chat_client;
  }
  bool is_held(net::ServerRequest const& request) const {
    auto const length = request.head().content_length();
    return length && *length <= limits().body_bytes && content_type(request).starts_with("application/json");
  }
  /// The client's query without what was for us.
  static std::string without_key(std::string_view query) {
    std::string rest;
    while (!query.empty()) {
      std::string_view const pair = query.substr(0, query.find('&'));
      query.remove_prefix(std::min(pair.size() + 1, query.size()));
      if (pair == "key" || pair.starts_with("key=")) continue;
      rest.append(rest.empty() ? "" : "&").append(pair);
    }
    return rest;
  }

  template <class P>
  bool admit(PassVisit& visit, std::string_view body, P const& answer) {
    net::RequestHead const& head = visit.request.head();
    PassthroughPath const path = *PassthroughPath::of(head.path());
    visit.own_model = std::string(PassthroughRequest::model_prefix).append(path.provider);
    visit.model = visit.own_model;
    if (!is_plain_path(path.rest))
      return visit.fails(
          Error(Errc::invalid_request,
                "the path behind /passthrough/{provider} must begin with '/' and have no empty, '.' or '..' "
                "segments and no escaped slashes or dots",
                Origin::client)
              .with_param("path"));
    std::string_view const named = body.empty() ? std::string_view() : model_in(body, visit.named_model);
    if (visit.key != nullptr && visit.key->policy && visit.key->policy->blocks(named))
      return visit.fails(KeyEntry::not_allowed(named));
    if (!let_in(visit, DoorKind::passthrough, CallSize{.input_bytes = body.size()}, answer)) return false;
    WirePassthrough wire;
    wire.method = head.method();
    wire.path = path.rest;
    visit.query = without_key(head.query());
    wire.query = visit.query;
    wire.content_type = content_type(visit.request);
    wire.fields = pass_fields(visit);
    wire.body = body;
    wire.model = named;
    if (body.empty() && head.body() != net::BodyKind::none && !visit.request.consumed())
      wire.source = &visit.upload.emplace(visit.request, limits().upload, std::nullopt);
    visit.asked.emplace(path.provider, wire);
    return true;
  }
  static std::span<Field const> pass_fields(PassVisit& visit) {
    std::size_t count = 0;
    for (std::string_view const name : passed_fields)
      if (auto const value = visit.request.head().fields().get(name); !value.empty())
        visit.fields[count++] = Field(name, value);
    return {visit.fields.data(), count};
  }
  static std::string_view model_in(std::string_view body, std::string& decoded) {
    auto const model = dialect::find_member(body, "model");
    if (!model || model->kind != dialect::JsonKind::string) return {};
    return dialect::decode_string(model->value, decoded) ? std::string_view(decoded) : std::string_view();
  }
};

}  // namespace lowart
