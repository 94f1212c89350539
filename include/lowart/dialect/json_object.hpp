#pragma once
/// JsonObject: the members of one object by name, each taken once; what nobody takes is kept as it came.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_document.hpp>
#include <lowart/dialect/json_fault.hpp>
#include <lowart/dialect/json_members.hpp>
#include <lowart/dialect/json_path.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// Reads an object of valid JSON. Of several members of one name the last counts; null counts as absent,
/// except in what is left over. A member of the wrong type is told to the fault and reads as absent.
///
/// Lifetime: views into the text and the document, which must stay; paths of what was taken look at this object, which
/// must not move while they are used. Cost: up to eight members of a JsonDocument are looked at in their places, and
/// taking one compares the hashes of all at once. Of more, and of any other text, one scan, no allocation up to ten
/// members, and taking is a linear search.
class JsonObject {
 public:
  /// `path` is where the object stands in the document ("messages[2]"), empty for the document itself.
  JsonObject(std::string_view text, JsonPath const& path, JsonFault& fault) : path_(path), fault_(&fault) {
    scan_object(text, [this](JsonMember const& member) { add(member); });
  }
  /// The same, of a member that is an object.
  JsonObject(JsonMember const& member, JsonPath const& path, JsonFault& fault) : path_(path), fault_(&fault) {
    in_place_ = member.node != nullptr && !member.node->escaped && find_places(*member.node);
    if (!in_place_) for_each_in(member, [this](JsonMember const& inner) { add(inner); });
  }
  JsonObject(JsonObject&&) = default;
  JsonObject& operator=(JsonObject&&) = default;

  JsonPath const& path() const noexcept { return path_; }
  /// Where a member of that name would stand. Look at JsonPath for how long it and `name` last.
  JsonPath path_of(std::string_view name) const noexcept { return JsonPath::of_member(path_, name); }
  void wrong(std::string_view name, std::string_view what) { fault_->wrong(path_of(name), what); }
  JsonFault& fault() noexcept { return *fault_; }

  /// False where no member ever had a name of that name_hash(). Asked first, as many members may be and few are.
  bool may_have(std::uint8_t hash) const noexcept { return (present_ & bit_of(hash)) != 0; }
  /// A member that is not null, without taking it. Its key is decoded.
  [[gnu::always_inline]] std::optional<JsonMember> peek(std::string_view name) const {
    return may_have(name) ? present(name, name_hash(name)) : std::nullopt;
  }
  /// The last whose key `is_wanted(std::string_view)`.
  template <class F>
  std::optional<JsonMember> peek_if(F&& is_wanted) const {
    JsonNode const* node = nullptr;
    for_each_place(left_, [&](JsonNode const* n, std::uint64_t) {
      if (is_wanted(n->name())) node = n;
    });
    if (node != nullptr) return member_of(node);
    JsonMember const* found = nullptr;
    for (JsonMember const& member : members_.view())
      if (is_wanted(member.key) && !is_taken(member)) found = &member;
    return found != nullptr ? unless_null(*found) : std::nullopt;
  }
  /// Takes a member that is not null. Its key is decoded.
  [[gnu::always_inline]] std::optional<JsonMember> take(std::string_view name) {
    return may_have(name) ? take_present(name, name_hash(name)) : std::nullopt;
  }
  /// Takes a member of this kind.
  std::optional<JsonMember> take(std::string_view name, JsonKind kind, std::string_view what) {
    auto const member = take(name);
    if (!member || member->kind == kind) return member;
    wrong(name, what);
    return std::nullopt;
  }

  [[gnu::always_inline]] std::optional<std::string> take_text(std::string_view name) {
    if (!may_have(name)) return std::nullopt;
    auto const member = take(name, JsonKind::string, "must be a string");
    return member ? std::optional(text_of(*member)) : std::nullopt;
  }
  [[gnu::always_inline]] std::string take_text_or_empty(std::string_view name) {
    return may_have(name) ? present_text(name, name_hash(name), false) : std::string();
  }
  /// A text that must be there; empty where the fault is told that it is not.
  std::string need_text(std::string_view name) { return present_text(name, name_hash(name), true); }
  /// The same to look at, as long as this object is there.
  std::optional<std::string_view> take_word(std::string_view name) {
    auto const member = take(name, JsonKind::string, "must be a string");
    return member ? std::optional(word_of(*member)) : std::nullopt;
  }
  std::string_view need_word(std::string_view name) {
    auto const member = take(name);
    if (member && member->kind == JsonKind::string) return word_of(*member);
    wrong(name, member ? "must be a string" : "is missing");
    return {};
  }
  std::optional<bool> take_flag(std::string_view name) {
    auto const member = take(name, JsonKind::boolean, "must be true or false");
    return member ? as_bool(member->value) : std::nullopt;
  }
  std::optional<std::int64_t> take_count(std::string_view name) {
    auto const member = take(name);
    if (!member) return std::nullopt;
    auto const value = as_int(member->value);
    if (!value) wrong(name, "must be a whole number");
    return value;
  }
  std::optional<double> take_number(std::string_view name) {
    auto const member = take(name, JsonKind::number, "must be a number");
    if (!member) return std::nullopt;
    double value = 0;
    auto const* const end = member->value.data() + member->value.size();
    auto const [at, error] = std::from_chars(member->value.data(), end, value);
    if (error == std::errc() && at == end) return value;
    wrong(name, "is out of range");
    return std::nullopt;
  }
  RawJson take_raw(std::string_view name) {
    auto const member = take(name);
    return member ? RawJson{std::string(member->value)} : RawJson();
  }
  std::optional<JsonObject> take_object(std::string_view name) {
    auto const member = take(name, JsonKind::object, "must be an object");
    std::optional<JsonObject> object;
    if (member) object.emplace(*member, path_of(member->key), *fault_);
    return object;
  }
  /// Calls `each(JsonMember const&, JsonPath path)` for the elements of a list. False when there is no list.
  template <class F>
  bool take_list(std::string_view name, F&& each) {
    auto const member = take(name, JsonKind::array, "must be a list");
    if (!member) return false;
    for_each_element(*member, path_of(name), each);
    return true;
  }
  template <class F>
  static void for_each_element(JsonMember const& list, JsonPath const& path, F&& each) {
    std::size_t index = 0;
    for_each_in(list, [&](JsonMember const& element) { each(element, JsonPath::of_element(path, index++)); });
  }
  /// How many elements a list has, where a JsonDocument knows; else 0. To make room for them.
  static std::size_t known_size(JsonMember const& list) {
    std::size_t size = 0;
    if (list.node != nullptr) list.node->for_each_inside([&](JsonNode const&) { ++size; });
    return size;
  }
  /// Calls `each(JsonMember const&)` for the members of an object or the elements of a list.
  template <class F>
  static void for_each_in(JsonMember const& outer, F&& each) {
    if (outer.node != nullptr)
      outer.node->for_each_inside([&](JsonNode const& node) { each(node.member()); });
    else if (outer.kind == JsonKind::object) scan_object(outer.value, each);
    else if (outer.kind == JsonKind::array) scan_array(outer.value, each);
  }

  /// What was not taken.
  std::vector<ExtraField> rest() const {
    std::vector<ExtraField> extra;
    for_each_left([&](JsonMember const& member) {
      extra.push_back({std::string(member.key), {std::string(member.value)}});
    });
    return extra;
  }
  /// What was not taken, as one object; nothing when all was.
  RawJson rest_as_object() const {
    RawJson object;
    for_each_left([&](JsonMember const& member) {
      object.text.push_back(object.text.empty() ? '{' : ',');
      append_json_string(object.text, member.key);
      object.text.append(":").append(member.value);
    });
    if (!object.text.empty()) object.text.push_back('}');
    return object;
  }

  static std::string text_of(JsonMember const& string) {
    if (string.node != nullptr) return text_of(*string.node);
    std::string text;
    decode_string(string.value, text);
    return text;
  }

 private:
  static bool is_taken(JsonMember const& member) noexcept { return member.value.empty(); }
  static std::optional<JsonMember> unless_null(JsonMember const& member) noexcept {
    return member.kind != JsonKind::null ? std::optional(member) : std::nullopt;
  }
  static bool is_plain(JsonMember const& string) noexcept {
    return string.node != nullptr && !string.node->escaped;
  }
  static std::string_view inside(JsonMember const& string) noexcept {
    return string.value.substr(1, string.value.size() - 2);
  }
  std::string_view word_of(JsonMember const& string) {
    return is_plain(string) ? inside(string) : decoded_.emplace_front(text_of(string));
  }

  static std::uint64_t bit_of(std::uint8_t hash) noexcept { return std::uint64_t{1} << hash % 64U; }
  bool may_have(std::string_view name) const noexcept { return may_have(name_hash(name)); }
  /// Notes where the members lie in the document. False where they are too many for that.
  bool find_places(JsonNode const& object) noexcept {
    std::size_t count = 0;
    JsonNode const* const end = &object + 1 + object.inside;
    for (JsonNode const* n = &object + 1; n != end; n += 1 + n->inside, ++count) {
      if (count == most_places) return false;
      places_[count] = n;
      hashes_ |= std::uint64_t{n->key_hash} << 8 * count;
      present_ |= bit_of(n->key_hash);
    }
    left_ = count == 0 ? 0 : marks >> 8 * (most_places - count);
    return true;
  }
  /// Calls `each(JsonNode const*, its mark)` for the places that are marked.
  template <class F>
  void for_each_place(std::uint64_t marked, F&& each) const {
    for (; marked != 0; marked &= marked - 1)
      each(places_[static_cast<std::size_t>(std::countr_zero(marked)) / 8], marked & -marked);
  }
  static std::optional<JsonMember> member_of(JsonNode const* node) noexcept {
    return node != nullptr ? unless_null(node->member()) : std::nullopt;
  }
  struct Found {
    JsonNode const* node{nullptr};  ///< The last of that name that is not taken.
    std::uint64_t marks{0};         ///< Of all of that name.
  };
  Found find(std::string_view name, std::uint8_t hash) const noexcept {
    Found found;
    // The hash in each byte, all at once: a byte that is zero here is marked, and maybe one behind it that is 1.
    std::uint64_t const differ = hashes_ ^ ones * hash;
    for_each_place((differ - ones) & ~differ & left_, [&](JsonNode const* n, std::uint64_t mark) {
      if (!equal_words(n->name(), name)) return;
      found.marks |= mark;
      found.node = n;
    });
    return found;
  }
  std::optional<JsonMember> present(std::string_view name, std::uint8_t hash) const {
    if (in_place_) return member_of(find(name, hash).node);
    return peek_if([name](std::string_view key) { return key == name; });
  }
  std::optional<JsonMember> take_present(std::string_view name, std::uint8_t hash) {
    return in_place_ ? member_of(take_node(name, hash)) : take_held(name);
  }
  JsonNode const* take_node(std::string_view name, std::uint8_t hash) noexcept {
    Found const found = find(name, hash);
    left_ &= ~found.marks;
    return found.node;
  }
  std::string present_text(std::string_view name, std::uint8_t hash, bool must) {
    if (in_place_) {
      JsonNode const* const node = take_node(name, hash);
      if (node != nullptr && node->kind == JsonKind::string) return text_of(*node);
      if (node == nullptr || node->kind == JsonKind::null) return must ? is_missing(name) : std::string();
    } else if (auto const member = take_held(name)) {
      if (member->kind == JsonKind::string) return text_of(*member);
    } else {
      return must ? is_missing(name) : std::string();
    }
    wrong(name, "must be a string");
    return {};
  }
  std::string is_missing(std::string_view name) {
    wrong(name, "is missing");
    return {};
  }
  static std::string text_of(JsonNode const& string) {
    std::string_view const inner(string.value + 1, string.value_size - 2);
    if (!string.escaped) return std::string(inner);
    std::string text;
    decode_escapes(inner, text);
    return text;
  }
  std::optional<JsonMember> take_held(std::string_view name) {
    JsonMember* found = nullptr;
    for (JsonMember& member : members_.view()) {
      if (member.key != name || is_taken(member)) continue;
      if (found != nullptr) found->value = {};
      found = &member;
    }
    if (found == nullptr) return std::nullopt;
    JsonMember const taken = *found;
    found->value = {};
    return unless_null(taken);
  }
  void add(JsonMember const& member) {
    members_.push_back(member);
    if (member.key_escaped) decode_key(members_.view().back());
    present_ |= bit_of(name_hash(members_.view().back().key));
  }
  void decode_key(JsonMember& member) {
    std::string& name = decoded_.emplace_front();
    decode_escapes(member.key, name);
    member.key = name;
    member.key_escaped = false;
  }
  bool is_all_taken() const noexcept {
    auto const held = members_.view();
    return left_ == 0 && std::all_of(held.begin(), held.end(), is_taken);
  }
  template <class F>
  void for_each_left(F&& each) const {
    if (is_all_taken()) return;  // mostly
    JsonMembers left;
    for_each_place(left_, [&](JsonNode const* n, std::uint64_t) { left.push_back(n->member()); });
    for (JsonMember const& member : members_.view())
      if (!is_taken(member)) left.push_back(member);
    left.keep_last_of_each_name();
    for (JsonMember const& member : left.view()) each(member);
  }

  static constexpr std::size_t most_places = 8;
  static constexpr std::uint64_t ones = 0x0101010101010101, marks = ones << 7U;

  bool in_place_{false};      // the members lie in a document: few, and no escape in a key
  std::uint64_t left_{0};     // a mark in the byte of each that is not taken
  std::uint64_t hashes_{0};   // a byte each
  std::uint64_t present_{0};  // of the names of all members
  std::array<JsonNode const*, most_places> places_{};
  JsonMembers members_;  // where they do not lie so; a taken one has an empty value
  std::forward_list<std::string> decoded_;
  JsonPath path_;
  JsonFault* fault_;
};

/// The object that a body is. The error says where it is no valid JSON, or that it is no object.
inline Result<JsonObject> open_body(JsonDocument const& document, JsonFault& fault) {
  if (auto const at = document.error()) fault.wrong("", "is not valid JSON, at byte " + std::to_string(*at));
  else if (document.has_too_many_values())
    fault.wrong("", "has more than " + std::to_string(JsonDocument::most_values) + " JSON values");
  else if (document.root().kind != JsonKind::object) fault.wrong("", "is not a JSON object");
  if (fault.error()) return tl::unexpected<Error>(std::move(*fault.error()));
  return JsonObject(document.root(), "", fault);
}

}  // namespace lowart::dialect
