#include "admin/request_reading.hpp"

#include <lowart/gateway/query.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace lowart::server {

namespace {

constexpr std::size_t most_body = std::size_t{1} << 20U;
constexpr int deepest_body = 32;

/// Whether a path fits a template; `name` gets what stands for {name}.
bool fits(std::string_view form, std::string_view path, std::string_view& name) {
  while (!form.empty() && !path.empty()) {
    std::string_view const want = form.substr(0, form.find('/', 1)), have = path.substr(0, path.find('/', 1));
    if (want == "/{name}") {
      if (have.size() < 2) return false;
      name = have.substr(1);
    } else if (want != have) {
      return false;
    }
    form.remove_prefix(want.size());
    path.remove_prefix(have.size());
  }
  return form.empty() && path.empty();
}

/// The parameters that an operation takes, each checked as its field says.
Result<void> read_query(AdminOperation const& operation, std::string_view query, AdminRequest& request) {
  while (!query.empty()) {
    std::string_view const pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) continue;
    std::string const name = percent_decoded(pair.substr(0, pair.find('=')));
    bool const has_value = pair.find('=') != std::string_view::npos;
    std::string value = has_value ? percent_decoded(pair.substr(pair.find('=') + 1)) : std::string();
    auto const field = std::ranges::find(operation.query, name, &Field::name);
    if (field == operation.query.end())
      return refuse(Errc::invalid_request, name.substr(0, 100), "this path knows no parameter of that name");
    if (request.query.contains(name))
      return refuse(Errc::invalid_request, name, "'" + name + "' stands twice");
    Shape const one{"Query", {}, {std::span(&*field, 1)}};
    json::value checked(value);
    std::int64_t number = 0;
    auto const [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (field->type == FieldType::integer && error == std::errc() && end == value.data() + value.size())
      checked = number;
    json::object body{{name, checked}};
    if (auto ok = check_body(one, body, BodyUse::patch); !ok) return ok;
    request.query.emplace(name, std::move(value));
  }
  return {};
}

/// Why a body cannot be kept, whatever it means; empty: it can. Numbers beyond a double's range are read as infinite, and
/// could not be read from the database again; what has very many members takes long to lay over a file. Counts `values`.
std::string_view body_problem(json::value const& value, std::size_t& values) {
  constexpr std::size_t most_values = 5000, most_members = 500;
  if (++values > most_values) return "the body has more than 5000 values in it";
  if (auto const* const number = value.if_double(); number != nullptr && !std::isfinite(*number))
    return "the body has a number in it that is too large";
  if (auto const* const list = value.if_array())
    for (auto const& item : *list)
      if (auto const problem = body_problem(item, values); !problem.empty()) return problem;
  auto const* const object = value.if_object();
  if (object == nullptr) return {};
  if (object->size() > most_members) return "the body has an object of more than 500 members in it";
  for (auto const& member : *object)
    if (auto const problem = body_problem(member.value(), values); !problem.empty()) return problem;
  return {};
}

Result<json::object> read_body(std::string_view text) {
  if (text.size() > most_body) return fail(Errc::too_large, "a body has at most 1 MiB", Origin::client);
  json::parse_options options;
  options.max_depth = deepest_body;
  boost::system::error_code error;
  json::value value = json::parse(text, error, {}, options);
  if (error) return refuse(Errc::invalid_request, "body", "the body is not JSON: " + error.message());
  if (!value.is_object()) return refuse(Errc::invalid_request, "body", "the body is a JSON object");
  std::size_t values = 0;
  if (auto const problem = body_problem(value, values); !problem.empty())
    return refuse(Errc::invalid_request, "body", std::string(problem));
  return std::move(value.get_object());
}

std::optional<std::int64_t> revision_in(std::string_view text) {
  if (text.starts_with("W/")) text.remove_prefix(2);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  std::int64_t number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool const whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

}  // namespace

std::int64_t AdminRequest::number(std::string_view parameter, std::int64_t usual) const {
  auto const text = asked(parameter);
  std::int64_t value = usual;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

FoundOperation find_operation(std::string_view method, std::string_view path) {
  FoundOperation found;
  for (auto const table : operation_tables())
    for (AdminOperation const& one : table) {
      std::string_view name;
      if (one.act == nullptr || !fits(one.path, path, name)) continue;
      if (one.method == method) return {&one, name, {}};
      found.allow.append(found.allow.empty() ? "" : ", ").append(one.method);
    }
  return found;
}

Result<AdminRequest> read_request(AdminOperation const& operation, std::string_view name,
                                  RawRequest const& raw) {
  AdminRequest request;
  request.name = percent_decoded(name);
  if (auto ok = read_query(operation, raw.query, request); !ok) return tl::unexpected(ok.error());
  if (!raw.if_match.empty() && raw.if_match != "*") {
    request.revision = revision_in(raw.if_match);
    if (!request.revision)
      return refuse(Errc::invalid_request, "if-match", "'if-match' is a revision such as \"17\"");
  }
  if (operation.takes == nullptr) return request;
  // What may all be left out may be left out as a whole.
  auto body = read_body(raw.body.empty() ? std::string_view("{}") : std::string_view(raw.body));
  if (!body) return tl::unexpected(std::move(body).error());
  request.body = std::move(*body);
  if (auto const* revision = request.body.if_contains("revision"); revision != nullptr) {
    if (!revision->is_int64() || revision->get_int64() < 0)
      return refuse(Errc::invalid_request, "revision", "'revision' is a number from 0 on");
    request.revision = revision->get_int64();
    request.body.erase("revision");
  }
  if (auto ok = check_body(*operation.takes, request.body, operation.use); !ok)
    return tl::unexpected(ok.error());
  return request;
}

}  // namespace lowart::server
