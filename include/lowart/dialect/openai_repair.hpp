#pragma once
/// OpenAiRepair: what strict clients ask of chat completions and some vendors leave out, put in.

#include <lowart/dialect/json_patch.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// The most choices one request may ask for.
inline constexpr std::size_t most_openai_choices = 128;
using OpenAiChoices = std::bitset<most_openai_choices>;

/// Repairs the chunks of one stream, or one whole reply. The official SDKs refuse a stream whose first delta of a choice
/// has no role, whose tool calls have no index (Mistral) or no type, change their name, or whose choices never finish
/// (Snowflake). Nothing but what is missing is put in: all other bytes stay as they came.
///
/// Repaired: `role` of a choice's first delta and of a message, `index` of choices and of streamed tool calls, `type` and
/// `id` of each call, an empty `name` or `type` in a call's later pieces, `finish_reason`. Not repaired: replies of
/// legacy completions; ids and models that are empty, which no SDK minds.
///
/// Cost: nothing is looked at here before an event was found that may need it, see OpenAiContentScan.
class OpenAiRepair {
 public:
  /// Call with the first chunk that has a delta: a chunk of ours will bear the same names.
  void begin(std::string_view chunk) {
    if (first_chunk_.empty()) first_chunk_.assign(chunk);
  }

  /// Keeps the usage that is told while choices are unfinished.
  void used(std::string_view usage) { usage_.assign(usage); }

  /// The chunk as it should have been; nullopt when nothing is missing. `begun` are the choices that had a delta before.
  std::optional<std::string> chunk(std::string_view json, OpenAiChoices const& begun) {
    auto const choices = find_member(json, "choices");
    if (!is(choices, JsonKind::array)) return std::nullopt;
    return repaired(json, choices->value,
                    [&](std::string_view choice, std::int64_t position, JsonPatch& patch) {
                      repair_chunk_choice(choice, position, begun, patch);
                    });
  }

  /// The same for a whole reply, whose list of choices has been found.
  static std::optional<std::string> whole(std::string_view json, std::string_view choices) {
    return repaired(json, choices, [&](std::string_view choice, std::int64_t position, JsonPatch& patch) {
      repair_whole_choice(choice, position, json, patch);
    });
  }

  /// Appends an event that finishes these choices. With `repeats_usage` it says the usage told last once more, as
  /// clients take it from the last chunk.
  void finish(OpenAiChoices const& unfinished, bool repeats_usage, std::string& out) const {
    out.append("data: {");
    for (std::string_view const name : {"id", "created", "model"})
      if (auto const member = find_member(first_chunk_, name)) append_member(out, name, member->value);
    out.append(R"("object":"chat.completion.chunk","choices":[)");
    bool first = true;
    for (std::size_t i = 0; i < unfinished.size(); ++i) {
      if (!unfinished[i]) continue;
      if (!std::exchange(first, false)) out.push_back(',');
      out.append(R"({"index":)").append(std::to_string(i));
      out.append(R"(,"delta":{},"finish_reason":)").append(reason(calling_[i])).append("}");
    }
    out.append("]");
    if (repeats_usage && !usage_.empty()) out.append(R"(,"usage":)").append(usage_);
    out.append("}\n\n");
  }

 private:
  using Found = std::optional<JsonMember>;
  struct Call {
    std::int64_t choice;
    std::int64_t index;
    std::string id;
    std::string_view type;  ///< As JSON.
  };
  static constexpr std::size_t most_calls = 1024;  // of a stream; those beyond it pass as they came

  static std::string_view reason(bool calls) noexcept { return calls ? R"("tool_calls")" : R"("stop")"; }
  static bool lacks(Found const& m) noexcept {
    return !m || m->kind == JsonKind::null || m->value == R"("")";
  }
  static bool is(Found const& m, JsonKind kind) noexcept { return m && m->kind == kind; }
  static void append_member(std::string& out, std::string_view name, std::string_view value) {
    out.append("\"").append(name).append("\":").append(value).append(",");
  }

  template <std::size_t n>
  static std::array<Found, n> members(std::string_view object, std::array<std::string_view, n> const& names) {
    std::array<Found, n> found;
    scan_object(object, [&](JsonMember const& member) {
      for (std::size_t i = 0; i < n; ++i)
        if (member.key_is(names[i])) found[i] = member;
    });
    return found;
  }

  template <class F>
  static std::optional<std::string> repaired(std::string_view json, std::string_view choices,
                                             F&& repair_choice) {
    JsonPatch patch(json);
    std::int64_t position = 0;
    scan_array(choices, [&](JsonMember const& choice) {
      if (choice.kind == JsonKind::object) repair_choice(choice.value, position, patch);
      ++position;
    });
    return patch.empty() ? std::nullopt : std::optional(patch.made());
  }

  static void set_role(std::string_view message, Found const& role, JsonPatch& patch) {
    if (lacks(role)) patch.set(message, role, "role", R"("assistant")");
  }

  static std::int64_t choice_index(std::string_view choice, Found const& index, std::int64_t position,
                                   JsonPatch& patch) {
    if (index)
      if (auto const told = as_int(index->value)) return *told;
    patch.set(choice, index, "index", std::to_string(position));
    return position;
  }

  void repair_chunk_choice(std::string_view choice, std::int64_t position, OpenAiChoices const& begun,
                           JsonPatch& patch) {
    auto const [delta, index] = members<2>(choice, {"delta", "index"});
    if (!is(delta, JsonKind::object)) return;
    std::int64_t const number = choice_index(choice, index, position, patch);
    bool const in_range = number >= 0 && number < static_cast<std::int64_t>(begun.size());
    auto const [role, calls] = members<2>(delta->value, {"role", "tool_calls"});
    if (in_range && !begun[static_cast<std::size_t>(number)]) set_role(delta->value, role, patch);
    if (!is(calls, JsonKind::array) || !in_range) return;
    scan_array(calls->value, [&](JsonMember const& call) {
      if (call.kind == JsonKind::object) repair_call(call.value, number, patch);
    });
  }

  /// A piece of a tool call.
  void repair_call(std::string_view call, std::int64_t choice, JsonPatch& patch) {
    auto const [index, id, type, function, custom] =
        members<5>(call, {"index", "id", "type", "function", "custom"});
    auto const told = index ? as_int(index->value) : std::nullopt;
    Found const& said = is(custom, JsonKind::object) ? custom : function;
    Found const name = is(said, JsonKind::object) ? find_member(said->value, "name") : std::nullopt;
    Call const* known = told ? call_at(choice, *told) : call_meant(choice, id, name);
    if (known == nullptr && calls_.size() == most_calls) return;
    bool const begins = known == nullptr;
    if (begins) {
      std::string_view const kind = is(custom, JsonKind::object) ? R"("custom")" : R"("function")";
      calls_.push_back({choice, told.value_or(next_index(choice)), std::string(id ? id->value : ""), kind});
      calling_.set(static_cast<std::size_t>(choice));
      known = &calls_.back();
    }
    if (!told) patch.set(call, index, "index", std::to_string(known->index));
    if (begins) {
      if (lacks(id)) patch.set(call, id, "id", made_id(first_chunk_, choice, known->index));
      if (lacks(type)) patch.set(call, type, "type", known->type);
      return;
    }
    // SDKs refuse a later piece that changes what the call is, also to nothing.
    if (type && lacks(type)) patch.set(call, type, "type", known->type);
    if (name && lacks(name)) patch.remove(*name);
  }

  Call const* call_at(std::int64_t choice, std::int64_t index) const noexcept {
    for (Call const& call : calls_)
      if (call.choice == choice && call.index == index) return &call;
    return nullptr;
  }
  /// Which call a piece without an index belongs to; null when it begins one.
  Call const* call_meant(std::int64_t choice, Found const& id, Found const& name) const noexcept {
    for (std::size_t i = calls_.size(); i-- > 0;) {
      if (calls_[i].choice != choice) continue;
      if (!lacks(id) ? calls_[i].id == id->value : lacks(name)) return &calls_[i];
    }
    return nullptr;
  }
  std::int64_t next_index(std::int64_t choice) const noexcept {
    std::int64_t next = 0;
    for (Call const& call : calls_)
      if (call.choice == choice && call.index >= next) next = call.index + 1;
    return next;
  }

  static void repair_whole_choice(std::string_view choice, std::int64_t position, std::string_view reply,
                                  JsonPatch& patch) {
    auto const [message, index, finish] = members<3>(choice, {"message", "index", "finish_reason"});
    if (!is(message, JsonKind::object)) return;
    std::int64_t const number = choice_index(choice, index, position, patch);
    auto const [role, calls] = members<2>(message->value, {"role", "tool_calls"});
    set_role(message->value, role, patch);
    std::int64_t count = 0;
    if (is(calls, JsonKind::array))
      scan_array(calls->value, [&](JsonMember const& call) {
        if (call.kind == JsonKind::object) repair_whole_call(call.value, number, count, reply, patch);
        ++count;
      });
    if (lacks(finish)) patch.set(choice, finish, "finish_reason", reason(count > 0));
  }

  static void repair_whole_call(std::string_view call, std::int64_t choice, std::int64_t position,
                                std::string_view reply, JsonPatch& patch) {
    auto const [id, type, custom, function] = members<4>(call, {"id", "type", "custom", "function"});
    if (!custom && !function) return;
    if (lacks(id)) patch.set(call, id, "id", made_id(reply, choice, position));
    if (lacks(type)) patch.set(call, type, "type", custom ? R"("custom")" : R"("function")");
  }

  /// An id as JSON: of one call in one reply, not of the same one in the next.
  static std::string made_id(std::string_view reply, std::int64_t choice, std::int64_t index) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::uint64_t hash = 0xCBF29CE484222325U;  // FNV-1a
    for (char const c : reply) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
    std::string id = "\"call_";
    for (int shift = 60; shift >= 0; shift -= 4)
      id.push_back(hex[hash >> static_cast<unsigned>(shift) & 0xFU]);
    id.append("_").append(std::to_string(choice)).append("_").append(std::to_string(index));
    return id.append("\"");
  }

  std::string first_chunk_;
  std::string usage_;
  std::vector<Call> calls_;
  OpenAiChoices calling_;  ///< Choices that called a tool.
};

}  // namespace lowart::dialect
