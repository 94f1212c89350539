#pragma once
/// A Conversation, written as a request of Converse or ConverseStream, which have the same body.

#include <lowart/core/result.hpp>
#include <lowart/dialect/anthropic_thinking.hpp>
#include <lowart/dialect/bedrock_blocks_encode.hpp>
#include <lowart/dialect/fidelity.hpp>
#include <lowart/dialect/gemini_function_text.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/spelling.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/model/losses.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// How the models of a provider want to be spoken to.
struct BedrockVariant {
  std::int64_t default_max_tokens{
      8'192};                     ///< Of Claude models that think: the answer's part of a limit nobody set.
  bool adaptive_thinking{false};  ///< The Claude models take an effort and `adaptive` thinking, not a budget.
};

namespace bedrock_request {

/// Anthropic's models, as Bedrock names them: also with a region before it, in an ARN, as an inference profile.
inline bool is_claude(std::string_view model) noexcept {
  return model.find("anthropic") != std::string_view::npos || model.find("claude") != std::string_view::npos;
}
inline bool is_system(Message const& m) noexcept {
  return m.role == Role::system || m.role == Role::developer;
}
inline bool has_calls(Conversation const& c) noexcept {
  return std::any_of(c.messages.begin(), c.messages.end(), [](Message const& m) {
    return m.role == Role::tool ||
           std::any_of(m.content.begin(), m.content.end(),
                       [](ContentPart const& part) { return part.kind == PartKind::tool_call; });
  });
}

/// One conversation on its way into a body.
class Request {
 public:
  Request(JsonWriter& w, Conversation const& c, std::string_view model, AnthropicThinking const& plan)
      : w_(w), c_(c), blocks_(w), plan_(plan), claude_(is_claude(model)) {}

  void write() {
    w_.begin_object();
    std::span<Message const> messages(c_.messages);
    messages = messages.subspan(write_system());
    w_.begin_list("messages");
    while (!messages.empty()) messages = messages.subspan(write_turn(messages));
    w_.end_list();
    write_inference();
    write_tools();
    write_output();
    write_additional();
    w_.end_object();
  }

 private:
  /// The leading instructions. Returns how many messages they are.
  std::size_t write_system() {
    std::size_t n = 0;
    bool open = false;
    for (; n < c_.messages.size() && is_system(c_.messages[n]); ++n)
      for (ContentPart const& part : c_.messages[n].content) {
        if (part.kind != PartKind::text || !is_sent(part)) continue;
        if (!std::exchange(open, true)) w_.begin_list("system");
        blocks_.write(part);
      }
    if (open) w_.end_list();
    return n;
  }

  /// Messages of one side that follow each other are one, results of tools first. Returns how many they are.
  std::size_t write_turn(std::span<Message const> messages) {
    bool const assistant = messages.front().role == Role::assistant;
    std::size_t n = 0;
    while (n < messages.size() &&
           (is_system(messages[n]) || (messages[n].role == Role::assistant) == assistant))
      ++n;
    bool open = false;
    auto const begin_once = [&] {
      if (std::exchange(open, true)) return;
      w_.begin_object().text("role", assistant ? "assistant" : "user").begin_list("content");
    };
    for (Message const& message : messages.first(n))
      if (message.role == Role::tool) begin_once(), blocks_.write_result(message);
    for (Message const& message : messages.first(n)) {
      if (message.role == Role::tool || is_system(message)) continue;  // later instructions: told as a loss
      for (ContentPart const& part : message.content)
        if (is_sent(part)) begin_once(), blocks_.write(part);
    }
    if (open) w_.end_list().end_object();
    return n;
  }

  void write_inference() {
    std::optional<std::int64_t> limit = c_.max_tokens;
    if (plan_.type == "enabled") limit = plan_.max_tokens;
    bool const temperature = c_.temperature.value_or(2) <= 1;
    if (!limit && !temperature && !c_.top_p && c_.stop.empty()) return;
    w_.begin_object("inferenceConfig").count_if("maxTokens", limit);
    if (temperature) w_.number("temperature", *c_.temperature);
    w_.number_if("topP", c_.top_p);
    if (!c_.stop.empty()) {
      w_.begin_list("stopSequences");
      for (std::string const& stop : c_.stop) w_.text(stop);
      w_.end_list();
    }
    w_.end_object();
  }

  bool is_offered(Tool const& tool) const {
    auto const& allowed = c_.tool_choice.allowed;
    return tool.raw.empty() && c_.tool_choice.kind != ToolChoiceKind::none &&
           (allowed.empty() || std::find(allowed.begin(), allowed.end(), tool.name) != allowed.end());
  }
  void write_tools() {
    bool open = false;
    for (Tool const& tool : c_.tools) {
      if (!is_offered(tool)) continue;
      if (!std::exchange(open, true)) w_.begin_object("toolConfig").begin_list("tools");
      write_tool(tool);
    }
    if (!open) return;
    w_.end_list();
    write_choice();
    w_.end_object();
  }
  void write_tool(Tool const& tool) {
    std::string description = tool.description;
    if (tool.custom && !tool.format.empty()) {
      if (!description.empty()) description.append("\n\n");
      description.append("The input must have this format: ").append(tool.format.text);
    }
    w_.begin_object().begin_object("toolSpec").text("name", tool.name).text_if("description", description);
    w_.begin_object("inputSchema").key("json");
    write_schema(tool);
    w_.end_object();
    if (tool.strict == true) w_.flag("strict", true);
    w_.end_object().end_object();
    blocks_.cache_mark(tool.cache);
  }
  /// A schema must name its type here.
  void write_schema(Tool const& tool) {
    std::string_view const schema = tool.parameters.text;
    if (tool.custom) return void(w_.raw(gemini_request::custom_tool_schema));
    if (schema.empty()) return void(w_.raw(R"({"type":"object","properties":{}})"));
    if (find_member(schema, "type")) return void(w_.raw(schema));
    w_.begin_object().text("type", "object").members_of(schema).end_object();
  }
  void write_choice() {
    ToolChoice const& choice = c_.tool_choice;
    if (choice.kind == ToolChoiceKind::automatic) w_.raw("toolChoice", R"({"auto":{}})");
    if (choice.kind == ToolChoiceKind::required) w_.raw("toolChoice", R"({"any":{}})");
    if (choice.kind == ToolChoiceKind::named)
      w_.begin_object("toolChoice").begin_object("tool").text("name", choice.name).end_object().end_object();
  }

  void write_output() {
    OutputFormat const& format = c_.output_format;
    bool const schema = format.kind == OutputKind::json_schema && !format.schema.empty();
    if (plan_.effort.empty() && !schema) return;
    w_.begin_object("outputConfig").text_if("effort", plan_.effort);
    if (schema) {
      w_.begin_object("textFormat").text("type", "json_schema").begin_object("structure");
      w_.begin_object("jsonSchema").text("schema", format.schema.text).text_if("name", format.name);
      w_.text_if("description", format.description).end_object().end_object().end_object();
    }
    w_.end_object();
  }

  /// What only some models know, in their own words.
  void write_additional() {
    bool const top_k = c_.top_k && claude_;
    if (plan_.type.empty() && !top_k) return;
    w_.begin_object("additionalModelRequestFields");
    if (top_k) w_.count("top_k", *c_.top_k);
    if (!plan_.type.empty()) {
      w_.begin_object("thinking").text("type", plan_.type);
      if (plan_.type == "enabled") w_.count("budget_tokens", plan_.budget);
      w_.end_object();
    }
    w_.end_object();
  }

  JsonWriter& w_;
  Conversation const& c_;
  Blocks blocks_;
  AnthropicThinking const& plan_;
  bool claude_;
};

/// What this dialect can say in general, but not with this value, or not to this model.
inline void check_values(Conversation const& c, std::string_view model, Losses& losses) {
  auto const lose = [&](Weight weight, Feature feature, std::string_view why) {
    losses.lose(weight, std::string(spelling(feature, c.dialect)), why);
  };
  if (c.temperature.value_or(0) > 1)
    lose(Weight::meaning, Feature::temperature, "is above 1, the most that bedrock takes");
  if (c.top_k && !is_claude(model))
    lose(Weight::meaning, Feature::top_k, "can only be said to the Claude models of bedrock");
  if (c.tool_choice.kind == ToolChoiceKind::none && !c.tools.empty() && has_calls(c))
    lose(Weight::meaning, Feature::tool_choice,
         "cannot forbid tools at bedrock in a conversation that has called some");
  for (std::size_t i = 0; i < c.messages.size(); ++i)
    for (std::size_t j = 0; j < c.messages[i].content.size(); ++j) {
      ContentPart const& part = c.messages[i].content[j];
      bool const is_media = part.kind == PartKind::image || part.kind == PartKind::audio ||
                            part.kind == PartKind::video || part.kind == PartKind::file;
      if (is_media && !is_sent(part))
        losses.lose(Weight::meaning, path_of(c, i, j),
                    "is not the bytes of a format that bedrock takes: send it as a data: URL with base64");
    }
}

/// Budget and effort of Claude models; the others have words of their own.
inline AnthropicThinking plan_for(Conversation const& c, std::string_view model,
                                  BedrockVariant const& variant, Losses& losses) {
  AnthropicThinking plan =
      plan_thinking(c, variant.default_max_tokens, variant.adaptive_thinking, Dialect::bedrock);
  Feature const wish = c.reasoning.effort.empty() ? Feature::reasoning_budget : Feature::reasoning_effort;
  if (!is_claude(model)) {
    bool const wished = !c.reasoning.effort.empty() || c.reasoning.budget_tokens;
    plan = AnthropicThinking{};
    if (wished) plan.lost = "can only be said to the Claude models of bedrock";
  }
  if (!plan.lost.empty()) losses.lose(Weight::hint, std::string(spelling(wish, c.dialect)), plan.lost);
  return plan;
}

}  // namespace bedrock_request

/// The body of a POST /model/{model}/converse, or /converse-stream, for `model`, which stands in the path alone.
///
/// Leading instructions become `system`, messages of one side that follow each other become one, breakpoints of the
/// prompt cache become cachePoint blocks. Budget, effort and top_k go to Claude models only. What cannot be said is told
/// to `losses`; one that may not be dropped is the error.
inline Result<std::string> encode_bedrock(Conversation const& c, std::string_view model, Losses& losses,
                                          BedrockVariant variant = {}) {
  using namespace bedrock_request;
  check_fidelity(c, Dialect::bedrock, losses);
  check_values(c, model, losses);
  AnthropicThinking const plan = plan_for(c, model, variant, losses);
  if (losses.refused()) return tl::unexpected<Error>(*losses.refused());
  std::string body;
  body.reserve(estimated_size(c));
  JsonWriter w(body);
  Request(w, c, model, plan).write();
  return body;
}

}  // namespace lowart::dialect
