#pragma once
/// JsonSchemaView: one JSON Schema with its references and branches taken in, read by keyword.

#include <lowart/dialect/json_scan.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// The keywords that are looked at.
enum class JsonSchemaWord : std::uint8_t {
  type,
  constant_value,
  default_value,
  enumeration,
  examples,
  items,
  prefix_items,
  min_items,
  max_items,
  min_properties,
  minimum,
  maximum,
  exclusive_minimum,
  exclusive_maximum,
  multiple_of,
  min_length,
  max_length,
  format,
  reference,
  all_of,
  any_of,
  one_of,
  properties,
  required,
};
inline constexpr std::array<std::string_view, 24> json_schema_words{"type",
                                                                    "const",
                                                                    "default",
                                                                    "enum",
                                                                    "examples",
                                                                    "items",
                                                                    "prefixItems",
                                                                    "minItems",
                                                                    "maxItems",
                                                                    "minProperties",
                                                                    "minimum",
                                                                    "maximum",
                                                                    "exclusiveMinimum",
                                                                    "exclusiveMaximum",
                                                                    "multipleOf",
                                                                    "minLength",
                                                                    "maxLength",
                                                                    "format",
                                                                    "$ref",
                                                                    "allOf",
                                                                    "anyOf",
                                                                    "oneOf",
                                                                    "properties",
                                                                    "required"};

enum class JsonSchemaKind : std::uint8_t { any, object, array, string, integer, number, boolean, null };

/// Bytes of schema that one walk may read; a schema that refers to itself in a hundred ways ends there.
inline constexpr std::size_t json_schema_budget = 2U << 20U;

/// True when the text is a JSON object all the way down, at most 64 deep: what may be copied from piece by
/// piece.
inline bool is_sound_json_object(std::string_view text);

namespace json_sample {

inline bool is_sound(JsonMember const& member, std::size_t depth) {
  std::string unused;
  if (member.kind == JsonKind::string)
    return decode_string(member.value, unused) && is_valid_utf8(member.value);
  if (member.kind != JsonKind::object && member.kind != JsonKind::array) return true;
  if (depth == 0) return false;
  bool sound = true;
  auto const each = [&](JsonMember const& inner) {
    unused.clear();
    sound =
        sound && is_valid_utf8(inner.key) && decode_escapes(inner.key, unused) && is_sound(inner, depth - 1);
    return sound;
  };
  JsonScan const scan =
      member.kind == JsonKind::object ? scan_object(member.value, each) : scan_array(member.value, each);
  return sound && scan == JsonScan::ok;
}

}  // namespace json_sample

inline bool is_sound_json_object(std::string_view text) {
  JsonMember whole;
  whole.value = text;
  whole.kind = JsonKind::object;
  return json_sample::is_sound(whole, 64);
}

/// The keywords of a schema, of what it refers to, of its allOf members and of one branch of its anyOf or
/// oneOf. Where two say the same keyword the first counts; properties and required add up. Views into the
/// document.
class JsonSchemaView {
 public:
  /// `prefer_small` takes the branch that nests least, so that recursion ends. `budget` is what is left to
  /// read.
  JsonSchemaView(std::string_view root, std::string_view schema, bool prefer_small, std::size_t& budget)
      : root_(root), prefer_small_(prefer_small), budget_(&budget) {
    take_in(schema, 8);
  }

  std::optional<JsonMember> const& get(JsonSchemaWord word) const {
    return words_[static_cast<std::size_t>(word)];
  }
  std::vector<std::pair<std::string, std::string_view>> const& properties() const noexcept {
    return properties_;
  }
  std::vector<std::string> const& required() const noexcept { return required_; }

  double number_of(JsonSchemaWord word, double otherwise) const {
    auto const& member = get(word);
    if (!member || member->kind != JsonKind::number) return otherwise;
    double value = 0;
    auto const* const end = member->value.data() + member->value.size();
    return std::from_chars(member->value.data(), end, value).ec == std::errc() ? value : otherwise;
  }
  std::int64_t size_of(JsonSchemaWord word, std::int64_t otherwise) const {
    auto const value = get(word) ? as_int(get(word)->value) : std::nullopt;
    return value && *value >= 0 ? *value : otherwise;
  }
  std::string_view text_of(JsonSchemaWord word) const {
    return get(word) ? as_string_view(get(word)->value).value_or("") : std::string_view();
  }

  /// By "type" (of several the first that is not null), else by what the other keywords are about.
  JsonSchemaKind kind() const {
    using enum JsonSchemaWord;
    if (auto const& named = get(type)) {
      if (named->kind == JsonKind::string) return named_kind(named->value);
      JsonSchemaKind found = JsonSchemaKind::any;
      scan_array(named->value, [&](JsonMember const& one) {
        found = named_kind(one.value);
        return found == JsonSchemaKind::null;
      });
      return found;
    }
    if (!properties_.empty() || !required_.empty() || get(min_properties)) return JsonSchemaKind::object;
    if (get(items) || get(prefix_items) || get(min_items)) return JsonSchemaKind::array;
    for (auto const word : {minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of})
      if (get(word)) return JsonSchemaKind::number;
    return JsonSchemaKind::any;
  }

 private:
  static JsonSchemaKind named_kind(std::string_view quoted) {
    constexpr std::array<std::string_view, 8> names{"",        "object", "array",   "string",
                                                    "integer", "number", "boolean", "null"};
    auto const name = as_string_view(quoted).value_or("");
    for (std::size_t i = 1; i < names.size(); ++i)
      if (names[i] == name) return static_cast<JsonSchemaKind>(i);
    return JsonSchemaKind::any;
  }

  bool may_read(std::string_view text) {
    if (text.size() > *budget_) return *budget_ = 0, false;
    *budget_ -= text.size();
    return true;
  }

  /// `hops` bounds references and branches within one schema.
  void take_in(std::string_view schema, std::size_t hops) {
    if (hops == 0 || schema.empty() || schema.front() != '{' || !may_read(schema)) return;
    std::array<std::optional<JsonMember>, json_schema_words.size()> mine;
    scan_object(schema, [&](JsonMember const& member) {
      for (std::size_t i = 0; i < json_schema_words.size(); ++i)
        if (member.key_is(json_schema_words[i])) mine[i] = member;
    });
    for (std::size_t i = 0; i < mine.size(); ++i)
      if (!words_[i]) words_[i] = mine[i];
    auto const one = [&](JsonSchemaWord word) -> auto const& { return mine[static_cast<std::size_t>(word)]; };
    if (auto const& all = one(JsonSchemaWord::properties)) add_properties(all->value);
    if (auto const& names = one(JsonSchemaWord::required)) add_required(names->value);
    if (auto const& ref = one(JsonSchemaWord::reference)) take_in(target(ref->value), hops - 1);
    if (auto const& all = one(JsonSchemaWord::all_of))
      scan_array(all->value, [&](JsonMember const& part) { take_in(part.value, hops - 1); });
    for (auto const word : {JsonSchemaWord::any_of, JsonSchemaWord::one_of})
      if (auto const& branches = one(word)) take_in(branch(branches->value), hops - 1);
  }

  void add_properties(std::string_view object) {
    scan_object(object, [&](JsonMember const& member) {
      std::string name;
      decode_escapes(member.key, name);
      for (auto const& known : properties_)
        if (known.first == name) return;
      if (properties_.size() < 1'000) properties_.emplace_back(std::move(name), member.value);
    });
  }
  void add_required(std::string_view list) {
    scan_array(list, [&](JsonMember const& name) {
      std::string text;
      if (decode_string(name.value, text) && required_.size() < 1'000) required_.push_back(std::move(text));
    });
  }

  /// What a reference of this document points to: "#", "#/$defs/node"; empty for any other.
  std::string_view target(std::string_view quoted) {
    std::string pointer;
    if (!decode_string(quoted, pointer) || pointer.empty() || pointer.front() != '#') return {};
    std::string_view at = root_;
    std::string_view rest = std::string_view(pointer).substr(1);
    while (!rest.empty() && may_read(at)) {
      if (rest.front() != '/') return {};
      std::size_t const end = std::min(rest.find('/', 1), rest.size());
      auto const member = step(at, unescaped(rest.substr(1, end - 1)));
      if (!member) return {};
      at = member->value;
      rest.remove_prefix(end);
    }
    return rest.empty() ? at : std::string_view();
  }
  static std::optional<JsonMember> step(std::string_view at, std::string const& name) {
    if (at.front() != '[') return at.front() == '{' ? find_member(at, name) : std::nullopt;
    auto index = as_int(name);
    std::optional<JsonMember> found;
    scan_array(at, [&](JsonMember const& element) {
      if (index && (*index)-- == 0) found = element;
    });
    return found;
  }
  static std::string unescaped(std::string_view token) {
    std::string out;
    for (std::size_t i = 0; i < token.size(); ++i) {
      bool const escape = token[i] == '~' && i + 1 < token.size();
      out.push_back(!escape ? token[i] : token[++i] == '1' ? '/' : '~');
    }
    return out;
  }

  /// The branch to follow: the first one, but null only when there is nothing else; or the smallest.
  std::string_view branch(std::string_view list) {
    std::string_view best;
    int best_cost = 100;
    scan_array(list, [&](JsonMember const& one) {
      int const price = cost(one.value);
      if (price >= best_cost) return;
      best_cost = price;
      best = one.value;
    });
    return best;
  }
  int cost(std::string_view schema) {
    if (schema.empty() || schema.front() != '{' || !may_read(schema)) return 50;
    auto const type = find_member(schema, "type");
    JsonSchemaKind const kind = type ? named_kind(type->value) : JsonSchemaKind::any;
    if (!prefer_small_) return kind == JsonSchemaKind::null ? 9 : 1;
    if (kind == JsonSchemaKind::null) return 0;
    return kind == JsonSchemaKind::any || kind == JsonSchemaKind::object || kind == JsonSchemaKind::array ? 9
                                                                                                          : 1;
  }

  std::string_view root_;
  bool prefer_small_;
  std::size_t* budget_;
  std::array<std::optional<JsonMember>, json_schema_words.size()> words_;
  std::vector<std::pair<std::string, std::string_view>> properties_;
  std::vector<std::string> required_;
};

}  // namespace lowart::dialect
