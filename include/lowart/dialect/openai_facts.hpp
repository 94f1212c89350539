#pragma once
/// The facts a gateway needs of an OpenAI request, found by one shallow look; the body itself stays bytes.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/model/chat_request.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

namespace openai_facts {

inline tl::unexpected<Error> refuse(std::string_view param, std::string message) {
  Error error(Errc::invalid_request, std::move(message), Origin::client);
  return tl::unexpected<Error>(std::move(error).with_param(std::string(param)));
}

/// "model" in any mix of cases: some servers (all in Go) match names so, and would take another model than we
/// bill.
inline bool is_model_in_other_case(std::string_view key) noexcept {
  constexpr std::string_view name = "model";
  if (key.size() != name.size() || key == name) return false;
  for (std::size_t i = 0; i < key.size(); ++i)
    if ((key[i] | 0x20) != name[i]) return false;
  return true;
}

/// The members of the body that matter here; a later one of the same name replaces an earlier one.
struct Members {
  std::optional<JsonMember> model, stream, stream_options, max_tokens, max_completion_tokens, n, messages,
      prompt;
  std::optional<JsonMember> input, max_output_tokens, previous_response_id, conversation, background,
      store;              // Responses
  CallFeatures features;  ///< What the members that are asked for by their presence tell.
  int models{0};
  std::size_t behind{0};  ///< Everything before this place was read.
  JsonScan scan{JsonScan::ok};

  void take(JsonMember const& member, std::string_view name) {
    if (member.kind == JsonKind::array || member.kind == JsonKind::object) note_feature(member, name);
    else if (name == "reasoning_effort") features.add(CallFeature::reasoning);
    switch (name.size()) {
      case 1:
        if (name == "n") n = member;
        break;
      case 5:
        if (name == "model") model = member, ++models;
        else if (name == "input") input = member;
        else if (name == "store") store = member;
        else if (is_model_in_other_case(name)) ++models, model = model ? model : std::optional(member);
        break;
      case 6:
        if (name == "stream") stream = member;
        else if (name == "prompt") prompt = member;
        break;
      case 8:
        if (name == "messages") messages = member;
        break;
      case 10:
        if (name == "max_tokens") max_tokens = member;
        else if (name == "background") background = member;
        break;
      case 12:
        if (name == "conversation") conversation = member;
        break;
      case 14:
        if (name == "stream_options") stream_options = member;
        break;
      case 17:
        if (name == "max_output_tokens") max_output_tokens = member;
        break;
      case 20:
        if (name == "previous_response_id") previous_response_id = member;
        break;
      case 21:
        if (name == "max_completion_tokens") max_completion_tokens = member;
        break;
      default: break;
    }
  }
  void note_feature(JsonMember const& member, std::string_view name) noexcept {
    if (member.value.size() <= 2) return;  // empty
    if (name == "tools" || name == "functions") features.add(CallFeature::tools);
    else if (name == "response_format" || name == "format" || name == "output_config")
      features.add(CallFeature::structured);
    else if (name == "text" && member.value.find("json") != std::string_view::npos)  // Responses
      features.add(CallFeature::structured);
    else if (name == "reasoning" || name == "thinking") features.add(CallFeature::reasoning);
    else if (name == "audio") features.add(CallFeature::audio);
  }
};

/// Where a member ends in the body that it is of.
inline std::size_t end_of(JsonMember const& member, std::string_view body) noexcept {
  return static_cast<std::size_t>(member.value.data() + member.value.size() - body.data());
}

inline Members find_members(std::string_view body) {
  Members found;
  std::string decoded;
  found.scan = scan_object(body, [&](JsonMember const& member) {
    found.behind = end_of(member, body);
    if (!member.key_escaped) return found.take(member, member.key);
    decoded.clear();
    if (decode_escapes(member.key, decoded)) found.take(member, decoded);
  });
  return found;
}

inline bool is_set(std::optional<JsonMember> const& member) noexcept {
  return member && member->kind != JsonKind::null;
}

/// Reads an optional whole number within [least, most].
inline Result<std::optional<std::int64_t>> read_count(std::optional<JsonMember> const& member,
                                                      std::string_view name, std::int64_t least,
                                                      std::int64_t most) {
  if (!is_set(member)) return std::optional<std::int64_t>();
  auto const value = as_int(member->value);
  if (value && *value >= least && *value <= most) return value;
  std::string message("'");
  message.append(name).append("' must be a whole number ");
  if (most == std::numeric_limits<std::int64_t>::max())
    message.append("of at least ").append(std::to_string(least));
  else message.append("from ").append(std::to_string(least)).append(" to ").append(std::to_string(most));
  return refuse(name, std::move(message));
}

inline Result<bool> read_flag(std::optional<JsonMember> const& member, std::string_view name) {
  if (!is_set(member)) return false;
  if (auto const value = as_bool(member->value)) return *value;
  return refuse(name, std::string("'").append(name).append("' must be true or false"));
}

inline Result<void> read_model(Members const& found, WireRequest& facts, std::string& scratch) {
  if (!found.model) return refuse("model", "the request names no model");
  if (found.models > 1)
    return refuse("model", "the request names 'model' twice: which one is meant is ambiguous");
  if (found.model->kind != JsonKind::string) return refuse("model", "'model' must be a string");
  facts.model_token = found.model->value;
  if (auto const plain = as_string_view(facts.model_token)) {
    facts.model = *plain;
  } else {
    scratch.clear();
    if (!decode_string(facts.model_token, scratch))
      return refuse("model", "'model' is not a valid JSON string");
    facts.model = scratch;
  }
  if (facts.model.empty()) return refuse("model", "'model' is empty");
  return {};
}

inline Result<void> read_include_usage(Members const& found, WireRequest& facts) {
  if (!is_set(found.stream_options)) return {};
  if (found.stream_options->kind != JsonKind::object)
    return refuse("stream_options", "'stream_options' must be an object");
  auto flag =
      read_flag(find_member(found.stream_options->value, "include_usage"), "stream_options.include_usage");
  if (!flag) return tl::unexpected<Error>(std::move(flag).error());
  facts.include_usage = *flag;
  return {};
}

/// The error of a body that does not scan; everything before `behind` was read.
inline tl::unexpected<Error> refuse_scan(std::string_view body, JsonScan scan, std::size_t behind) {
  bool const cut = scan == JsonScan::truncated;
  std::string message = "the body is not valid JSON: ";
  message.append(to_string(scan)).append(cut ? " at byte " : " after byte ");
  return refuse("", message.append(std::to_string(cut ? body.size() : behind)));
}
inline tl::unexpected<Error> refuse_scan(std::string_view body, Members const& found) {
  return refuse_scan(body, found.scan, found.behind);
}

/// Everything that both kinds of request have.
inline Result<WireRequest> read_common(std::string_view body, Members const& found, std::string& scratch) {
  constexpr std::int64_t most_choices = 128;  // the API's own bound
  constexpr auto unbounded = std::numeric_limits<std::int64_t>::max();
  if (found.scan != JsonScan::ok) return refuse_scan(body, found);
  WireRequest facts;
  facts.body = body;
  facts.features = found.features;
  if (auto read = read_model(found, facts, scratch); !read)
    return tl::unexpected<Error>(std::move(read).error());
  auto const stream = read_flag(found.stream, "stream");
  if (!stream) return tl::unexpected<Error>(stream.error());
  facts.stream = *stream;
  if (auto read = read_include_usage(found, facts); !read)
    return tl::unexpected<Error>(std::move(read).error());
  auto const legacy = read_count(found.max_tokens, "max_tokens", 0, unbounded);
  if (!legacy) return tl::unexpected<Error>(legacy.error());
  auto const newer = read_count(found.max_completion_tokens, "max_completion_tokens", 0, unbounded);
  if (!newer) return tl::unexpected<Error>(newer.error());
  facts.max_tokens = *newer ? *newer : *legacy;
  auto const n = read_count(found.n, "n", 1, most_choices);
  if (!n) return tl::unexpected<Error>(n.error());
  facts.choices = n->value_or(1);
  return facts;
}

}  // namespace openai_facts

/// The facts of a POST /v1/chat/completions body. Views into `body`; `model` into `scratch` when the name has
/// escapes, so both must stay as they are while the facts are used. `decode` is left for the door to bind.
///
/// Not a validator: upstream checks the rest. Refused with Errc::invalid_request and `param`: text that is
/// not one whole JSON object, a missing, empty or doubled `model`, members of the wrong type, `n`
/// outside 1..128, negative token limits. Elsewhere the last of several members of one name counts, escaped
/// names are read as what they say, and null counts as absent. Cost: one pass, no allocation for the usual
/// body.
inline Result<WireRequest> read_openai_chat_facts(std::string_view body, std::string& scratch) {
  auto const found = openai_facts::find_members(body);
  auto facts = openai_facts::read_common(body, found, scratch);
  if (!facts) return facts;
  facts->dialect = Dialect::openai_chat;
  if (!openai_facts::is_set(found.messages))
    return openai_facts::refuse("messages", "the request has no 'messages'");
  if (found.messages->kind != JsonKind::array)
    return openai_facts::refuse("messages", "'messages' must be a list");
  return facts;
}

/// The same for a POST /v1/completions body; `prompt` is a string or a list, or absent.
inline Result<WireRequest> read_openai_completions_facts(std::string_view body, std::string& scratch) {
  auto const found = openai_facts::find_members(body);
  auto facts = openai_facts::read_common(body, found, scratch);
  if (!facts) return facts;
  facts->dialect = Dialect::openai_completions;
  bool const is_prompt = !openai_facts::is_set(found.prompt) || found.prompt->kind == JsonKind::string ||
                         found.prompt->kind == JsonKind::array;
  if (!is_prompt) return openai_facts::refuse("prompt", "'prompt' must be a string or a list");
  return facts;
}

}  // namespace lowart::dialect
