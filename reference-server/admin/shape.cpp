#include "admin/shape.hpp"

#include <lowart/core/money.hpp>
#include <lowart/dialect/json_utf8.hpp>
#include <lowart/dialect/rfc3339.hpp>
#include <lowart/meter/price.hpp>
#include <lowart/meter/price_card.hpp>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

namespace lowart::server {

namespace {

constexpr std::int64_t most_name = 128;
constexpr std::int64_t most_text = 1000;
/// What has_control() asks, for the OpenAPI document.
constexpr std::string_view no_control = R"(^[^\u0000-\u001f\u007f]*$)";

tl::unexpected<Error> wrong(std::string const& path, std::string message) {
  Error error(Errc::invalid_request, "'" + path + "' " + std::move(message), Origin::client);
  return tl::unexpected<Error>(std::move(error).with_param(path));
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c < ' ' || c == 0x7F; });
}

std::string listed(std::span<std::string_view const> choices) {
  std::string list;
  for (auto const choice : choices) list.append(list.empty() ? "" : ", ").append(choice);
  return list;
}

bool is_percent(std::string_view text) {
  int value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && value >= 1 && value <= 100 &&
         std::string_view(end, static_cast<std::size_t>(text.data() + text.size() - end)) == "%";
}

/// Why a text does not fit its field; empty: it does.
std::string text_problem(Field const& field, std::string_view text) {
  auto const most = static_cast<std::size_t>(field.most > 0 ? field.most : most_text);
  switch (field.type) {
    case FieldType::name: return name_problem(text);
    case FieldType::choice:
      if (std::ranges::find(field.choices, text) != field.choices.end()) return {};
      return "is one of " + listed(field.choices);
    case FieldType::time:
      return dialect::parse_rfc3339(text) ? std::string() : "is a time such as 2027-01-31T00:00:00Z";
    case FieldType::day: return parse_day(text) ? std::string() : "is a day such as 2027-01-31";
    case FieldType::usd:
      if (auto const parsed = parse_usd(text); !parsed)
        return "is an amount such as 12.50: " + parsed.error().message();
      return {};
    case FieldType::percent: return is_percent(text) ? std::string() : "is a share from 1% to 100%";
    default: break;
  }
  if (text.size() < static_cast<std::size_t>(field.least) || text.size() > most)
    return "has " + std::to_string(field.least) + " to " + std::to_string(most) + " bytes";
  return has_control(text) ? "has a control character in it" : std::string();
}

Result<void> check_field(Field const& field, json::value& value, std::string const& path, BodyUse use);

Result<void> check_members(Shape const& shape, json::object& body, std::string const& path, BodyUse use) {
  std::string const before = path.empty() ? path : path + ".";
  auto const find = [&](std::string_view name) -> Field const* {
    for (auto const fields : shape.parts)
      for (Field const& field : fields)
        if (field.name == name) return &field;
    return nullptr;
  };
  for (auto it = body.begin(); it != body.end();) {
    std::string const name(it->key());
    Field const* const field = find(name);
    if (field != nullptr && field->read_only) {
      it = body.erase(it);
      continue;
    }
    if (field == nullptr && !shape.open) return wrong(before + name, "is not known here");
    bool const takes_away = it->value().is_null() && use == BodyUse::patch;
    if (takes_away && field != nullptr && field->required)
      return wrong(before + name, "cannot be taken away");
    if (field != nullptr && !takes_away)
      if (auto ok = check_field(*field, it->value(), before + name, use); !ok) return ok;
    ++it;
  }
  if (use == BodyUse::patch) return {};
  for (auto const fields : shape.parts)
    for (Field const& field : fields)
      if (field.required && !body.contains(field.name))
        return wrong(before + std::string(field.name), "is needed");
  return {};
}

Result<void> check_list(Field const& field, json::value& value, std::string const& path, BodyUse use) {
  auto* const list = value.if_array();
  if (list == nullptr) return wrong(path, "is a list");
  std::size_t const most = static_cast<std::size_t>(field.most > 0 ? field.most : 1000);
  if (list->size() > most) return wrong(path, "has at most " + std::to_string(most) + " entries");
  for (std::size_t i = 0; i < list->size(); ++i) {
    std::string const at = path + "[" + std::to_string(i) + "]";
    if (field.type == FieldType::objects) {
      auto* const inner = (*list)[i].if_object();
      if (inner == nullptr) return wrong(at, "is an object");
      if (auto ok = check_members(*field.inner, *inner, at, use); !ok) return ok;
      continue;
    }
    auto const* const text = (*list)[i].if_string();
    bool const fits = text != nullptr && !text->empty() && text->size() <= most_text && !has_control(*text);
    if (!fits) return wrong(at, "is a text of 1 to " + std::to_string(most_text) + " bytes");
    if (field.choices.empty() ||
        std::ranges::find(field.choices, std::string_view(*text)) != field.choices.end())
      continue;
    return wrong(at, "is one of " + listed(field.choices));
  }
  return {};
}

Result<void> check_field(Field const& field, json::value& value, std::string const& path, BodyUse use) {
  switch (field.type) {
    case FieldType::any: return {};
    case FieldType::flag: return value.is_bool() ? Result<void>() : wrong(path, "is true or false");
    case FieldType::integer: {
      bool const fits =
          value.is_int64() && value.get_int64() >= field.least && value.get_int64() <= field.most;
      if (fits) return {};
      return wrong(path,
                   "is a number from " + std::to_string(field.least) + " to " + std::to_string(field.most));
    }
    case FieldType::names:
    case FieldType::objects: return check_list(field, value, path, use);
    case FieldType::map: {
      if (!value.is_object()) return wrong(path, "is an object");
      std::size_t const most = static_cast<std::size_t>(field.most > 0 ? field.most : 4096);
      if (json::serialize(value).size() <= most) return {};
      return wrong(path, "has at most " + std::to_string(most) + " bytes as JSON");
    }
    case FieldType::object:
      if (auto* const inner = value.if_object()) return check_members(*field.inner, *inner, path, use);
      return wrong(path, "is an object");
    default: break;
  }
  auto const* const text = value.if_string();
  if (text == nullptr) return wrong(path, "is a text");
  if (std::string problem = text_problem(field, *text); !problem.empty())
    return wrong(path, std::move(problem));
  return {};
}

json::object schema_of_field(Field const& field) {
  json::object schema;
  if (!field.about.empty()) schema["description"] = field.about;
  auto const reference = [&] { return "#/components/schemas/" + std::string(field.inner->name); };
  switch (field.type) {
    case FieldType::any: return schema;
    case FieldType::flag: schema["type"] = "boolean"; break;
    case FieldType::integer:
      schema["type"] = "integer", schema["minimum"] = field.least, schema["maximum"] = field.most;
      break;
    case FieldType::names: {
      json::object item{
          {"type", "string"}, {"minLength", 1}, {"maxLength", most_text}, {"pattern", no_control}};
      if (!field.choices.empty()) item["enum"] = json::array(field.choices.begin(), field.choices.end());
      schema["type"] = "array", schema["items"] = std::move(item);
      schema["maxItems"] = field.most > 0 ? field.most : 1000;
      break;
    }
    case FieldType::map: schema["type"] = "object"; break;
    case FieldType::object: schema["$ref"] = reference(); break;
    case FieldType::objects:
      schema["type"] = "array", schema["items"] = json::object{{"$ref", reference()}};
      break;
    case FieldType::choice:
      schema["type"] = "string", schema["enum"] = json::array(field.choices.begin(), field.choices.end());
      break;
    case FieldType::time: schema["type"] = "string", schema["format"] = "date-time"; break;
    case FieldType::day: schema["type"] = "string", schema["format"] = "date"; break;
    case FieldType::usd:
      schema["type"] = "string", schema["pattern"] = "^([0-9]{1,6}(\\.[0-9]{1,9})?|1000000)$";
      break;
    case FieldType::percent: schema["type"] = "string", schema["pattern"] = "^([1-9][0-9]?|100)%$"; break;
    case FieldType::name:
      schema["type"] = "string", schema["minLength"] = 1, schema["maxLength"] = most_name;
      schema["pattern"] = no_control;
      break;
    case FieldType::secret: schema["writeOnly"] = true; [[fallthrough]];
    case FieldType::text:
      schema["type"] = "string", schema["minLength"] = field.least;
      schema["maxLength"] = field.most > 0 ? field.most : most_text;
      schema["pattern"] = no_control;
      break;
  }
  return schema;
}

}  // namespace

std::string name_problem(std::string_view name) {
  if (name.empty() || name.size() > static_cast<std::size_t>(most_name))
    return "has 1 to " + std::to_string(most_name) + " bytes";
  if (has_control(name)) return "has a control character in it";
  if (name.front() == ' ' || name.back() == ' ') return "begins or ends with a space";
  if (name == "." || name == "..") return "cannot be a name in a path";
  bool const is_text = dialect::is_valid_utf8(name);
  return is_text ? std::string() : "is not UTF-8";
}

Result<void> check_body(Shape const& shape, json::object& body, BodyUse use) {
  return check_members(shape, body, {}, use);
}

json::object schema_of(Shape const& shape, BodyUse use, bool answer) {
  json::object properties;
  json::array required;
  for (auto const fields : shape.parts)
    for (Field const& field : fields) {
      if (field.read_only && !answer) continue;
      if (field.type == FieldType::secret && answer) continue;
      json::object schema = schema_of_field(field);
      if (field.read_only) schema["readOnly"] = true;
      properties[field.name] = std::move(schema);
      if (field.required && use == BodyUse::whole) required.push_back(json::value(field.name));
    }
  json::object schema{{"type", "object"}};
  if (!shape.about.empty()) schema["description"] = shape.about;
  schema["properties"] = std::move(properties);
  if (!required.empty()) schema["required"] = std::move(required);
  if (!shape.open && !answer) schema["additionalProperties"] = false;
  return schema;
}

}  // namespace lowart::server
