#pragma once
/// Neutral steps, written as chunks of a stream or as one whole reply of the OpenAI chat dialect.

#include <lowart/core/usage.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/openai_error.hpp>
#include <lowart/dialect/reply_writer.hpp>
#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/chat_delta.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace openai_reply {

inline bool is_openai(Dialect d) noexcept {
  return d == Dialect::openai_chat || d == Dialect::openai_completions;
}

/// A word that this dialect's clients know; a foreign one becomes "stop".
inline std::string_view word_of(ChoiceDelta const& choice, Dialect from) noexcept {
  switch (choice.finish) {
    case FinishReason::none: return "";
    case FinishReason::stop: return "stop";
    case FinishReason::length: return "length";
    case FinishReason::tool_calls: return "tool_calls";
    case FinishReason::content_filter: return "content_filter";
    case FinishReason::other:
      return choice.finish_text.empty() || !is_openai(from) ? std::string_view("stop") : choice.finish_text;
  }
  return "stop";
}

inline void encode_usage(JsonWriter& w, Usage const& usage) {
  w.begin_object("usage");
  w.count("prompt_tokens", usage.input_total()).count("completion_tokens", usage.output_total());
  w.count("total_tokens", usage.total());
  w.begin_object("prompt_tokens_details");
  w.count("cached_tokens", usage.value(UsageClass::cache_read))
      .count("audio_tokens", usage.value(UsageClass::input_audio))
      .count_if("cache_write_tokens", usage.cache_written())
      .count_if("image_tokens", usage.get(UsageClass::input_image));
  w.end_object().begin_object("completion_tokens_details");
  w.count("reasoning_tokens", usage.value(UsageClass::reasoning));
  w.count("audio_tokens", usage.value(UsageClass::output_audio));
  w.count_if("image_tokens", usage.get(UsageClass::output_image));
  w.end_object().end_object();
}

/// What names a reply, settled by its first step: the provider's own words go before ours.
struct Identity {
  std::string id;
  std::string model;
  std::int64_t created{0};

  Identity(std::string_view prefix, ReplyContext const& context)
      : id(std::string(prefix) + context.id), model(context.model), created(context.created) {}
  void settle(ChatDelta const& delta) {
    if (!delta.id.empty() && (is_openai(delta.dialect) || delta.dialect == Dialect::neutral)) id = delta.id;
    if (!delta.model.empty()) model = delta.model;
    if (delta.created != 0) created = delta.created;
  }
};

/// The members that every chunk and every reply begins with.
inline void begin_reply(JsonWriter& w, std::string_view object, Identity const& identity) {
  w.begin_object().text("id", identity.id).text("object", object).count("created", identity.created);
  w.text("model", identity.model);
}

inline void end_choice(JsonWriter& w, RawJson const& logprobs, std::string_view finish) {
  if (logprobs.empty()) w.null("logprobs");
  else w.raw("logprobs", logprobs.text);
  if (finish.empty()) w.null("finish_reason");
  else w.text("finish_reason", finish);
  w.end_object();
}

/// An id for a tool call that came without one.
inline std::string made_call_id(Identity const& identity, std::int64_t choice, std::int64_t index) {
  std::string id = "call_" + identity.id.substr(identity.id.find('-') + 1);
  return id.append("_").append(std::to_string(choice)).append("_").append(std::to_string(index));
}

/// Google's way to hand out a thought's signature over this dialect; clients bring it back with the call.
inline void encode_call_signature(JsonWriter& w, Signature const& signature) {
  if (signature.empty()) return;
  w.begin_object("extra_content").begin_object("google");
  w.text("thought_signature", seal(signature, Dialect::openai_chat)).end_object().end_object();
}

/// Signatures of reasoning in OpenRouter's members, which clients bring back; nothing without any.
inline void encode_reasoning_details(JsonWriter& w, std::vector<PieceDelta> const& pieces) {
  bool open = false;
  for (PieceDelta const& piece : pieces) {
    if (piece.kind != PartKind::reasoning || piece.signature.empty()) continue;
    if (!std::exchange(open, true)) w.begin_list("reasoning_details");
    std::string const proof = seal(piece.signature, Dialect::openai_chat);
    w.begin_object();
    if (piece.redacted) w.text("type", "reasoning.encrypted").text("data", proof);
    else w.text("type", "reasoning.text").text_if("text", piece.text).text("signature", proof);
    w.end_object();
  }
  if (open) w.end_list();
}

inline void encode_images(JsonWriter& w, std::vector<PieceDelta> const& pieces) {
  bool open = false;
  for (PieceDelta const& piece : pieces) {
    if (piece.kind != PartKind::image || piece.data.empty()) continue;
    if (!std::exchange(open, true)) w.begin_list("images");
    bool const is_url = piece.data.find(':') != std::string::npos;
    w.begin_object().text("type", "image_url").begin_object("image_url");
    w.text("url", is_url ? piece.data : "data:" + piece.media_type + ";base64," + piece.data);
    w.end_object().end_object();
  }
  if (open) w.end_list();
}

/// Pages that the text rests on. A quote from a document has no place in this dialect.
inline void encode_annotations(JsonWriter& w, std::vector<PieceDelta> const& pieces) {
  bool open = false;
  for (PieceDelta const& piece : pieces) {
    for (Citation const& citation : piece.citations) {
      if (citation.url.empty()) continue;
      if (!std::exchange(open, true)) w.begin_list("annotations");
      w.begin_object().text("type", "url_citation").begin_object("url_citation");
      w.count("start_index", citation.begin.value_or(0)).count("end_index", citation.end.value_or(0));
      w.text("url", citation.url).text("title", citation.title).end_object().end_object();
    }
  }
  if (open) w.end_list();
}

}  // namespace openai_reply

/// Writes one stream as server-sent events that strict SDKs accept, whatever the provider left out.
///
/// Each chunk has id, object, created and model, the same in all; the first chunk of a choice has the role; a
/// tool call has an index always, id, type and name in its first piece only; each choice ends with a
/// finish_reason. With include_usage, `usage` is null on every chunk and one last chunk without choices
/// carries it; without, no chunk mentions it.
class ChunkEncoder final : public ReplyWriter {
 public:
  explicit ChunkEncoder(ReplyContext const& context)
      : identity_("chatcmpl-", context), include_usage_(context.include_usage) {}

  /// Nothing for a step without choices, whose usage is kept for the end.
  void write(ChatDelta const& delta, std::string& out) override {
    if (!std::exchange(begun_, true)) identity_.settle(delta);
    if (delta.usage) usage_ = delta.usage;
    if (delta.choices.empty()) return;
    bool const own = openai_reply::is_openai(delta.dialect);
    out.append("data: ");
    JsonWriter w(out, JsonLines::joined);
    openai_reply::begin_reply(w, "chat.completion.chunk", identity_);
    w.begin_list("choices");
    for (ChoiceDelta const& choice : delta.choices) encode_choice(w, choice, delta.dialect);
    w.end_list();
    if (include_usage_) w.null("usage");
    if (own) w.extra(delta.extra);
    w.end_object();
    out.append("\n\n");
  }

  /// Finish reasons that are missing, the usage if it was asked for and is known, [DONE].
  void finish(std::string& out) override {
    ChatDelta rest;
    if (choices_.empty()) rest.choices.emplace_back().finish = FinishReason::stop;
    for (Choice const& choice : choices_) {
      if (choice.finished) continue;
      ChoiceDelta& end = rest.choices.emplace_back();
      end.index = choice.index;
      end.finish = choice.calls.empty() ? FinishReason::stop : FinishReason::tool_calls;
    }
    write(rest, out);
    if (include_usage_ && usage_) {
      out.append("data: ");
      JsonWriter w(out, JsonLines::joined);
      openai_reply::begin_reply(w, "chat.completion.chunk", identity_);
      w.begin_list("choices").end_list();
      openai_reply::encode_usage(w, *usage_);
      w.end_object();
      out.append("\n\n");
    }
    out.append("data: [DONE]\n\n");
  }

  void fail(Error const& error, std::string& out) override { out.append(openai_error_event(error)); }

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

  void encode_choice(JsonWriter& w, ChoiceDelta const& choice, Dialect from) {
    std::size_t const known = choices_.size();
    Choice& state = state_of(choice.index);
    bool const first = choices_.size() != known;
    std::string const text = choice.text();
    w.begin_object().count("index", choice.index).begin_object("delta");
    if (first) w.text("role", "assistant");
    if (!text.empty() || (first && choice.pieces.empty())) w.text("content", text);
    w.text_if("reasoning_content", choice.joined(PartKind::reasoning));
    openai_reply::encode_reasoning_details(w, choice.pieces);
    w.text_if("refusal", choice.joined(PartKind::refusal));
    openai_reply::encode_images(w, choice.pieces);
    openai_reply::encode_annotations(w, choice.pieces);
    if (choice.has(PartKind::tool_call)) {
      w.begin_list("tool_calls");
      for (PieceDelta const& piece : choice.pieces)
        if (piece.kind == PartKind::tool_call) encode_tool_call(w, state, piece);
      w.end_list();
    }
    if (openai_reply::is_openai(from)) encode_extra(w, choice);
    w.end_object();
    std::string_view const finish = openai_reply::word_of(choice, from);
    if (!finish.empty()) state.finished = true;
    openai_reply::end_choice(w, choice.logprobs, finish);
  }
  /// Unknown members of the delta, but for those that encode_choice wrote from the pieces.
  static void encode_extra(JsonWriter& w, ChoiceDelta const& choice) {
    bool const signs = std::any_of(choice.pieces.begin(), choice.pieces.end(),
                                   [](PieceDelta const& p) { return !p.signature.empty(); });
    if (signs) w.extra(choice.extra, "reasoning_details");
    else w.extra(choice.extra);
  }

  void encode_tool_call(JsonWriter& w, Choice& state, PieceDelta const& piece) {
    ToolCall const& call = piece.call;
    std::string_view const type = call.custom ? "custom" : "function";
    bool const first = std::find(state.calls.begin(), state.calls.end(), piece.index) == state.calls.end();
    w.begin_object().count("index", piece.index);
    if (first) {
      state.calls.push_back(piece.index);
      w.text("id",
             call.id.empty() ? openai_reply::made_call_id(identity_, state.index, piece.index) : call.id);
      w.text("type", type);
    }
    w.begin_object(type);
    if (first) w.text("name", call.name);
    w.text(call.custom ? "input" : "arguments", call.arguments).end_object();
    openai_reply::encode_call_signature(w, piece.signature);
    w.end_object();
  }

  openai_reply::Identity identity_;
  std::optional<Usage> usage_;
  std::vector<Choice> choices_;
  bool include_usage_;
  bool begun_{false};
};

/// One whole reply; `whole` as a CompletionBuilder gathers it. A choice without a finish reason gets one.
inline std::string encode_openai_reply(ChatDelta const& whole, ReplyContext const& context) {
  using namespace openai_reply;
  Identity identity("chatcmpl-", context);
  identity.settle(whole);
  bool const own = is_openai(whole.dialect);
  std::string body;
  JsonWriter w(body);
  begin_reply(w, "chat.completion", identity);
  w.begin_list("choices");
  for (ChoiceDelta const& choice : whole.choices) {
    std::string const text = choice.text();
    w.reserve(text.size() + text.size() / 16 + 640);  // escapes; the other members and the usage
    std::string const refusal = choice.joined(PartKind::refusal);
    bool const calls = choice.has(PartKind::tool_call);
    w.begin_object().count("index", choice.index).begin_object("message").text("role", "assistant");
    if (text.empty() && (calls || !refusal.empty())) w.null("content");
    else w.text("content", text);
    w.text_if("reasoning_content", choice.joined(PartKind::reasoning));
    encode_reasoning_details(w, choice.pieces);
    if (refusal.empty()) w.null("refusal");
    else w.text("refusal", refusal);
    encode_images(w, choice.pieces);
    encode_annotations(w, choice.pieces);
    if (calls) w.begin_list("tool_calls");
    for (PieceDelta const& piece : choice.pieces) {
      if (piece.kind != PartKind::tool_call) continue;
      ToolCall const& call = piece.call;
      std::string_view const type = call.custom ? "custom" : "function";
      w.begin_object().text("id",
                            call.id.empty() ? made_call_id(identity, choice.index, piece.index) : call.id);
      w.text("type", type).begin_object(type).text("name", call.name);
      w.text(call.custom ? "input" : "arguments", call.arguments).end_object();
      encode_call_signature(w, piece.signature);
      w.end_object();
    }
    if (calls) w.end_list();
    if (own) w.extra(choice.extra, "reasoning_details");
    w.end_object();
    std::string_view const finish = word_of(choice, whole.dialect);
    end_choice(w, choice.logprobs, !finish.empty() ? finish : calls ? "tool_calls" : "stop");
  }
  w.end_list();
  if (whole.usage) encode_usage(w, *whole.usage);
  if (own) w.extra(whole.extra);
  w.end_object();
  return body;
}

}  // namespace lowart::dialect
