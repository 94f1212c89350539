#pragma once
/// A request of the Anthropic dialect, read into a Conversation. Nothing is lost: see decode_anthropic.

#include <lowart/core/result.hpp>
#include <lowart/dialect/anthropic_blocks_decode.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/model/conversation.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace anthropic_request {

/// Keeps what is left of an inner object as an extra field of that name.
inline void keep_rest(std::optional<JsonObject> const& inner, std::string_view name,
                      std::vector<ExtraField>& extra) {
  if (!inner) return;
  if (auto rest = inner->rest_as_object(); !rest.empty())
    extra.push_back({std::string(name), std::move(rest)});
}

/// The blocks of one wire message: each tool's result is a message, what stands between them is another.
class Turn {
 public:
  Turn(JsonObject& object, Role role, std::vector<Message>& out)
      : object_(object), role_(role), out_(out), first_(out.size()) {}

  void read(JsonMember const& list) {
    room_ = JsonObject::known_size(list);
    JsonObject::for_each_element(list, object_.path_of("content"),
                                 [this](JsonMember const& e, JsonPath const& path) {
                                   if (e.kind != JsonKind::object)
                                     return object_.fault().wrong(path, "must be an object");
                                   JsonObject block(e, path, object_.fault());
                                   std::string_view const type = block.need_word("type");
                                   if (type == "tool_result" && role_ == Role::user)
                                     decode_tool_result(block, add());
                                   else decode_block(block, type, e.value, talk().content);
                                 });
    if (role_ == Role::assistant && out_.size() > first_) settle_proofs(out_[first_].content);
    // Members of the message itself need one that is no result to stand in.
    auto rest = object_.rest();
    if (out_.size() == first_ || (!rest.empty() && out_[first_].role == Role::tool)) {
      Message lead;
      lead.role = role_;
      lead.content_is_parts = true;
      if (out_.size() > first_) out_[first_].same_turn = true;
      out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(first_), std::move(lead));
    }
    out_[first_].extra.insert(out_[first_].extra.end(), rest.begin(), rest.end());
  }

 private:
  Message& add() {
    Message& message = out_.emplace_back();
    message.same_turn = out_.size() - 1 > first_;
    return message;
  }
  Message& talk() {
    if (out_.size() > first_ && out_.back().role != Role::tool) return out_.back();
    Message& message = add();
    message.role = role_;
    message.content_is_parts = true;
    message.content.reserve(room_);
    return message;
  }

  JsonObject& object_;
  Role role_;
  std::vector<Message>& out_;
  std::size_t first_;
  std::size_t room_{0};  // for all blocks: mostly they are of one message
};

inline std::optional<Role> role_of(std::string_view word) noexcept {
  if (word == "user") return Role::user;
  if (word == "assistant") return Role::assistant;
  if (word == "system") return Role::system;  // since 2026-10-21
  return std::nullopt;
}

inline void decode_message(JsonMember const& element, JsonPath const& path, JsonFault& fault,
                           std::vector<Message>& out) {
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object");
  JsonObject object(element, path, fault);
  std::string_view const word = object.need_word("role");
  auto const role = role_of(word);
  if (!role) return object.wrong("role", "is unknown: '" + std::string(word) + "'");
  if (!object.peek("content")) return object.wrong("content", "is missing");
  if (object.peek("content")->kind == JsonKind::array) {
    auto const list = *object.take("content");
    return Turn(object, *role, out).read(list);
  }
  Message& message = out.emplace_back();
  message.role = *role;
  decode_content(object, message);
  message.extra = object.rest();
}

inline void decode_system(JsonObject& top, Conversation& c) {
  auto const system = top.take("system");
  if (!system) return;
  c.system_is_apart = true;
  Message& message = c.messages.emplace_back();
  message.role = Role::system;
  if (system->kind == JsonKind::string) {
    message.content.emplace_back().text = JsonObject::text_of(*system);
  } else if (system->kind == JsonKind::array) {
    message.content_is_parts = true;
    JsonObject::for_each_element(*system, "system", [&](JsonMember const& e, JsonPath const& path) {
      decode_block(e, path, top.fault(), message.content);
    });
  } else {
    top.wrong("system", "must be a string or a list of blocks");
  }
}

inline Tool decode_tool(JsonMember const& element, JsonPath const& path, JsonFault& fault) {
  Tool tool;
  if (element.kind != JsonKind::object) return fault.wrong(path, "must be an object"), tool;
  JsonObject object(element, path, fault);
  auto const type = object.take_word("type");
  if (type && *type != "custom") {  // one that the vendor runs, or has trained for
    tool.raw.text = element.value;
    return tool;
  }
  tool.name = need_text(object, "name");
  tool.description = object.take_text_or_empty("description");
  if (auto const schema = object.take("input_schema", JsonKind::object, "must be an object"))
    tool.parameters.text = schema->value;
  tool.strict = object.take_flag("strict");
  decode_cache_mark(object, tool.cache);
  tool.extra = object.rest();
  return tool;
}

inline void decode_tool_choice(JsonObject& top, Conversation& c) {
  auto const member = top.take("tool_choice", JsonKind::object, "must be an object");
  if (!member) return;
  ToolChoice& choice = c.tool_choice;
  JsonObject object(*member, "tool_choice", top.fault());
  std::string_view const type = object.need_word("type");
  if (type == "auto") choice.kind = ToolChoiceKind::automatic;
  else if (type == "any") choice.kind = ToolChoiceKind::required;
  else if (type == "none") choice.kind = ToolChoiceKind::none;
  else if (type == "tool") choice.kind = ToolChoiceKind::named, choice.name = need_text(object, "name");
  else choice.kind = ToolChoiceKind::other;
  if (choice.kind != ToolChoiceKind::other)
    if (auto const disabled = object.take_flag("disable_parallel_tool_use"))
      c.parallel_tool_calls = !*disabled;
  if (choice.kind == ToolChoiceKind::other || !object.rest().empty()) choice.raw.text = member->value;
}

/// A format is kept raw, in an object of its member's name, where that says more than the schema: the older top-level
/// output_format, and what we do not know.
inline bool decode_format(JsonObject& outer, std::string_view name, Conversation& c) {
  auto const member = outer.take(name, JsonKind::object, "must be an object");
  if (!member) return false;
  JsonObject object(*member, outer.path_of(name), outer.fault());
  OutputFormat& format = c.output_format;
  format.kind = object.need_word("type") == "json_schema" ? OutputKind::json_schema : OutputKind::other;
  if (format.kind == OutputKind::json_schema) {
    if (auto const schema = object.take("schema", JsonKind::object, "must be an object"))
      format.schema.text = schema->value;
    else object.wrong("schema", "is missing");
  }
  if (name == "output_format" || format.kind == OutputKind::other || !object.rest().empty())
    JsonWriter(format.raw.text).begin_object().raw(name, member->value).end_object();
  return true;
}

/// `display` says what is shown of the thinking; a word we do not know stays in the rest.
inline void decode_display(JsonObject& thinking, ReasoningWish& wish) {
  auto const display = thinking.peek("display");
  if (!display) return;
  if (display->value == "\"omitted\"") wish.shown = "none";
  else if (display->value == "\"summarized\"") wish.shown = "auto";
  else return;
  thinking.take("display");
}

inline std::optional<JsonObject> decode_thinking_wish(JsonObject& top, ReasoningWish& wish) {
  auto thinking = top.take_object("thinking");
  if (!thinking) return thinking;
  wish.mode = need_text(*thinking, "type");
  if (wish.mode.empty()) thinking->wrong("type", "is empty");
  if (wish.mode == "enabled") wish.budget_tokens = thinking->take_count("budget_tokens");
  else if (wish.mode == "disabled") wish.budget_tokens = 0;
  else if (wish.mode == "adaptive") wish.budget_tokens = -1;
  decode_display(*thinking, wish);
  return thinking;
}

inline void decode_settings(JsonObject& top, Conversation& c) {
  c.max_tokens = top.take_count("max_tokens");
  c.temperature = top.take_number("temperature");
  c.top_p = top.take_number("top_p");
  c.top_k = top.take_count("top_k");
  c.stream = top.take_flag("stream").value_or(false);
  top.take_list("stop_sequences", [&](JsonMember const& e, JsonPath const& path) {
    if (e.kind == JsonKind::string) c.stop.push_back(JsonObject::text_of(e));
    else top.fault().wrong(path, "must be a string");
  });
}

}  // namespace anthropic_request

/// Reads the body of a POST /v1/messages or /v1/messages/count_tokens, of either API version. The model is not part of
/// a Conversation and is left out.
///
/// Nothing is lost: members that the neutral language does not name are kept as ExtraField, in the bytes they came in,
/// at each level (top, message, block, tool); blocks and tools of kinds it does not know are kept whole. A wire message
/// with results of tools becomes several messages: see Message::same_turn. null counts as absent.
///
/// Errors: Errc::invalid_request with the path in param, "messages[2].content[0].source.type"; invalid JSON with its
/// offset. Cost: 0.4 ns a byte of prose to 1.5 of a transcript of calls; not for the path where bytes pass unchanged.
inline Result<Conversation> decode_anthropic(std::string_view body) {
  using namespace anthropic_request;
  JsonDocument const document(body);
  JsonFault fault;
  auto opened = open_body(document, fault);
  if (!opened) return tl::unexpected<Error>(std::move(opened).error());
  JsonObject& top = *opened;
  Conversation c;
  c.dialect = Dialect::anthropic;
  top.take("model");
  decode_system(top, c);
  if (auto const list = top.peek("messages"))
    c.messages.reserve(c.messages.size() + JsonObject::known_size(*list));
  bool const has_messages = top.take_list("messages", [&](JsonMember const& e, JsonPath const& path) {
    decode_message(e, path, fault, c.messages);
  });
  if (!has_messages) fault.wrong("messages", "is missing");
  top.take_list("tools", [&](JsonMember const& e, JsonPath const& path) {
    c.tools.push_back(decode_tool(e, path, fault));
  });
  decode_tool_choice(top, c);
  auto const thinking = decode_thinking_wish(top, c.reasoning);
  auto output = top.take_object("output_config");
  if (output) c.reasoning.effort = output->take_text_or_empty("effort");
  bool const has_format = output && decode_format(*output, "format", c);
  if (!has_format) decode_format(top, "output_format", c);
  auto metadata = top.take_object("metadata");
  if (metadata) c.user = metadata->take_text_or_empty("user_id");
  decode_settings(top, c);
  c.include_usage = c.stream;  // a message always tells it
  c.extra = top.rest();
  keep_rest(thinking, "thinking", c.extra);
  keep_rest(output, "output_config", c.extra);
  keep_rest(metadata, "metadata", c.extra);
  if (fault.error()) return tl::unexpected<Error>(std::move(*fault.error()));
  return c;
}

}  // namespace lowart::dialect
