#pragma once
/// Neutral steps, written as a stream or as one whole reply of Gemini.

#include <lowart/dialect/gemini_error.hpp>
#include <lowart/dialect/gemini_finish.hpp>
#include <lowart/dialect/gemini_logprobs.hpp>
#include <lowart/dialect/gemini_reply_parts.hpp>
#include <lowart/dialect/gemini_usage.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/reply_writer.hpp>
#include <lowart/model/chat_delta.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace gemini_reply {

inline void begin_candidate(JsonWriter& w, std::string_view parts) {
  w.begin_object().begin_object("content").begin_list("parts");
  if (parts.empty()) w.begin_object().text("text", "").end_object();
  else w.raw(parts);
  w.end_list().text("role", "model").end_object();
}

inline void end_body(JsonWriter& w, std::optional<Usage> const& usage, std::string_view model,
                     std::string_view id) {
  if (usage) write_gemini_usage(w, *usage);
  w.text("modelVersion", model).text("responseId", id).end_object();
}

/// Members of the candidate that only Gemini says. Its own index and finish reason are written elsewhere.
inline void write_more(JsonWriter& w, ChoiceDelta const& choice, Dialect dialect) {
  if (!choice.logprobs.empty()) w.raw("logprobsResult", to_gemini_logprobs(choice.logprobs.text));
  if (dialect == Dialect::gemini) w.extra(choice.extra);
}

}  // namespace gemini_reply

/// Writes one stream as Google does: CRLF, no event names, nothing behind the last chunk. Each chunk is whole for
/// itself and has modelVersion and responseId; a call is one part with all its arguments; finish reasons and
/// the usage stand in the last chunk, which finish() writes. Citations of other providers become groundingMetadata there.
class GeminiReplyWriter final : public ReplyWriter {
 public:
  explicit GeminiReplyWriter(ReplyContext context) : context_(std::move(context)) {}

  void write(ChatDelta const& step, std::string& out) override {
    if (!std::exchange(begun_, true)) settle(step);
    if (step.usage) usage_ = step.usage;
    std::string candidates;
    JsonWriter list(candidates);
    for (ChoiceDelta const& choice : step.choices) write_choice(list, choice, step.dialect);
    bool const ours = step.dialect == Dialect::gemini;
    if (candidates.empty()) {
      if (ours && !step.extra.empty()) extra_ = step.extra;
      return;
    }
    out.append("data: ");
    JsonWriter w(out, JsonLines::joined);
    w.begin_object().begin_list("candidates").raw(candidates).end_list();
    if (ours) w.extra(step.extra);
    gemini_reply::end_body(w, std::nullopt, context_.model, context_.id);
    out.append("\r\n\r\n");
  }

  void finish(std::string& out) override {
    if (choices_.empty()) choices_.emplace_back();
    out.append("data: ");
    JsonWriter w(out, JsonLines::joined);
    w.begin_object().begin_list("candidates");
    for (Choice& choice : choices_) {
      std::string parts;
      JsonWriter list(parts);
      choice.parts.flush(list);
      gemini_reply::begin_candidate(w, parts);
      w.text("finishReason", choice.finish.empty() ? std::string_view("STOP") : choice.finish);
      w.count("index", choice.index);
      if (std::string const grounding = choice.parts.grounding(); !grounding.empty())
        w.raw("groundingMetadata", grounding);
      w.end_object();
    }
    w.end_list().extra(extra_);
    gemini_reply::end_body(w, usage_, context_.model, context_.id);
    out.append("\r\n\r\n");
  }

  void fail(Error const& error, std::string& out) override { out.append(gemini_error_event(error)); }

 private:
  struct Choice {
    std::int64_t index{0};
    GeminiReplyParts parts{};
    std::string finish{};  ///< Gemini's word, held for the last chunk.
  };

  /// The provider's own words go before ours.
  void settle(ChatDelta const& step) {
    if (!step.id.empty()) context_.id = step.id;
    if (!step.model.empty()) context_.model = step.model;
  }
  Choice& state_of(std::int64_t index) {
    for (Choice& choice : choices_)
      if (choice.index == index) return choice;
    Choice& fresh = choices_.emplace_back();
    fresh.index = index;
    return fresh;
  }

  void write_choice(JsonWriter& w, ChoiceDelta const& choice, Dialect dialect) {
    Choice& state = state_of(choice.index);
    std::string parts;
    JsonWriter list(parts);
    for (PieceDelta const& piece : choice.pieces) state.parts.write(list, piece, dialect);
    bool const ours = dialect == Dialect::gemini;
    if (choice.finish != FinishReason::none) {
      state.parts.flush(list);
      state.finish =
          gemini_finish_word(choice.finish, ours ? std::string_view(choice.finish_text) : std::string_view());
    }
    bool const more = !choice.logprobs.empty() || (ours && !choice.extra.empty());
    if (parts.empty() && !more) return;
    gemini_reply::begin_candidate(w, parts);
    w.count("index", choice.index);
    gemini_reply::write_more(w, choice, dialect);
    w.end_object();
  }

  ReplyContext context_;
  std::optional<Usage> usage_;
  std::deque<Choice> choices_;
  std::vector<ExtraField> extra_;  // of a step without candidates
  bool begun_{false};
};

/// One whole reply. A choice without a finish reason gets one.
inline std::string encode_gemini_reply(ChatDelta const& whole, ReplyContext const& context) {
  bool const ours = whole.dialect == Dialect::gemini;
  std::string body;
  JsonWriter w(body);
  w.begin_object().begin_list("candidates");
  for (ChoiceDelta const& choice : whole.choices) {
    GeminiReplyParts state;
    std::string parts;
    JsonWriter list(parts);
    for (PieceDelta const& piece : choice.pieces) state.write(list, piece, whole.dialect);
    state.flush(list);
    gemini_reply::begin_candidate(w, parts);
    auto const word =
        gemini_finish_word(choice.finish, ours ? std::string_view(choice.finish_text) : std::string_view());
    w.text("finishReason", word.empty() ? std::string_view("STOP") : word).count("index", choice.index);
    if (std::string const grounding = state.grounding(); !grounding.empty())
      w.raw("groundingMetadata", grounding);
    gemini_reply::write_more(w, choice, whole.dialect);
    w.end_object();
  }
  w.end_list();
  if (ours) w.extra(whole.extra);
  gemini_reply::end_body(w, whole.usage, whole.model.empty() ? context.model : whole.model,
                         whole.id.empty() ? context.id : whole.id);
  return body;
}

}  // namespace lowart::dialect
