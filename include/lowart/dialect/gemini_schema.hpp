#pragma once
/// Gemini's own schemas, a subset of OpenAPI's with types in upper case, as JSON Schema and back.

#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/dialect/json_writer.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace gemini_schema {

/// In the order of Google's enumeration, which old clients send as numbers.
inline constexpr std::array<std::string_view, 8> types{"TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER",
                                                       "BOOLEAN",          "ARRAY",  "OBJECT", "NULL"};

enum class Way : bool { lower, raise };

inline std::string cased(std::string_view word, Way way) {
  std::string out(word);
  for (char& c : out) {
    if (way == Way::lower && c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    if (way == Way::raise && c >= 'a' && c <= 'z') c = static_cast<char>(c & ~0x20);
  }
  return out;
}

/// The name of a type, in upper case; empty when the value is none.
inline std::string type_name(JsonMember const& value) {
  if (value.kind == JsonKind::number) {
    auto const number = as_int(value.value).value_or(0);
    bool const known = number > 0 && number < static_cast<std::int64_t>(types.size());
    return known ? std::string(types[static_cast<std::size_t>(number)]) : std::string();
  }
  if (value.kind != JsonKind::string) return {};
  return cased(as_string_view(value.value).value_or(""), Way::raise);
}

inline void write(JsonWriter& w, JsonMember const& schema, Way way);

/// The members of these names hold schemas: one, a list of them, or an object of them by name.
inline bool holds_schema(std::string_view name) noexcept {
  return name == "items" || name == "additionalProperties" || name == "not";
}
inline bool holds_list(std::string_view name) noexcept {
  return name == "anyOf" || name == "oneOf" || name == "allOf" || name == "prefixItems" || name == "any_of";
}
inline bool holds_map(std::string_view name) noexcept {
  return name == "properties" || name == "$defs" || name == "defs" || name == "definitions";
}

/// What a schema says of its type: in JSON Schema, "or null" is one more type of a list.
struct Types {
  std::vector<std::string> names{};  ///< In upper case.
  bool nullable{false};
};

inline Types types_of(JsonMember const& type) {
  Types found;
  auto const add = [&](JsonMember const& member) {
    std::string name = type_name(member);
    if (name == "NULL" && type.kind == JsonKind::array) found.nullable = true;
    else if (!name.empty()) found.names.push_back(std::move(name));
  };
  if (type.kind == JsonKind::array) scan_array(type.value, add);
  else add(type);
  return found;
}

inline void write_type(JsonWriter& w, std::optional<JsonMember> const& type,
                       std::optional<JsonMember> const& nullable, Way way) {
  Types found = type ? types_of(*type) : Types();
  if (found.names.empty()) {
    if (type) w.raw("type", type->value);
    if (nullable) w.raw("nullable", nullable->value);
    return;
  }
  found.nullable = found.nullable || (nullable && nullable->value == "true");
  bool const as_list = found.names.size() > 1 || (found.nullable && way == Way::lower);
  if (as_list) w.begin_list("type");
  else w.key("type");
  for (std::string const& name : found.names) w.text(cased(name, way));
  if (found.nullable && way == Way::lower) w.text("null");
  if (as_list) w.end_list();
  if (found.nullable && way == Way::raise) w.flag("nullable", true);
}

inline void write_object(JsonWriter& w, std::string_view schema, Way way) {
  std::optional<JsonMember> type, nullable;
  std::string decoded;
  w.begin_object();
  scan_object(schema, [&](JsonMember const& m) {
    decoded.clear();
    if (m.key_escaped) decode_escapes(m.key, decoded);
    std::string_view const name = m.key_escaped ? std::string_view(decoded) : m.key;
    if (name == "type") return void(type = m);
    if (name == "nullable") return void(nullable = m);
    w.key(name);
    if (holds_schema(name) && m.kind == JsonKind::object) {
      write_object(w, m.value, way);
    } else if (holds_list(name) && m.kind == JsonKind::array) {
      w.begin_list();
      scan_array(m.value, [&](JsonMember const& e) { write(w, e, way); });
      w.end_list();
    } else if (holds_map(name) && m.kind == JsonKind::object) {
      w.begin_object();
      scan_object(m.value, [&](JsonMember const& e) {
        decoded.clear();
        decode_escapes(e.key, decoded);
        w.key(decoded);
        write(w, e, way);
      });
      w.end_object();
    } else {
      w.raw(m.value);
    }
  });
  write_type(w, type, nullable, way);
  w.end_object();
}

inline void write(JsonWriter& w, JsonMember const& schema, Way way) {
  if (schema.kind == JsonKind::object) write_object(w, schema.value, way);
  else w.raw(schema.value);
}

inline std::string converted(std::string_view schema, Way way) {
  std::string out;
  out.reserve(schema.size() + 16);
  JsonWriter w(out);
  write_object(w, schema, way);
  return out;
}

}  // namespace gemini_schema

/// Gemini's schema as JSON Schema: types in lower case, also those given as numbers; `nullable` becomes a type. What
/// else the schema says stays as it is. `schema` is a valid JSON object.
inline std::string lower_gemini_schema(std::string_view schema) {
  return gemini_schema::converted(schema, gemini_schema::Way::lower);
}
/// The way back, for schemas that lower_gemini_schema made.
inline std::string raise_gemini_schema(std::string_view schema) {
  return gemini_schema::converted(schema, gemini_schema::Way::raise);
}

}  // namespace lowart::dialect
