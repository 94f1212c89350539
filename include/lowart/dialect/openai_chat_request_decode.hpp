#pragma once
/// A chat request of the OpenAI dialect, read into a Conversation. Nothing is lost: see decode_openai_chat.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

namespace openai_request {

inline constexpr std::array<std::pair<std::string_view, Role>, 5> roles{{{"system", Role::system},
                                                                         {"developer", Role::developer},
                                                                         {"user", Role::user},
                                                                         {"assistant", Role::assistant},
                                                                         {"tool", Role::tool}}};

/// Keeps what is left of an inner object ("image_url", "function") as an extra field of that name.
inline void keep_rest(JsonObject const& inner, std::string_view name, std::vector<ExtraField>& extra) {
  if (auto rest = inner.rest_as_object(); !rest.empty())
    extra.push_back({std::string(name), std::move(rest)});
}

inline std::string text_or_empty(std::optional<std::string> text) {
  return text ? std::move(*text) : std::string();
}

/// The inner object that a kind of part is made of; a fault when it is missing.
inline std::optional<JsonObject> take_inner(JsonObject& outer, std::string_view name) {
  if (!outer.peek(name)) outer.wrong(name, "is missing");
  return outer.take_object(name);
}

/// A proof that another provider's reply brought here under our seal. The member that holds it was written by us and is
/// not kept: the chat provider would not know what it is.
inline bool is_foreign(Signature const& signature) noexcept {
  return !signature.empty() && signature.by != Dialect::openai_chat;
}

/// The signature that a tool call brings back in Google's member of this dialect; the member itself is kept as well
/// when its provider wrote it.
inline Signature take_signature(JsonObject& call) {
  auto const extra = call.peek("extra_content");
  auto const google = extra ? find_member(extra->value, "google") : std::nullopt;
  auto const proof = google ? find_member(google->value, "thought_signature") : std::nullopt;
  if (!proof || proof->kind != JsonKind::string) return {};
  Signature signature = unseal(JsonObject::text_of(*proof), Dialect::openai_chat);
  if (is_foreign(signature)) call.take("extra_content");
  return signature;
}

inline void decode_cache_mark(JsonObject& object, std::optional<CacheMark>& cache) {
  // Not OpenAI's own, but what routers and compatible servers of this dialect take.
  auto const member = object.peek("cache_control");
  if (!member || member->kind != JsonKind::object) return;
  JsonObject mark(*member, object.path_of("cache_control"), object.fault());
  auto const ttl = mark.take("ttl");
  bool const is_known = text_or_empty(mark.take_text("type")) == "ephemeral" && mark.rest().empty() &&
                        (!ttl || ttl->kind == JsonKind::string);
  if (!is_known) return;  // stays an extra field, as it came
  cache = CacheMark{ttl ? JsonObject::text_of(*ttl) : std::string()};
  object.take("cache_control");
}

inline void decode_part(JsonMember const& element, JsonPath const& path, JsonFault& fault,
                        ContentPart& part) {
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object");
  JsonObject object(element, path, fault);
  if (!object.peek("type")) return object.wrong("type", "is missing");
  auto const type = text_or_empty(object.take_text("type"));
  std::optional<JsonObject> inner;
  if (type == "text" || type == "refusal") {
    part.kind = type == "text" ? PartKind::text : PartKind::refusal;
    if (!object.peek(type)) object.wrong(type, "is missing");
    part.text = text_or_empty(object.take_text(type));
  } else if (type == "image_url") {
    part.kind = PartKind::image;
    inner = take_inner(object, type);
    if (inner) {
      if (!inner->peek("url")) inner->wrong("url", "is missing");
      part.data = text_or_empty(inner->take_text("url"));
      part.detail = text_or_empty(inner->take_text("detail"));
    }
  } else if (type == "input_audio") {
    part.kind = PartKind::audio;
    inner = take_inner(object, type);
    if (inner) {
      part.data = text_or_empty(inner->take_text("data"));
      part.format = text_or_empty(inner->take_text("format"));
    }
  } else if (type == "file") {
    part.kind = PartKind::file;
    inner = take_inner(object, type);
    if (inner) {
      part.data = text_or_empty(inner->take_text("file_data"));
      part.file_id = text_or_empty(inner->take_text("file_id"));
      part.file_name = text_or_empty(inner->take_text("filename"));
    }
  } else {
    part.kind = PartKind::other;
    part.raw.text = element.value;
    return;
  }
  decode_cache_mark(object, part.cache);
  part.extra = object.rest();
  if (inner) keep_rest(*inner, type, part.extra);
}

inline void decode_tool_call(JsonMember const& element, JsonPath const& path, JsonFault& fault,
                             ContentPart& part) {
  part.kind = PartKind::tool_call;
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object");
  JsonObject object(element, path, fault);
  auto const type = object.take_text("type").value_or("function");  // Mistral omits it
  if (type != "function" && type != "custom") {
    part.raw.text = element.value;  // a kind of call that we only carry
    return;
  }
  part.call.id = text_or_empty(object.take_text("id"));
  part.call.custom = type == "custom";
  auto inner = take_inner(object, type);
  if (inner) {
    if (!inner->peek("name")) inner->wrong("name", "is missing");
    part.call.name = text_or_empty(inner->take_text("name"));
    part.call.arguments = text_or_empty(inner->take_text(part.call.custom ? "input" : "arguments"));
  }
  part.signature = take_signature(object);
  part.extra = object.rest();
  if (inner) keep_rest(*inner, type, part.extra);
}

inline void decode_role(JsonObject& object, Message& message) {
  auto const word = object.take_text("role");
  if (!word) return object.wrong("role", "is missing");
  for (auto const& [name, role] : roles)
    if (name == *word) return void(message.role = role);
  if (*word != "function") return object.wrong("role", "is unknown: '" + *word + "'");
  message.role =
      Role::tool;  // the legacy spelling, kept as an extra field that overrides the role when written
  message.extra.push_back({"role", {"\"function\""}});
}

inline void decode_content(JsonObject& object, Message& message) {
  auto const content = object.take("content");
  if (!content) return;
  if (content->kind == JsonKind::string) {
    message.content.emplace_back().text = JsonObject::text_of(*content);
  } else if (content->kind == JsonKind::array) {
    message.content_is_parts = true;
    JsonObject::for_each_element(*content, object.path_of("content"),
                                 [&](JsonMember const& e, JsonPath const& path) {
                                   decode_part(e, path, object.fault(), message.content.emplace_back());
                                 });
  } else {
    object.wrong("content", "must be a string or a list of parts");
  }
}

inline bool is_reasoning(std::string_view name) noexcept {
  return name == "reasoning_content" || name == "reasoning" || name == "reasoning_details";
}

/// What a message says of its reasoning, in any of the spellings that vendors have. The members themselves are kept
/// as extra fields, so that they go out as they came (but for seals of ours); the parts tell another dialect.
inline void decode_reasoning(JsonObject& object, Message& message) {
  if (auto const details = object.peek("reasoning_details"); details && details->kind == JsonKind::array) {
    scan_array(details->value, [&](JsonMember const& element) {
      auto const text_in = [&](std::string_view name) {
        auto const member = find_member(element.value, name);
        return member && member->kind == JsonKind::string ? JsonObject::text_of(*member) : std::string();
      };
      if (element.kind != JsonKind::object) return;
      ContentPart& part = message.content.emplace_back();
      part.kind = PartKind::reasoning;
      part.redacted = text_in("type") == "reasoning.encrypted";
      part.text = text_in("text");
      if (std::string const proof = text_in(part.redacted ? "data" : "signature"); !proof.empty())
        part.signature = unseal(proof, Dialect::openai_chat);
    });
    bool const sealed = std::any_of(message.content.begin(), message.content.end(),
                                    [](ContentPart const& part) { return is_foreign(part.signature); });
    if (sealed) object.take("reasoning_details");
    if (!message.content.empty()) return;
  }
  for (std::string_view const name : {"reasoning_content", "reasoning"}) {
    auto const member = object.peek(name);
    if (!member || member->kind != JsonKind::string) continue;
    ContentPart& part = message.content.emplace_back();
    part.kind = PartKind::reasoning;
    part.text = JsonObject::text_of(*member);
    return;
  }
}

/// A refusal in its own member; beside a list of parts it stays an extra field.
inline void decode_refusal(JsonObject& object, Message& message) {
  if (message.content_is_parts) return;
  auto refusal = object.take_text("refusal");
  if (!refusal) return;
  ContentPart& part = message.content.emplace_back();
  part.kind = PartKind::refusal;
  part.text = *std::move(refusal);
}

inline void decode_message(JsonMember const& element, JsonPath const& path, JsonFault& fault,
                           Message& message) {
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object");
  JsonObject object(element, path, fault);
  decode_role(object, message);
  decode_reasoning(object, message);
  decode_content(object, message);
  decode_refusal(object, message);
  if (auto const calls = object.peek("tool_calls"))
    message.content.reserve(message.content.size() + JsonObject::known_size(*calls));
  object.take_list("tool_calls", [&](JsonMember const& e, JsonPath const& at) {
    decode_tool_call(e, at, fault, message.content.emplace_back());
  });
  message.tool_call_id = text_or_empty(object.take_text("tool_call_id"));
  message.name = text_or_empty(object.take_text("name"));
  for (ExtraField& field : object.rest())
    if (field.value.text != "null" || !is_reasoning(field.name)) message.extra.push_back(std::move(field));
}

/// A free-form tool: it takes text, which a grammar may bound.
inline void decode_custom_tool(JsonObject& object, Tool& tool) {
  tool.custom = true;
  auto inner = take_inner(object, "custom");
  if (!inner) return;
  if (!inner->peek("name")) inner->wrong("name", "is missing");
  tool.name = text_or_empty(inner->take_text("name"));
  tool.description = text_or_empty(inner->take_text("description"));
  tool.format = inner->take_raw("format");
  keep_rest(*inner, "custom", tool.extra);
}

inline Tool decode_tool(JsonMember const& element, JsonPath const& path, JsonFault& fault) {
  Tool tool;
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object"), tool;
  JsonObject object(element, path, fault);
  if (!object.peek("type")) return object.wrong("type", "is missing"), tool;
  auto const type = text_or_empty(object.take_text("type"));
  if (type != "function" && type != "custom") {
    tool.raw.text = element.value;
    return tool;
  }
  decode_cache_mark(object, tool.cache);
  std::optional<JsonObject> inner;
  if (type == "custom") decode_custom_tool(object, tool);
  else inner = take_inner(object, type);
  if (inner) {
    if (!inner->peek("name")) inner->wrong("name", "is missing");
    tool.name = text_or_empty(inner->take_text("name"));
    tool.description = text_or_empty(inner->take_text("description"));
    auto const parameters = inner->take("parameters", JsonKind::object, "must be an object");
    if (parameters) tool.parameters.text = parameters->value;
    tool.strict = inner->take_flag("strict");
  }
  for (ExtraField& field : object.rest()) tool.extra.push_back(std::move(field));
  if (inner) keep_rest(*inner, "function", tool.extra);
  return tool;
}

/// Some of the tools, as many of them as we can name.
inline ToolChoice decode_allowed_tools(JsonObject& object, ToolChoice choice) {
  auto inner = object.take_object("allowed_tools");
  if (!inner) return choice;
  bool all_named = true;
  bool const required = inner->take_text("mode") == "required";
  inner->take_list("tools", [&](JsonMember const& e, JsonPath const&) {
    auto const function = find_member(e.value, "function");
    auto const name = function ? find_member(function->value, "name") : std::nullopt;
    if (name && name->kind == JsonKind::string) choice.allowed.push_back(JsonObject::text_of(*name));
    else all_named = false;
  });
  if (all_named) choice.kind = required ? ToolChoiceKind::required : ToolChoiceKind::automatic;
  return choice;
}

inline ToolChoice decode_tool_choice(JsonMember const& member, JsonFault& fault) {
  ToolChoice choice;
  choice.kind = ToolChoiceKind::other;
  choice.raw.text = member.value;
  if (member.kind == JsonKind::string) {
    if (member.value == "\"auto\"") return {ToolChoiceKind::automatic, {}, {}, {}};
    if (member.value == "\"none\"") return {ToolChoiceKind::none, {}, {}, {}};
    if (member.value == "\"required\"") return {ToolChoiceKind::required, {}, {}, {}};
    return choice;
  }
  if (member.kind != JsonKind::object)
    return fault.wrong("tool_choice", "must be a string or an object"), choice;
  JsonObject object(member, "tool_choice", fault);
  auto const type = text_or_empty(object.take_text("type"));
  if (type == "allowed_tools") return decode_allowed_tools(object, std::move(choice));
  if (type != "function" && type != "custom") return choice;
  auto inner = take_inner(object, type);
  if (!inner) return choice;
  choice.kind = ToolChoiceKind::named;
  choice.name = text_or_empty(inner->take_text("name"));
  if (type == "function" && object.rest().empty() && inner->rest().empty()) choice.raw = {};
  return choice;
}

inline OutputFormat decode_output_format(JsonMember const& member, JsonFault& fault) {
  OutputFormat format;
  format.kind = OutputKind::other;
  format.raw.text = member.value;
  JsonObject object(member, "response_format", fault);
  if (!object.peek("type")) return object.wrong("type", "is missing"), format;
  auto const type = text_or_empty(object.take_text("type"));
  std::optional<JsonObject> inner;
  if (type == "text") format.kind = OutputKind::text;
  else if (type == "json_object") format.kind = OutputKind::json_object;
  else if (type == "json_schema") format.kind = OutputKind::json_schema, inner = take_inner(object, type);
  else return format;
  if (inner) {
    format.name = text_or_empty(inner->take_text("name"));
    format.description = text_or_empty(inner->take_text("description"));
    format.schema = inner->take_raw("schema");
    format.strict = inner->take_flag("strict");
  }
  if (object.rest().empty() && (!inner || inner->rest().empty())) format.raw = {};
  return format;
}

inline void decode_stop(JsonObject& top, Conversation& c) {
  auto const stop = top.take("stop");
  if (!stop) return;
  if (stop->kind == JsonKind::string) {
    c.stop_is_list = false;
    c.stop.push_back(JsonObject::text_of(*stop));
  } else if (stop->kind == JsonKind::array) {
    JsonObject::for_each_element(*stop, "stop", [&](JsonMember const& e, JsonPath const& path) {
      if (e.kind == JsonKind::string) c.stop.push_back(JsonObject::text_of(e));
      else top.fault().wrong(path, "must be a string");
    });
  } else {
    top.wrong("stop", "must be a string or a list of strings");
  }
}

/// What chat and legacy completions share; the rest of `top` is left for the caller.
inline void decode_settings(JsonObject& top, Conversation& c, bool legacy_limit) {
  c.max_tokens = top.take_count("max_completion_tokens");
  if (!c.max_tokens) {
    c.max_tokens = top.take_count("max_tokens");
    c.max_tokens_is_legacy = c.max_tokens && legacy_limit;
  }
  c.temperature = top.take_number("temperature");
  c.top_p = top.take_number("top_p");
  c.frequency_penalty = top.take_number("frequency_penalty");
  c.presence_penalty = top.take_number("presence_penalty");
  c.n = top.take_count("n");
  c.seed = top.take_count("seed");
  decode_stop(top, c);
  c.user = text_or_empty(top.take_text("user"));
  c.stream = top.take_flag("stream").value_or(false);
}

}  // namespace openai_request

/// Reads the body of a POST /v1/chat/completions. The model is not part of a Conversation and is left out.
///
/// Nothing is lost: members that the neutral language does not name are kept as ExtraField, in the bytes they
/// came in, at each level (top, message, part, tool, tool call); what an inner object such as "image_url" or
/// "function" has beyond the known is kept as an extra field of that name. Legacy `functions`,
/// `function_call` and the role "function" survive so. null counts as absent.
///
/// Errors: Errc::invalid_request with the path in param, "messages[2].content[0].type"; invalid JSON with its
/// offset. Cost: 0.6 to 3 ns a byte; not for the path where bytes pass unchanged.
inline Result<Conversation> decode_openai_chat(std::string_view body) {
  using namespace openai_request;
  JsonDocument const document(body);
  JsonFault fault;
  auto opened = open_body(document, fault);
  if (!opened) return tl::unexpected<Error>(std::move(opened).error());
  JsonObject& top = *opened;
  Conversation c;
  c.dialect = Dialect::openai_chat;
  top.take("model");
  bool const has_messages = top.take_list("messages", [&](JsonMember const& e, JsonPath const& path) {
    decode_message(e, path, fault, c.messages.emplace_back());
  });
  if (!has_messages) fault.wrong("messages", "is missing");
  top.take_list("tools", [&](JsonMember const& e, JsonPath const& path) {
    c.tools.push_back(decode_tool(e, path, fault));
  });
  if (auto const choice = top.take("tool_choice")) c.tool_choice = decode_tool_choice(*choice, fault);
  if (auto const format = top.take("response_format", JsonKind::object, "must be an object"))
    c.output_format = decode_output_format(*format, fault);
  c.parallel_tool_calls = top.take_flag("parallel_tool_calls");
  decode_settings(top, c, true);
  c.logprobs = top.take_flag("logprobs");
  c.top_logprobs = top.take_count("top_logprobs");
  c.reasoning.effort = text_or_empty(top.take_text("reasoning_effort"));
  c.verbosity = text_or_empty(top.take_text("verbosity"));
  auto options = top.take_object("stream_options");
  if (options) c.include_usage = options->take_flag("include_usage").value_or(false);
  c.extra = top.rest();
  if (options) keep_rest(*options, "stream_options", c.extra);
  if (fault.error()) return tl::unexpected<Error>(std::move(*fault.error()));
  return c;
}

}  // namespace lowart::dialect
