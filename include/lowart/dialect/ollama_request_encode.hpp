#pragma once
/// A Conversation, written as a chat request of Ollama.

#include <lowart/core/result.hpp>
#include <lowart/dialect/data_url.hpp>
#include <lowart/dialect/fidelity.hpp>
#include <lowart/dialect/function_tool.hpp>
#include <lowart/dialect/gemini_function_text.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/ollama_options.hpp>
#include <lowart/dialect/reasoning_effort.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/model/losses.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace lowart::dialect {

/// How a server of Ollama is asked, whoever asks.
struct OllamaVariant {
  std::int64_t num_ctx{0};  ///< Tokens of context that the model is loaded with; 0: the server's default.
};

namespace ollama_request {

inline constexpr std::string_view why = "cannot be said to a provider that speaks ollama";

/// Its extra fields are Ollama's.
inline bool is_own(Conversation const& c) noexcept {
  return c.dialect == Dialect::ollama || c.dialect == Dialect::ollama_generate;
}

inline std::string_view word_of(Role role) noexcept {
  switch (role) {
    case Role::system:
    case Role::developer: return "system";
    case Role::user: return "user";
    case Role::assistant: return "assistant";
    case Role::tool: return "tool";
  }
  return "user";
}

/// What an inner object "function" had beyond the known.
inline void write_function_extra(JsonWriter& w, std::vector<ExtraField> const& extra) {
  if (RawJson const* const more = find_extra(extra, "function")) w.members_of(more->text);
}

/// Writes the messages of one conversation.
class Messages {
 public:
  Messages(JsonWriter& w, Conversation const& c, Losses& losses) : w_(w), c_(c), losses_(losses) {}

  void write() {
    w_.begin_list("messages");
    for (std::size_t i = 0; i < c_.messages.size(); ++i) write_message(i);
    w_.end_list();
  }

 private:
  void write_message(std::size_t i) {
    Message const& message = c_.messages[i];
    w_.begin_object().text("role", word_of(message.role)).text("content", said(message, false));
    w_.text_if("thinking", said(message, true));
    write_images(i);
    write_calls(message);
    if (message.role == Role::tool) {
      auto const known = names_.find(message.tool_call_id);
      w_.text_if("tool_name", known != names_.end() ? known->second : std::string_view(message.name));
      w_.text_if("tool_call_id", message.tool_call_id);
    }
    if (own()) w_.extra(message.extra);
    w_.end_object();
  }

  bool own() const noexcept { return c_.dialect == Dialect::ollama; }

  /// A message has one text here: several stand apart as Ollama sets messages of one role apart, by a blank line.
  static std::string said(Message const& message, bool thinking) {
    std::string all;
    for (ContentPart const& part : message.content) {
      bool const is_thought = part.kind == PartKind::reasoning;
      bool const is_text = part.kind == PartKind::text || part.kind == PartKind::refusal;
      if (part.text.empty() || !part.raw.empty() || !(thinking ? is_thought : is_text)) continue;
      all.append(all.empty() ? "" : "\n\n").append(part.text);
    }
    return all;
  }

  void write_images(std::size_t i) {
    Message const& message = c_.messages[i];
    bool any = false;
    for (std::size_t j = 0; j < message.content.size(); ++j) {
      ContentPart const& part = message.content[j];
      if (part.kind == PartKind::reasoning && part.redacted)
        losses_.lose(Weight::hint, path_of(c_, i, j), why);
      if (part.kind != PartKind::image || !part.media->data.starts_with("data:")) continue;
      auto const url = parse_data_url(part.media->data);
      if (!url) {
        losses_.lose(Weight::meaning, path_of(c_, i, j), "is not base64, which Ollama needs");
        continue;
      }
      if (!std::exchange(any, true)) w_.begin_list("images");
      w_.text(url->base64);
    }
    if (any) w_.end_list();
  }

  void write_calls(Message const& message) {
    bool any = false;
    for (ContentPart const& part : message.content) {
      if (part.kind != PartKind::tool_call || !part.raw.empty()) continue;
      if (!std::exchange(any, true)) w_.begin_list("tool_calls");
      w_.begin_object().text_if("id", part.call.id).begin_object("function").text("name", part.call.name);
      gemini_request::write_gemini_arguments(w_, part.call, "arguments");
      if (own()) write_function_extra(w_, part.extra);
      w_.end_object();
      if (own()) w_.extra(part.extra, "function");
      w_.end_object();
      names_.insert_or_assign(part.call.id, part.call.name);
    }
    if (any) w_.end_list();
  }

  JsonWriter& w_;
  Conversation const& c_;
  Losses& losses_;
  std::unordered_map<std::string_view, std::string_view>
      names_;  // of the tools that were called, by their calls
};

/// Ollama has no choice of tools: the model may call those that are offered. So `none` offers none, some of them are
/// those that are offered, and that one must be called cannot be said.
inline void encode_tools(JsonWriter& w, Conversation const& c, Losses& losses) {
  ToolChoice const& choice = c.tool_choice;
  bool const must = choice.kind == ToolChoiceKind::required || choice.kind == ToolChoiceKind::named;
  if (must) losses.lose(Weight::meaning, std::string(spelling(Feature::tool_choice, c.dialect)), why);
  if (choice.kind == ToolChoiceKind::none) return;
  bool any = false;
  for (Tool const& tool : c.tools) {
    if (!is_allowed(tool, choice)) continue;
    if (!std::exchange(any, true)) w.begin_list("tools");
    if (c.dialect != Dialect::ollama) {
      write_function_tool(w, tool);
      continue;
    }
    write_function_tool(
        w, tool,
        [&tool](JsonWriter& function) {
          function.flag_if("strict", tool.strict);
          write_function_extra(function, tool.extra);
        },
        [&tool](JsonWriter& behind) { behind.extra(tool.extra, "function"); });
  }
  if (any) w.end_list();
}

/// A level, or whether to think at all; nothing leaves it to the model.
inline void encode_think(JsonWriter& w, Conversation const& c) {
  ReasoningWish const& wish = c.reasoning;
  std::string const effort = effort_of(wish);
  if (is_own(c) && wish.mode == "enabled") return void(w.flag("think", true));
  if (is_own(c) && effort == "max") return void(w.text("think", effort));
  if (effort == "none" || wish.mode == "disabled") w.flag("think", false);
  else if (effort == "minimal" || effort == "low") w.text("think", "low");
  else if (effort == "medium") w.text("think", effort);
  else if (!effort.empty()) w.text("think", "high");
  else if (!wish.mode.empty() || wish.budget_tokens) w.flag("think", true);
}

inline void encode_options(JsonWriter& w, Conversation const& c, OllamaVariant const& variant) {
  std::string text;
  JsonWriter inner(text);
  inner.begin_object();
  bool const asks_size = is_own(c) && find_extra(c.extra, "options.num_ctx") != nullptr;
  if (variant.num_ctx > 0 && !asks_size) inner.count("num_ctx", variant.num_ctx);
  inner.count_if("num_predict", c.max_tokens).number_if("temperature", c.temperature);
  inner.number_if("top_p", c.top_p).count_if("top_k", c.top_k).count_if("seed", c.seed);
  inner.number_if("frequency_penalty", c.frequency_penalty);
  inner.number_if("presence_penalty", c.presence_penalty);
  if (!c.stop.empty()) {
    inner.begin_list("stop");
    for (std::string const& stop : c.stop) inner.text(stop);
    inner.end_list();
  }
  if (is_own(c))
    for (ExtraField const& field : c.extra)
      if (field.name.starts_with(options_prefix))
        inner.raw_if(std::string_view(field.name).substr(options_prefix.size()), field.value);
  inner.end_object();
  if (text.size() > 2) w.raw("options", text);
}

inline void encode_format(JsonWriter& w, OutputFormat const& format) {
  if (format.kind == OutputKind::json_object) w.text("format", "json");
  if (format.kind == OutputKind::json_schema) w.raw_if("format", format.schema);
}

/// Everything behind the words of a request, but for its tools.
inline void encode_settings(JsonWriter& w, Conversation const& c, OllamaVariant const& variant) {
  encode_format(w, c.output_format);
  encode_think(w, c);
  encode_options(w, c, variant);
  if (c.logprobs.value_or(false) || c.top_logprobs) w.flag("logprobs", true);
  w.count_if("top_logprobs", c.top_logprobs);
  if (is_own(c))
    for (ExtraField const& field : c.extra)
      if (!field.name.starts_with(options_prefix)) w.raw_if(field.name, field.value);
  w.flag("stream", c.stream);  // without a word it would be one
}

}  // namespace ollama_request

/// The body of a POST /api/chat for `model`. Results of tools get the names of the tools that were called, thoughts that
/// were shown go back as `thinking`, whoever thought them.
///
/// What another dialect says and this one cannot is told to `losses`. Errors: the first loss that may not be;
/// invalid_request when there is no message, which Ollama takes as a wish to load the model.
inline Result<std::string> encode_ollama(Conversation const& c, std::string_view model, Losses& losses,
                                         OllamaVariant const& variant = {}) {
  using namespace ollama_request;
  check_fidelity(c, Dialect::ollama, losses);
  if (losses.refused()) return tl::unexpected<Error>(*losses.refused());
  if (c.messages.empty()) {
    std::string const list = c.dialect == Dialect::openai_responses ? "input" : "messages";
    Error error(Errc::invalid_request,
                "'" + list + "' has no message, and a provider that speaks ollama needs one", Origin::client);
    return tl::unexpected<Error>(std::move(error).with_param(list));
  }
  std::string body;
  body.reserve(estimated_size(c));
  JsonWriter w(body);
  w.begin_object().text("model", model);
  Messages(w, c, losses).write();
  encode_tools(w, c, losses);
  if (losses.refused()) return tl::unexpected<Error>(*losses.refused());
  encode_settings(w, c, variant);
  w.end_object();
  return body;
}

}  // namespace lowart::dialect
