#include "admin/openapi.hpp"

#include "admin/operation.hpp"
#include "admin/shapes.hpp"

#include <array>
#include <map>
#include <string>

namespace lowart::server {

namespace {

json::object reference(std::string const& name) { return {{"$ref", "#/components/schemas/" + name}}; }

json::object content(std::string_view type, json::value schema) {
  return {{"content", json::object{{type, json::object{{"schema", std::move(schema)}}}}}};
}

/// Which name a shape has as a body: one that may be in part is a schema of its own.
std::string body_name(Shape const& shape, BodyUse use) {
  return std::string(shape.name) + (use == BodyUse::patch ? "Patch" : "Request");
}

json::array parameters(AdminOperation const& operation) {
  json::array list;
  if (operation.path.find("{name}") != std::string_view::npos)
    list.push_back(
        json::object{{"name", "name"},
                     {"in", "path"},
                     {"required", true},
                     {"schema", json::object{{"type", "string"}, {"minLength", 1}, {"maxLength", 200}}}});
  bool const has_revision =
      operation.method == "PATCH" || operation.method == "PUT" || operation.method == "DELETE";
  if (has_revision)
    list.push_back(json::object{
        {"name", "If-Match"},
        {"in", "header"},
        {"description", "The ETag that was read, instead of `revision` in the body"},
        {"schema",
         json::object{{"type", "string"}, {"pattern", "^(\\*|(W/)?\"[0-9]{1,18}\"|[0-9]{1,18}|)$"}}}});
  Shape const all{"Query", {}, {operation.query}};
  json::object const schema = schema_of(all, BodyUse::patch, false);
  for (auto const& member : schema.at("properties").as_object())
    list.push_back(json::object{{"name", member.key()}, {"in", "query"}, {"schema", member.value()}});
  return list;
}

json::object answer_of(AdminOperation const& operation) {
  json::object answer{{"description", operation.summary}};
  if (operation.status == 204) return answer;
  if (operation.content_type != "application/json") {
    answer["content"] = content(operation.content_type, json::object{{"type", "string"}}).at("content");
    return answer;
  }
  json::object schema{{"type", "object"}};
  if (operation.tells != nullptr) schema = reference(std::string(operation.tells->name));
  if (operation.list)
    schema = json::object{
        {"type", "object"},
        {"required", json::array{"object", "data", "has_more"}},
        {"properties",
         json::object{{"object", json::object{{"const", "list"}}},
                      {"data", json::object{{"type", "array"}, {"items", std::move(schema)}}},
                      {"has_more", json::object{{"type", "boolean"}}},
                      {"next", json::object{{"type", "string"},
                                            {"description", "`after` (or `before`) of the next page"}}}}}};
  answer["content"] = content("application/json", std::move(schema)).at("content");
  return answer;
}

/// What may all be left out may be left out as a whole.
bool has_required(Shape const& shape) {
  for (auto const fields : shape.parts)
    for (Field const& field : fields)
      if (field.required) return true;
  return false;
}

json::object described(AdminOperation const& operation) {
  json::object one{{"operationId", operation.id}, {"summary", operation.summary}};
  std::string_view const second = operation.path.substr(operation.path.find('/', 1) + 1);
  one["tags"] = json::array{json::value(second.substr(0, second.find('/')))};
  one["x-permission"] = to_string(operation.permission);
  if (auto list = parameters(operation); !list.empty()) one["parameters"] = std::move(list);
  if (operation.takes != nullptr) {
    json::object body = content("application/json", reference(body_name(*operation.takes, operation.use)));
    body["required"] = operation.use == BodyUse::whole && has_required(*operation.takes);
    one["requestBody"] = std::move(body);
  }
  json::object answers{{std::to_string(operation.status), answer_of(operation)}};
  answers["default"] =
      json::object{{"description", "What was wrong, where, and what to do"},
                   {"content", content("application/json", reference("Error")).at("content")}};
  one["responses"] = std::move(answers);
  return one;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return out;
}

json::object document() {
  json::object paths, schemas;
  for (auto const table : operation_tables())
    for (AdminOperation const& operation : table) {
      json::value& path = paths[operation.path];
      if (!path.is_object()) path = json::object();
      path.get_object()[lower(operation.method)] = described(operation);
      if (operation.tells != nullptr)
        schemas[operation.tells->name] = schema_of(*operation.tells, BodyUse::patch, true);
      if (operation.takes != nullptr)
        schemas[body_name(*operation.takes, operation.use)] =
            schema_of(*operation.takes, operation.use, false);
    }
  schemas["Error"] =
      json::parse(R"({"type":"object","required":["error"],"properties":{"error":{"type":"object",
    "required":["message","type"],"properties":{"message":{"type":"string"},"type":{"type":"string"},
    "code":{"type":["string","null"]},"param":{"type":["string","null"]}}}}})");
  json::object document{{"openapi", "3.1.0"}};
  document["info"] = json::object{{"title", "Lowart administration"},
                                  {"version", "0.1.0"},
                                  {"description", "Users, teams, keys and settings of a gateway"}};
  document["paths"] = std::move(paths);
  document["components"] = json::object{
      {"schemas", std::move(schemas)},
      {"securitySchemes",
       json::object{{"bearer", json::object{{"type", "http"},
                                            {"scheme", "bearer"},
                                            {"description",
                                             "An access token of a session, or a key with admin: true"}}}}}};
  document["security"] = json::array{json::object{{"bearer", json::array{}}}};
  return document;
}

}  // namespace

std::string const& openapi() {
  static std::string const text = json::serialize(document());
  return text;
}

}  // namespace lowart::server
