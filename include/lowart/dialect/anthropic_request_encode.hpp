#pragma once
/// A Conversation, written as a request of the Anthropic dialect.

#include <lowart/core/result.hpp>
#include <lowart/dialect/anthropic_blocks_encode.hpp>
#include <lowart/dialect/anthropic_thinking.hpp>
#include <lowart/dialect/fidelity.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/spelling.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/model/losses.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::dialect {

/// How a provider of the Anthropic dialect wants to be spoken to. For requests that are translated; those of the same
/// dialect go as they came.
struct AnthropicVariant {
  std::int64_t default_max_tokens{8'192};  ///< The API requires a limit: that of requests which have none.
  bool adaptive_thinking{false};  ///< The models take an effort and `adaptive` thinking, not a budget.
};

namespace anthropic_request {

inline bool is_own(Dialect d) noexcept { return d == Dialect::anthropic; }
inline bool is_system(Message const& m) noexcept {
  return m.role == Role::system || m.role == Role::developer;
}

/// What this dialect can say in general, but not with this value.
inline void check_values(Conversation const& c, Losses& losses) {
  if (c.temperature.value_or(0) > 1)
    losses.lose(Weight::meaning, std::string(spelling(Feature::temperature, c.dialect)),
                "is above 1, the most that anthropic takes");
  bool const blank = std::any_of(c.stop.begin(), c.stop.end(), [](std::string const& stop) {
    return stop.find_first_not_of(" \t\r\n") == std::string::npos;
  });
  if (blank)
    losses.lose(Weight::meaning, std::string(spelling(Feature::stop, c.dialect)),
                "holds a sequence of white space only, which anthropic refuses");
  for (std::size_t i = 0; i < c.messages.size(); ++i) {
    for (std::size_t j = 0; j < c.messages[i].content.size(); ++j) {
      ContentPart const& part = c.messages[i].content[j];
      bool const is_media = part.kind == PartKind::image || part.kind == PartKind::file;
      if (is_media && part.media->data.starts_with("data:") && !parse_data_url(part.media->data))
        losses.lose(Weight::meaning, path_of(c, i, j),
                    "is a data: URL without base64, which anthropic does not take");
    }
  }
}

inline void encode_message_own(Encoding& e, std::span<Message const> turn) {
  Message const& lead = turn.front();
  JsonWriter& w = e.w;
  bool const silent = lead.role == Role::assistant && !lead.content.empty() &&
                      std::none_of(lead.content.begin(), lead.content.end(),
                                   [](ContentPart const& part) { return is_sent(part, true); });
  if (silent) return;  // nothing but another provider's reasoning
  bool const results =
      std::any_of(turn.begin(), turn.end(), [](Message const& m) { return m.role == Role::tool; });
  w.begin_object();
  w.text("role", lead.role == Role::assistant ? "assistant" : is_system(lead) ? "system" : "user");
  if (!results && turn.size() == 1) {
    encode_content(e, lead);
  } else {
    w.begin_list("content");
    for (Message const& message : turn) {
      if (message.role == Role::tool) encode_tool_result(e, message);
      else
        for (ContentPart const& part : message.content)
          if (is_sent(part, true)) encode_block(e, part);
    }
    w.end_list();
  }
  if (lead.role != Role::tool) e.extra(lead.extra);
  w.end_object();
}

/// Each wire message as it came.
inline void encode_messages_own(Encoding& e, std::span<Message const> messages) {
  while (!messages.empty()) {
    std::size_t n = 1;
    while (n < messages.size() && messages[n].same_turn) ++n;
    encode_message_own(e, messages.first(n));
    messages = messages.subspan(n);
  }
}

/// Messages of another dialect: those of one side that follow each other become one, results of tools first.
inline void encode_messages_foreign(Encoding& e, std::span<Message const> messages) {
  auto const is_assistant = [](Message const& m) { return m.role == Role::assistant; };
  bool open = false;
  auto const begin_once = [&](bool assistant) {
    if (std::exchange(open, true)) return;
    e.w.begin_object().text("role", assistant ? "assistant" : "user").begin_list("content");
  };
  while (!messages.empty()) {
    bool const assistant = is_assistant(messages.front());
    std::size_t n = 0;
    while (n < messages.size() && (is_system(messages[n]) || is_assistant(messages[n]) == assistant)) ++n;
    auto const turn = messages.first(n);
    messages = messages.subspan(n);
    for (Message const& message : turn)
      if (message.role == Role::tool) begin_once(assistant), encode_tool_result(e, message);
    for (Message const& message : turn) {
      if (message.role == Role::tool || is_system(message)) continue;  // later instructions: told as a loss
      for (ContentPart const& part : message.content)
        if (is_sent(part, false)) begin_once(assistant), encode_block(e, part);
    }
    if (std::exchange(open, false)) e.w.end_list().end_object();
  }
}

/// The leading instructions, in a member of their own. Returns how many messages they are.
inline std::size_t encode_system(Encoding& e, Conversation const& c) {
  JsonWriter& w = e.w;
  if (e.own) {
    if (!c.system_is_apart || c.messages.empty()) return 0;
    Message const& system = c.messages.front();
    if (!system.content_is_parts && system.content.size() == 1)
      return w.text("system", system.content.front().text), 1;
    w.begin_list("system");
    for (ContentPart const& part : system.content)
      if (is_sent(part, true)) encode_block(e, part);
    w.end_list();
    return 1;
  }
  std::size_t n = 0;
  std::vector<ContentPart const*> parts;
  for (; n < c.messages.size() && is_system(c.messages[n]); ++n)
    for (ContentPart const& part : c.messages[n].content)
      if (part.kind == PartKind::text && is_sent(part, false)) parts.push_back(&part);
  if (parts.size() == 1 && !parts.front()->cache) return w.text("system", parts.front()->text), n;
  if (parts.empty()) return n;
  w.begin_list("system");
  for (ContentPart const* part : parts) encode_block(e, *part);
  w.end_list();
  return n;
}

/// A schema must name its type here.
inline void encode_schema(JsonWriter& w, Tool const& tool) {
  std::string_view const schema = tool.parameters.text;
  if (!schema.empty() && find_member(schema, "type")) return void(w.raw("input_schema", schema));
  w.begin_object("input_schema").text("type", "object");
  if (schema.empty()) w.begin_object("properties").end_object();
  else w.members_of(schema);
  w.end_object();
}

/// A free-form tool as a function with one text argument; its grammar becomes part of the description.
inline void encode_custom_tool(JsonWriter& w, Tool const& tool) {
  std::string description = tool.description;
  if (!tool.format.empty()) {
    if (!description.empty()) description.append("\n\n");
    description.append("The input must have this format: ").append(tool.format.text);
  }
  w.begin_object().text("name", tool.name).text_if("description", description).begin_object("input_schema");
  w.text("type", "object")
      .begin_object("properties")
      .begin_object("input")
      .text("type", "string")
      .end_object();
  w.end_object().begin_list("required").text("input").end_list().end_object();
}

inline void encode_tool(Encoding& e, Tool const& tool) {
  JsonWriter& w = e.w;
  if (!tool.raw.empty()) return void(w.raw(tool.raw.text));
  if (tool.custom) {
    encode_custom_tool(w, tool);
  } else {
    w.begin_object().text("name", tool.name).text_if("description", tool.description);
    if (e.own) w.raw_if("input_schema", tool.parameters).flag_if("strict", tool.strict);
    else encode_schema(w, tool);
    if (!e.own && tool.strict == true) w.flag("strict", true);
  }
  e.cache_mark(tool.cache);
  e.extra(tool.extra);
  w.end_object();
}

/// The tools that may be called. Returns whether there are any.
inline bool encode_tools(Encoding& e, Conversation const& c) {
  auto const& allowed = c.tool_choice.allowed;
  auto const is_offered = [&](Tool const& tool) {
    if (e.own) return true;
    return tool.raw.empty() &&
           (allowed.empty() || std::find(allowed.begin(), allowed.end(), tool.name) != allowed.end());
  };
  bool open = false;
  for (Tool const& tool : c.tools) {
    if (!is_offered(tool)) continue;
    if (!std::exchange(open, true)) e.w.begin_list("tools");
    encode_tool(e, tool);
  }
  if (open) e.w.end_list();
  return open;
}

inline void encode_tool_choice(Encoding& e, Conversation const& c) {
  JsonWriter& w = e.w;
  ToolChoice const& choice = c.tool_choice;
  if (e.own && !choice.raw.empty()) return void(w.raw("tool_choice", choice.raw.text));
  auto kind = choice.kind;
  bool const one_at_a_time = c.parallel_tool_calls == false && kind != ToolChoiceKind::none;
  if (kind == ToolChoiceKind::unset && one_at_a_time) kind = ToolChoiceKind::automatic;
  switch (kind) {
    case ToolChoiceKind::unset:
    case ToolChoiceKind::other: return;
    case ToolChoiceKind::automatic: w.begin_object("tool_choice").text("type", "auto"); break;
    case ToolChoiceKind::none: w.begin_object("tool_choice").text("type", "none"); break;
    case ToolChoiceKind::required: w.begin_object("tool_choice").text("type", "any"); break;
    case ToolChoiceKind::named:
      w.begin_object("tool_choice").text("type", "tool").text("name", choice.name);
      break;
  }
  if (e.own && c.parallel_tool_calls) w.flag("disable_parallel_tool_use", !*c.parallel_tool_calls);
  else if (one_at_a_time) w.flag("disable_parallel_tool_use", true);
  w.end_object();
}

inline void encode_thinking_own(Encoding& e, Conversation const& c) {
  ReasoningWish const& wish = c.reasoning;
  if (wish.mode.empty()) return;
  e.w.begin_object("thinking").text("type", wish.mode);
  if (wish.mode == "enabled") e.w.count_if("budget_tokens", wish.budget_tokens);
  if (!wish.shown.empty()) e.w.text("display", wish.shown == "none" ? "omitted" : "summarized");
  if (auto const* rest = find_extra(c.extra, "thinking")) e.w.members_of(rest->text);
  e.w.end_object();
}

inline void encode_thinking(JsonWriter& w, AnthropicThinking const& plan) {
  if (plan.type.empty()) return;
  w.begin_object("thinking").text("type", plan.type);
  if (plan.type == "enabled") w.count("budget_tokens", plan.budget);
  w.end_object();
}

inline void encode_output_config(Encoding& e, Conversation const& c, std::string_view effort) {
  JsonWriter& w = e.w;
  OutputFormat const& format = c.output_format;
  bool const older = e.own && find_member(format.raw.text, "output_format");
  auto const* rest = e.own ? find_extra(c.extra, "output_config") : nullptr;
  bool const has_format =
      !older && (format.kind == OutputKind::json_schema || (e.own && format.kind == OutputKind::other));
  if (older) w.members_of(format.raw.text);
  if (effort.empty() && !has_format && rest == nullptr) return;
  w.begin_object("output_config").text_if("effort", effort);
  if (has_format && e.own && !format.raw.empty()) w.members_of(format.raw.text);
  else if (has_format)
    w.begin_object("format").text("type", "json_schema").raw_if("schema", format.schema).end_object();
  if (rest != nullptr) w.members_of(rest->text);
  w.end_object();
}

inline void encode_metadata(Encoding& e, Conversation const& c) {
  auto const* rest = e.own ? find_extra(c.extra, "metadata") : nullptr;
  if (c.user.empty() && rest == nullptr) return;
  e.w.begin_object("metadata").text_if("user_id", c.user);
  if (rest != nullptr) e.w.members_of(rest->text);
  e.w.end_object();
}

inline void encode_settings(Encoding& e, Conversation const& c) {
  JsonWriter& w = e.w;
  if (e.own || c.temperature.value_or(0) <= 1) w.number_if("temperature", c.temperature);
  w.number_if("top_p", c.top_p).count_if("top_k", c.top_k);
  if (!c.stop.empty()) {
    w.begin_list("stop_sequences");
    for (std::string const& stop : c.stop)
      if (e.own || stop.find_first_not_of(" \t\r\n") != std::string::npos) w.text(stop);
    w.end_list();
  }
  if (c.stream) w.flag("stream", true);
}

/// Members of the top that only this dialect knows, but for those that were written within others.
inline void encode_rest(Encoding& e, Conversation const& c) {
  if (!e.own) return;
  bool const thinking = !c.reasoning.mode.empty();
  for (ExtraField const& field : c.extra) {
    bool const within =
        (field.name == "thinking" && thinking) || field.name == "output_config" || field.name == "metadata";
    if (!within) e.w.raw_if(field.name, field.value);
  }
}

}  // namespace anthropic_request

/// The body of a POST /v1/messages for `model`. What decode_anthropic read comes out with the same meaning: all
/// members, known or not; only their order, white space and nulls may differ. The reasoning of another provider, which
/// a client of this dialect brought back, is left out: it would be refused.
///
/// Of another dialect: leading instructions become `system`, messages of one side that follow each other become one,
/// a limit is added where there is none, and effort or a budget of reasoning becomes `thinking` where the request
/// leaves room for it. What cannot be said is told to `losses`; one that may not be dropped is the error.
inline Result<std::string> encode_anthropic(Conversation const& c, std::string_view model, Losses& losses,
                                            AnthropicVariant variant = {}) {
  using namespace anthropic_request;
  bool const own = is_own(c.dialect);
  check_fidelity(c, Dialect::anthropic, losses);
  AnthropicThinking plan;
  if (!own) {
    check_values(c, losses);
    plan = plan_thinking(c, variant.default_max_tokens, variant.adaptive_thinking);
    Feature const wish = c.reasoning.effort.empty() ? Feature::reasoning_budget : Feature::reasoning_effort;
    if (!plan.lost.empty()) losses.lose(Weight::hint, std::string(spelling(wish, c.dialect)), plan.lost);
  }
  if (losses.refused()) return tl::unexpected<Error>(*losses.refused());
  std::string body;
  body.reserve(estimated_size(c));
  JsonWriter w(body);
  Encoding e{.w = w, .own = own};
  w.begin_object().text("model", model);
  if (own) w.count_if("max_tokens", c.max_tokens);
  else w.count("max_tokens", plan.max_tokens);
  std::span<Message const> messages(c.messages);
  messages = messages.subspan(encode_system(e, c));
  w.begin_list("messages");
  if (own) encode_messages_own(e, messages);
  else encode_messages_foreign(e, messages);
  w.end_list();
  bool const has_tools = encode_tools(e, c);
  if (own || has_tools) encode_tool_choice(e, c);
  if (own) encode_thinking_own(e, c);
  else encode_thinking(w, plan);
  encode_output_config(e, c, own ? std::string_view(c.reasoning.effort) : plan.effort);
  encode_metadata(e, c);
  encode_settings(e, c);
  encode_rest(e, c);
  w.end_object();
  return body;
}

}  // namespace lowart::dialect
