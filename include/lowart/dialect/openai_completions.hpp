#pragma once
/// The legacy dialect of POST /v1/completions: its request as a Conversation, its replies from neutral steps.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/openai_chat_reply_encode.hpp>
#include <lowart/dialect/openai_chat_request_decode.hpp>
#include <lowart/model/chat_delta.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// Reads the body of a POST /v1/completions: the prompt becomes one user message, unknown members are kept.
/// Errors: Errc::unsupported with param "prompt" for several prompts or token ids, which a Conversation
/// cannot say; else as decode_openai_chat.
inline Result<Conversation> decode_openai_completions(std::string_view body) {
  using namespace openai_request;
  JsonFault fault;
  Conversation c;
  if (auto const at = first_json_error(body))
    fault.wrong("", "is not valid JSON, at byte " + std::to_string(*at));
  if (fault.error()) return tl::unexpected<Error>(std::move(*fault.error()));
  JsonObject top(body, "", fault);
  top.take("model");
  std::vector<JsonMember> prompts;
  if (auto const prompt = top.take("prompt")) {
    if (prompt->kind == JsonKind::array)
      scan_array(prompt->value, [&](JsonMember const& e) { prompts.push_back(e); });
    else prompts.push_back(*prompt);
  }
  if (prompts.size() > 1 || (!prompts.empty() && prompts.front().kind != JsonKind::string)) {
    Error error(Errc::unsupported, "only one prompt, a string, can be translated for this model",
                Origin::client);
    return tl::unexpected<Error>(std::move(error).with_param("prompt"));
  }
  c.dialect = Dialect::openai_completions;
  Message message;
  message.content.emplace_back().text =
      prompts.empty() ? std::string() : JsonObject::text_of(prompts.front());
  c.messages.push_back(std::move(message));
  decode_settings(top, c, true);
  auto options = top.take_object("stream_options");
  if (options) c.include_usage = options->take_flag("include_usage").value_or(false);
  c.extra = top.rest();
  if (options) keep_rest(*options, "stream_options", c.extra);
  if (fault.error()) return tl::unexpected<Error>(std::move(*fault.error()));
  return c;
}

namespace openai_completions {

/// What a legacy reply can say of a choice: its text. Reasoning, refusals and tool calls have no place in it.
inline void encode_choice(JsonWriter& w, ChoiceDelta const& choice, std::string_view finish) {
  if (finish == "tool_calls") finish = "stop";
  w.begin_object().text("text", choice.text()).count("index", choice.index);
  openai_reply::end_choice(w, choice.logprobs, finish);
}

}  // namespace openai_completions

/// Writes one stream of /v1/completions as server-sent events.
class CompletionsChunkEncoder final : public ReplyWriter {
 public:
  explicit CompletionsChunkEncoder(ReplyContext const& context)
      : identity_("cmpl-", context), include_usage_(context.include_usage) {}

  void write(ChatDelta const& delta, std::string& out) override {
    if (!std::exchange(begun_, true)) identity_.settle(delta);
    if (delta.usage) usage_ = delta.usage;
    for (ChoiceDelta const& choice : delta.choices) {
      std::string_view const finish = openai_reply::word_of(choice, delta.dialect);
      note(choice.index, !finish.empty());
      if (!choice.has(PartKind::text) && finish.empty()) continue;
      out.append("data: ");
      JsonWriter w(out);
      openai_reply::begin_reply(w, "text_completion", identity_);
      w.begin_list("choices");
      openai_completions::encode_choice(w, choice, finish);
      w.end_list();
      if (include_usage_) w.null("usage");
      w.end_object();
      out.append("\n\n");
    }
  }

  void finish(std::string& out) override {
    ChatDelta rest;
    if (choices_.empty()) note(0, false);
    for (auto const& [index, finished] : choices_) {
      if (finished) continue;
      ChoiceDelta& choice = rest.choices.emplace_back();
      choice.index = index;
      choice.finish = FinishReason::stop;
    }
    write(rest, out);
    if (include_usage_ && usage_) {
      out.append("data: ");
      JsonWriter w(out);
      openai_reply::begin_reply(w, "text_completion", identity_);
      w.begin_list("choices").end_list();
      openai_reply::encode_usage(w, *usage_);
      w.end_object();
      out.append("\n\n");
    }
    out.append("data: [DONE]\n\n");
  }

  void fail(Error const& error, std::string& out) override { out.append(openai_error_event(error)); }

 private:
  void note(std::int64_t index, bool finished) {
    for (auto& [known, done] : choices_)
      if (known == index) return void(done = done || finished);
    choices_.emplace_back(index, finished);
  }

  openai_reply::Identity identity_;
  std::optional<Usage> usage_;
  std::vector<std::pair<std::int64_t, bool>> choices_;  // index, finished
  bool include_usage_;
  bool begun_{false};
};

/// One whole reply of /v1/completions; `whole` as a CompletionBuilder gathers it.
inline std::string encode_openai_completions_reply(ChatDelta const& whole, ReplyContext const& context) {
  openai_reply::Identity identity("cmpl-", context);
  identity.settle(whole);
  std::string body;
  JsonWriter w(body);
  openai_reply::begin_reply(w, "text_completion", identity);
  w.begin_list("choices");
  for (ChoiceDelta const& choice : whole.choices) {
    std::string_view const finish = openai_reply::word_of(choice, whole.dialect);
    openai_completions::encode_choice(w, choice, finish.empty() ? "stop" : finish);
  }
  w.end_list();
  if (whole.usage) openai_reply::encode_usage(w, *whole.usage);
  w.end_object();
  return body;
}

}  // namespace lowart::dialect
