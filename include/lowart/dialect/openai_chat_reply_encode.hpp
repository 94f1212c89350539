#pragma once
/// Neutral steps, written as chunks of a stream or as one whole reply of the OpenAI chat dialect.

#include <lowart/core/usage.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/model/chat_delta.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// What names a reply when the provider does not: an id such as "chatcmpl-..", the model, seconds since 1970.
struct ReplyIdentity {
  std::string id;
  std::string model;
  std::int64_t created{0};
};

namespace openai_reply {

inline std::string_view word_of(ChoiceDelta const& choice) noexcept {
  switch (choice.finish) {
    case FinishReason::none: return "";
    case FinishReason::stop: return "stop";
    case FinishReason::length: return "length";
    case FinishReason::tool_calls: return "tool_calls";
    case FinishReason::content_filter: return "content_filter";
    case FinishReason::other:
      return choice.finish_text.empty() ? std::string_view("stop") : choice.finish_text;
  }
  return "stop";
}

inline void encode_usage(JsonWriter& w, Usage const& usage) {
  w.begin_object("usage");
  w.count("prompt_tokens", usage.input_total()).count("completion_tokens", usage.output_total());
  w.count("total_tokens", usage.total());
  w.begin_object("prompt_tokens_details");
  w.count("cached_tokens", usage.value(UsageClass::cache_read))
      .count("audio_tokens", usage.value(UsageClass::input_audio));
  w.end_object().begin_object("completion_tokens_details");
  w.count("reasoning_tokens", usage.value(UsageClass::reasoning));
  w.count("audio_tokens", usage.value(UsageClass::output_audio));
  w.end_object().end_object();
}

/// The members that every chunk and every reply begins with.
inline void begin_reply(JsonWriter& w, std::string_view object, ReplyIdentity const& identity) {
  w.begin_object().text("id", identity.id).text("object", object).count("created", identity.created);
  w.text("model", identity.model);
}

/// The provider's own words go before ours.
inline void settle(ReplyIdentity& identity, ChatDelta const& delta) {
  if (!delta.id.empty()) identity.id = delta.id;
  if (!delta.model.empty()) identity.model = delta.model;
  if (delta.created != 0) identity.created = delta.created;
}

inline void end_choice(JsonWriter& w, RawJson const& logprobs, std::string_view finish) {
  if (logprobs.empty()) w.null("logprobs");
  else w.raw("logprobs", logprobs.text);
  if (finish.empty()) w.null("finish_reason");
  else w.text("finish_reason", finish);
  w.end_object();
}

/// An id for a tool call that came without one.
inline std::string made_call_id(ReplyIdentity const& identity, std::int64_t choice, std::int64_t index) {
  std::string id = "call_" + identity.id.substr(identity.id.find('-') + 1);
  return id.append("_").append(std::to_string(choice)).append("_").append(std::to_string(index));
}

}  // namespace openai_reply

/// Writes one stream as server-sent events that strict SDKs accept, whatever the provider left out.
///
/// Each chunk has id, object, created and model, the same in all; the first chunk of a choice has the role; a
/// tool call has an index always, id, type and name in its first piece only; each choice ends with a
/// finish_reason. With include_usage, `usage` is null on every chunk and one last chunk without choices
/// carries it; without, no chunk mentions it. Comes to an end with finish(); after an error, write
/// openai_error_event instead.
class ChunkEncoder {
 public:
  ChunkEncoder(ReplyIdentity identity, bool include_usage)
      : identity_(std::move(identity)), include_usage_(include_usage) {}

  /// Appends what one step says; nothing for a step without choices, whose usage is kept for the end.
  void encode(ChatDelta const& delta, std::string& out) {
    if (!std::exchange(begun_, true)) openai_reply::settle(identity_, delta);
    if (delta.usage) usage_ = delta.usage;
    if (delta.choices.empty()) return;
    out.append("data: ");
    JsonWriter w(out);
    openai_reply::begin_reply(w, "chat.completion.chunk", identity_);
    w.begin_list("choices");
    for (ChoiceDelta const& choice : delta.choices) encode_choice(w, choice);
    w.end_list();
    if (include_usage_) w.null("usage");
    w.extra(delta.extra).end_object();
    out.append("\n\n");
  }

  /// Tells the usage when the steps did not, as counted here.
  void usage(Usage const& usage) { usage_ = usage; }

  /// Appends the end: finish reasons that are missing, the usage if it was asked for and is known, [DONE].
  void finish(std::string& out) {
    ChatDelta rest;
    if (choices_.empty()) rest.choices.emplace_back().finish = FinishReason::stop;
    for (Choice const& choice : choices_) {
      if (choice.finished) continue;
      ChoiceDelta& end = rest.choices.emplace_back();
      end.index = choice.index;
      end.finish = choice.calls.empty() ? FinishReason::stop : FinishReason::tool_calls;
    }
    encode(rest, out);
    if (include_usage_ && usage_) {
      out.append("data: ");
      JsonWriter w(out);
      openai_reply::begin_reply(w, "chat.completion.chunk", identity_);
      w.begin_list("choices").end_list();
      openai_reply::encode_usage(w, *usage_);
      w.end_object();
      out.append("\n\n");
    }
    out.append("data: [DONE]\n\n");
  }

 private:
  struct Choice {
    std::int64_t index{0};
    bool finished{false};
    std::vector<std::int64_t> calls{};  ///< Indices of tool calls that were begun.
  };

  Choice& state_of(std::int64_t index) {
    for (Choice& choice : choices_)
      if (choice.index == index) return choice;
    return choices_.emplace_back(Choice{.index = index});
  }

  void encode_choice(JsonWriter& w, ChoiceDelta const& choice) {
    std::size_t const known = choices_.size();
    Choice& state = state_of(choice.index);
    bool const first = choices_.size() != known;
    w.begin_object().count("index", choice.index).begin_object("delta");
    if (first) w.text("role", "assistant");
    bool const speaks = !choice.text.empty() || (first && choice.refusal.empty() &&
                                                 choice.tool_calls.empty() && choice.reasoning.empty());
    if (speaks) w.text("content", choice.text);
    w.text_if("reasoning_content", choice.reasoning).text_if("refusal", choice.refusal);
    if (!choice.tool_calls.empty()) {
      w.begin_list("tool_calls");
      for (ToolCallDelta const& call : choice.tool_calls) encode_tool_call(w, state, call);
      w.end_list();
    }
    w.extra(choice.extra).end_object();
    std::string_view const finish = openai_reply::word_of(choice);
    if (!finish.empty()) state.finished = true;
    openai_reply::end_choice(w, choice.logprobs, finish);
  }

  void encode_tool_call(JsonWriter& w, Choice& state, ToolCallDelta const& call) {
    std::string_view const type = call.custom ? "custom" : "function";
    bool const first = std::find(state.calls.begin(), state.calls.end(), call.index) == state.calls.end();
    w.begin_object().count("index", call.index);
    if (first) {
      state.calls.push_back(call.index);
      w.text("id",
             call.id.empty() ? openai_reply::made_call_id(identity_, state.index, call.index) : call.id);
      w.text("type", type);
    }
    w.begin_object(type);
    if (first) w.text("name", call.name);
    w.text(call.custom ? "input" : "arguments", call.arguments).end_object().end_object();
  }

  ReplyIdentity identity_;
  std::optional<Usage> usage_;
  std::vector<Choice> choices_;
  bool include_usage_;
  bool begun_{false};
};

/// One whole reply; `whole` as a CompletionBuilder gathers it. A choice without a finish reason gets one.
inline std::string encode_openai_reply(ChatDelta const& whole, ReplyIdentity identity) {
  using namespace openai_reply;
  settle(identity, whole);
  std::string body;
  JsonWriter w(body);
  begin_reply(w, "chat.completion", identity);
  w.begin_list("choices");
  for (ChoiceDelta const& choice : whole.choices) {
    w.begin_object().count("index", choice.index).begin_object("message").text("role", "assistant");
    bool const silent = choice.text.empty() && (!choice.tool_calls.empty() || !choice.refusal.empty());
    if (silent) w.null("content");
    else w.text("content", choice.text);
    w.text_if("reasoning_content", choice.reasoning);
    if (choice.refusal.empty()) w.null("refusal");
    else w.text("refusal", choice.refusal);
    if (!choice.tool_calls.empty()) w.begin_list("tool_calls");
    for (ToolCallDelta const& call : choice.tool_calls) {
      std::string_view const type = call.custom ? "custom" : "function";
      w.begin_object().text("id",
                            call.id.empty() ? made_call_id(identity, choice.index, call.index) : call.id);
      w.text("type", type).begin_object(type).text("name", call.name);
      w.text(call.custom ? "input" : "arguments", call.arguments).end_object().end_object();
    }
    if (!choice.tool_calls.empty()) w.end_list();
    w.extra(choice.extra).end_object();
    std::string_view const finish = word_of(choice);
    end_choice(w, choice.logprobs,
               !finish.empty()             ? finish
               : choice.tool_calls.empty() ? "stop"
                                           : "tool_calls");
  }
  w.end_list();
  if (whole.usage) encode_usage(w, *whole.usage);
  w.extra(whole.extra).end_object();
  return body;
}

}  // namespace lowart::dialect
