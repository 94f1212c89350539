#pragma once
/// sample_of_schema: a value that a JSON Schema would accept, for demos and tests.

#include <lowart/dialect/json_schema_view.hpp>
#include <lowart/dialect/json_writer.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// Words for free strings, told by the property's name; empty ones are made up.
struct JsonSampleHints {
  std::string_view topic;  ///< For "query", "text", "question" ...
  std::string_view place;  ///< For "city", "location" ...
};

namespace json_sample {

inline constexpr std::size_t depth_limit = 8;          ///< Deeper values are as small as can be.
inline constexpr std::size_t value_limit = 400;        ///< After so many values, too.
inline constexpr std::size_t bytes_limit = 1U << 20U;  ///< After so much text nothing optional follows.
inline constexpr std::size_t length_limit = 4'096;     ///< Longest string, whatever minLength says.
inline constexpr std::size_t items_limit = 64;         ///< Longest list, whatever minItems says.

/// One word of `name`, split at _ - and at capitals, is one of `words`.
inline bool names_one_of(std::string_view name, std::initializer_list<std::string_view> words) {
  std::string word;
  auto const hit = [&] { return std::find(words.begin(), words.end(), word) != words.end(); };
  for (char const c : name) {
    auto const u = static_cast<unsigned char>(c);
    if (std::isalpha(u) == 0 || std::isupper(u) != 0) {
      if (hit()) return true;
      word.clear();
    }
    if (std::isalpha(u) != 0) word.push_back(static_cast<char>(std::tolower(u)));
  }
  return hit();
}

class Sampler {
 public:
  Sampler(std::string_view root, std::uint64_t seed, JsonSampleHints hints)
      : root_(root), seed_(seed), hints_(hints) {}

  std::string whole() {
    JsonWriter out(text_);
    value(root_, "", 0, 0, out);
    return std::move(text_);
  }

 private:
  /// `ordinal` tells the elements of a list apart.
  void value(std::string_view schema, std::string_view name, std::size_t depth, std::size_t ordinal,
             JsonWriter& out) {
    ++values_;
    bool const small = depth >= depth_limit || values_ > value_limit;
    JsonSchemaView const view(root_, schema, depth * 2 >= depth_limit, budget_);
    if (copied(view, ordinal, out)) return;
    JsonSchemaKind kind = view.kind();
    if (kind == JsonSchemaKind::any && depth == 0) kind = JsonSchemaKind::object;
    switch (kind) {
      case JsonSchemaKind::object: return object(view, depth, small, out);
      case JsonSchemaKind::array: return array(view, name, depth, small, out);
      case JsonSchemaKind::integer: return integer(view, ordinal, out);
      case JsonSchemaKind::number: return number(view, ordinal, out);
      case JsonSchemaKind::boolean: return void(out.flag(((seed_ + ordinal) & 1U) == 0));
      case JsonSchemaKind::null: return void(out.null());
      case JsonSchemaKind::string:
      case JsonSchemaKind::any: return void(out.text(string(view, name, ordinal)));
    }
  }

  bool full(JsonWriter const& out) const noexcept {
    return values_ > 2 * value_limit || out.size() > bytes_limit;
  }

  /// Values that the schema itself spells out.
  bool copied(JsonSchemaView const& view, std::size_t ordinal, JsonWriter& out) const {
    using enum JsonSchemaWord;
    if (auto const& constant = view.get(constant_value)) return out.raw(constant->value), true;
    auto const& fallback = view.get(default_value);
    if (fallback && fallback->kind != JsonKind::null && ordinal == 0) return out.raw(fallback->value), true;
    for (JsonSchemaWord const word : {enumeration, examples}) {
      if (!view.get(word)) continue;
      std::vector<std::string_view> const choices = elements(view.get(word)->value);
      if (choices.empty()) continue;
      return out.raw(choices[(seed_ + ordinal) % choices.size()]), true;
    }
    return false;
  }

  void object(JsonSchemaView const& view, std::size_t depth, bool small, JsonWriter& out) {
    auto const& required = view.required();
    bool const all = required.empty() && !small;
    auto const wanted = static_cast<std::size_t>(view.size_of(JsonSchemaWord::min_properties, 0));
    out.begin_object();
    std::vector<std::string> done;
    auto const member = [&](std::string const& key, std::string_view schema) {
      if (std::find(done.begin(), done.end(), key) != done.end() || full(out)) return;
      done.push_back(key);
      out.key(key);
      value(schema, key, depth + 1, 0, out);
    };
    if (depth < 2 * depth_limit) {
      auto const& properties = view.properties();
      for (auto const& [key, schema] : properties)
        if (all || std::find(required.begin(), required.end(), key) != required.end()) member(key, schema);
      for (auto const& key : required) member(key, "true");
      for (auto const& [key, schema] : properties)
        if (done.size() < wanted) member(key, schema);
    }
    out.end_object();
  }

  void array(JsonSchemaView const& view, std::string_view name, std::size_t depth, bool small,
             JsonWriter& out) {
    auto const least =
        std::min(static_cast<std::size_t>(view.size_of(JsonSchemaWord::min_items, 0)), items_limit);
    auto const most = static_cast<std::size_t>(view.size_of(JsonSchemaWord::max_items, items_limit));
    auto const& prefix = view.get(JsonSchemaWord::prefix_items);
    std::vector<std::string_view> const heads =
        prefix ? elements(prefix->value) : std::vector<std::string_view>{};
    std::size_t count = heads.empty() ? 2 - (seed_ & 1U) : heads.size();
    count = std::min(std::max(small ? 0 : count, least), most);
    auto const& items = view.get(JsonSchemaWord::items);
    out.begin_list();
    for (std::size_t i = 0; i < count && depth < 2 * depth_limit && !full(out); ++i) {
      std::string_view const rest = items ? items->value : std::string_view("true");
      value(i < heads.size() ? heads[i] : rest, name, depth + 1, i, out);
    }
    out.end_list();
  }

  void integer(JsonSchemaView const& view, std::size_t ordinal, JsonWriter& out) const {
    double const value = within(view, 1.0 + static_cast<double>(seed_ % 9 + ordinal), 1.0);
    constexpr double exact = 9007199254740992.0;  // 2^53: beyond it a double skips whole numbers
    out.count(static_cast<std::int64_t>(std::clamp(value, -exact, exact)));
  }
  void number(JsonSchemaView const& view, std::size_t ordinal, JsonWriter& out) const {
    out.number(within(view, 1.5 + static_cast<double>(seed_ % 9 + ordinal), 0.0));
  }
  /// `wish`, moved between the bounds, and to a multiple of what must divide it. `grain` is 1 for whole
  /// numbers.
  static double within(JsonSchemaView const& view, double wish, double grain) {
    double step = std::abs(view.number_of(JsonSchemaWord::multiple_of, grain));
    if (grain == 1.0 && (step == 0 || step != std::floor(step))) step = grain;
    double const nudge = step > 0 ? step : 0.5;
    // A fraction between 0 and 1 is the likeliest meaning of such bounds: stay inside, whatever the nudge.
    double low = view.number_of(JsonSchemaWord::minimum, -HUGE_VAL);
    double high = view.number_of(JsonSchemaWord::maximum, HUGE_VAL);
    double const above = view.number_of(JsonSchemaWord::exclusive_minimum, -HUGE_VAL);
    double const below = view.number_of(JsonSchemaWord::exclusive_maximum, HUGE_VAL);
    bool const narrow = step == 0 && std::isfinite(above) && std::isfinite(std::min(high, below));
    double const room = narrow ? (std::min(high, below) - above) / 4 : nudge;
    if (above >= low) low = step > 0 ? std::floor(above / step) * step + step : above + room;
    if (below <= high) high = step > 0 ? std::ceil(below / step) * step - step : std::max(below - room, low);
    double value = std::min(std::max(wish, low), high);
    if (step == 0) return value;
    double const steps =
        std::floor(value / step + 1e-9) + (std::floor(value / step + 1e-9) * step < low ? 1 : 0);
    double const per_one = std::round(1 / step);
    // 0.1 has no exact double: 15 / 10 is written as 1.5, 15 * 0.1 is not.
    return step < 1 && std::abs(per_one * step - 1) < 1e-9 ? steps / per_one : steps * step;
  }

  std::string string(JsonSchemaView const& view, std::string_view name, std::size_t ordinal) const {
    auto const format = view.text_of(JsonSchemaWord::format);
    std::string text = format.empty() ? free_text(name) : of_format(format, name);
    if (ordinal > 0 && format.empty()) text.append(" ").append(std::to_string(ordinal + 1));
    auto const least =
        std::min(static_cast<std::size_t>(view.size_of(JsonSchemaWord::min_length, 0)), length_limit);
    auto const most = static_cast<std::size_t>(view.size_of(JsonSchemaWord::max_length, length_limit));
    std::size_t const points = code_points(text);
    if (points < least) text.append(least - points, 'x');
    else if (points > most) cut(text, most);
    return text;
  }
  std::string free_text(std::string_view name) const {
    constexpr std::array<std::string_view, 6> cities{"Paris", "Tokyo", "Nairobi", "Lima", "Oslo", "Sydney"};
    constexpr std::array<std::string_view, 4> people{"Ada", "Grace", "Alan", "Edsger"};
    if (names_one_of(name, {"city", "location", "place", "town", "destination", "address"}))
      return std::string(hints_.place.empty() ? cities[seed_ % cities.size()] : hints_.place);
    if (names_one_of(name, {"country"})) return "France";
    if (names_one_of(name, {"date", "day"})) return "2026-01-15";
    if (names_one_of(name, {"time"})) return "12:30";
    if (names_one_of(name, {"email", "mail"})) return "ada@example.com";
    if (names_one_of(name, {"url", "uri", "link"})) return "https://example.com/";
    if (names_one_of(name, {"currency"})) return "EUR";
    if (names_one_of(name, {"language", "lang"})) return "en";
    if (names_one_of(name, {"unit", "units"})) return "celsius";
    if (names_one_of(name, {"id", "key"})) return "id-" + std::to_string(100 + seed_ % 900);
    if (names_one_of(name, {"name", "author", "user", "person"}))
      return std::string(people[seed_ % people.size()]);
    if (!hints_.topic.empty()) return std::string(hints_.topic);
    return name.empty() ? "sample" : "sample " + std::string(name);
  }
  std::string of_format(std::string_view format, std::string_view name) const {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 12> known{
        {{"date-time", "2026-01-15T12:30:00Z"},
         {"date", "2026-01-15"},
         {"time", "12:30:00Z"},
         {"duration", "PT5M"},
         {"email", "ada@example.com"},
         {"hostname", "example.com"},
         {"ipv4", "192.0.2.1"},
         {"ipv6", "2001:db8::1"},
         {"uri", "https://example.com/"},
         {"url", "https://example.com/"},
         {"regex", "^a+$"},
         {"uuid", "123e4567-e89b-42d3-a456-426614174000"}}};
    for (auto const& [key, sample] : known)
      if (key == format) return std::string(sample);
    return free_text(name);
  }
  static std::size_t code_points(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
  }
  static void cut(std::string& text, std::size_t points) {
    std::size_t at = 0;
    for (; at < text.size(); ++at)
      if ((static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U && points-- == 0) break;
    text.resize(at);
  }
  static std::vector<std::string_view> elements(std::string_view list) {
    std::vector<std::string_view> all;
    scan_array(list, [&](JsonMember const& element) { all.push_back(element.value); });
    return all;
  }

  std::string text_;
  std::string_view root_;
  std::uint64_t seed_;
  JsonSampleHints hints_;
  std::size_t values_{0};
  std::size_t budget_{json_schema_budget};
};

}  // namespace json_sample

/// JSON text that the schema accepts: always valid JSON, the same for the same seed.
///
/// Read: type, properties, required, items, prefixItems, enum, const, default, examples, $ref into the
/// document, allOf, the first fitting branch of anyOf and oneOf, bounds of numbers, lengths and lists,
/// format. Optional members are left out when some are required. Not read, so a sample may break them:
/// pattern, not, if, uniqueItems beyond what differs anyway, and whatever contradicts itself. Bounded
/// whatever the schema: depth, values and work. An empty or broken schema gives "{}".
inline std::string sample_of_schema(std::string_view schema, std::uint64_t seed, JsonSampleHints hints = {}) {
  schema.remove_prefix(std::min(schema.find_first_not_of(" \t\r\n"), schema.size()));
  if (!is_sound_json_object(schema)) return "{}";
  return json_sample::Sampler(schema, seed, hints).whole();
}

}  // namespace lowart::dialect
