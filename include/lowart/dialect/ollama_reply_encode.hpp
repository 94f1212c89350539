#pragma once
/// Neutral steps, written as lines of a stream or as one whole reply of Ollama: of /api/chat and of /api/generate.

#include <lowart/core/clock.hpp>
#include <lowart/dialect/data_url.hpp>
#include <lowart/dialect/gemini_function_text.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/ollama_error.hpp>
#include <lowart/dialect/reply_writer.hpp>
#include <lowart/dialect/rfc3339.hpp>
#include <lowart/model/chat_delta.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// Where the words of an answer stand.
enum class OllamaPath : std::uint8_t {
  chat,      ///< In `message`.
  generate,  ///< In `response`, and `thinking` beside it.
};

namespace ollama_reply {

/// Ollama's word for an end. It has none for calls, and that of a filter is ours: clients take any.
inline std::string_view word_of(FinishReason finish, std::string_view own) noexcept {
  if (finish == FinishReason::length) return "length";
  if (finish == FinishReason::content_filter) return "content_filter";
  return finish == FinishReason::other && !own.empty() ? own : "stop";
}

/// Nanoseconds since the client asked; at least one, as clients divide by it. Zero without a clock.
inline std::int64_t elapsed(ReplyContext const& context) noexcept {
  if (context.clock == nullptr) return 0;
  auto const passed =
      std::chrono::duration_cast<std::chrono::nanoseconds>(context.clock->now() - context.asked_at);
  return std::max<std::int64_t>(passed.count(), 1);
}

inline void begin_line(JsonWriter& w, ReplyContext const& context) {
  constexpr std::int64_t second = 1'000'000;
  std::int64_t const now = context.clock != nullptr ? context.clock->utc_micros() : context.created * second;
  w.begin_object().text("model", context.model).text("created_at", rfc3339_exact(now));
}

/// What a step adds. Refusals are text, as they are to a reader.
struct Said {
  std::string text, thinking;
  std::vector<std::string_view> images;  ///< Base64, in the step.
  std::string calls;                     ///< Elements of a list.
  bool empty() const noexcept { return text.empty() && thinking.empty() && images.empty() && calls.empty(); }
};

inline std::string_view base64_of(PieceDelta const& piece) noexcept {
  if (piece.data.find(':') == std::string::npos) return piece.data;
  auto const url = parse_data_url(piece.data);
  return url ? url->base64 : std::string_view();
}

/// All but the calls, which come in pieces.
inline Said said_by(ChoiceDelta const& choice) {
  Said said;
  for (PieceDelta const& piece : choice.pieces) {
    if (piece.kind == PartKind::text || piece.kind == PartKind::refusal) said.text.append(piece.text);
    if (piece.kind == PartKind::reasoning) said.thinking.append(piece.text);
    if (piece.kind != PartKind::image) continue;
    if (auto const data = base64_of(piece); !data.empty()) said.images.push_back(data);
  }
  return said;
}

inline void write_said(JsonWriter& w, OllamaPath path, Said const& said) {
  if (path == OllamaPath::chat)
    w.begin_object("message").text("role", "assistant").text("content", said.text);
  else w.text("response", said.text);
  w.text_if("thinking", said.thinking);
  if (!said.images.empty()) {
    w.begin_list("images");
    for (std::string_view const image : said.images) w.text(image);
    w.end_list();
  }
  if (!said.calls.empty()) w.begin_list("tool_calls").raw(said.calls).end_list();
  if (path == OllamaPath::chat) w.end_object();
}

/// Calls whole, their arguments as objects.
inline std::string calls_text(std::vector<PieceDelta> const& calls) {
  std::string text;
  JsonWriter list(text);
  list.begin_list();
  std::int64_t index = 0;
  for (PieceDelta const& piece : calls) {
    if (piece.kind != PartKind::tool_call) continue;
    list.begin_object().text_if("id", piece.call.id).begin_object("function").count("index", index++);
    list.text("name", piece.call.name);
    gemini_request::write_gemini_arguments(list, piece.call, "arguments");
    list.end_object().end_object();
  }
  list.end_list();
  return text.substr(1, text.size() - 2);
}

/// The neutral list is OpenAI's object with it.
inline void write_logprobs(JsonWriter& w, RawJson const& logprobs) {
  auto const list = logprobs.empty() ? std::nullopt : find_member(logprobs.text, "content");
  if (list && list->kind == JsonKind::array) w.raw("logprobs", list->value);
}

/// Why it ended, how long it took, what it used as far as that is known.
/// `first` is the time until the first content, in nanoseconds; 0 when all came at once: then all of it is the answer's.
inline void write_end(JsonWriter& w, std::string_view reason, std::optional<Usage> const& usage,
                      ReplyContext const& context, std::int64_t first) {
  w.flag("done", true).text("done_reason", reason);
  std::int64_t const total = elapsed(context);
  if (total > 0) w.count("total_duration", total).count("load_duration", 0);
  if (usage) w.count("prompt_eval_count", usage->input_total());
  if (total > 0) w.count("prompt_eval_duration", first);
  if (usage) w.count("eval_count", usage->output_total());
  if (total > 0) w.count("eval_duration", std::max<std::int64_t>(total - first, 1));
  w.end_object();
}

}  // namespace ollama_reply

/// Writes one stream as Ollama does: a line of JSON for each step, calls whole in a line of their own before the last,
/// which has `done`, the reason, durations and what was used. A request has one choice here.
template <OllamaPath path>
class OllamaLines final : public ReplyWriter {
 public:
  explicit OllamaLines(ReplyContext context) : context_(std::move(context)) {}

  void write(ChatDelta const& step, std::string& out) override {
    if (!std::exchange(begun_, true) && !step.model.empty()) context_.model = step.model;
    if (step.usage) usage_ = step.usage;
    for (ChoiceDelta const& choice : step.choices)
      if (choice.index == 0) write_choice(choice, step.dialect, out);
  }

  void finish(std::string& out) override {
    if (!calls_.empty()) {
      ollama_reply::Said said;
      said.calls = ollama_reply::calls_text(calls_);
      write_line(said, {}, out);
    }
    JsonWriter w(out, JsonLines::joined);
    ollama_reply::begin_line(w, context_);
    ollama_reply::write_said(w, path, {});
    ollama_reply::write_end(w, ollama_reply::word_of(finish_, finish_text_), usage_, context_, first_);
    out.push_back('\n');
  }

  void fail(Error const& error, std::string& out) override { out.append(ollama_error_line(error)); }

 private:
  void write_choice(ChoiceDelta const& choice, Dialect dialect, std::string& out) {
    for (PieceDelta const& piece : choice.pieces)
      if (piece.kind == PartKind::tool_call) gather(piece);
    if (choice.finish != FinishReason::none) {
      finish_ = choice.finish;
      finish_text_ = dialect == Dialect::ollama ? choice.finish_text : std::string();
    }
    auto const said = ollama_reply::said_by(choice);
    if (first_ == 0 && (!said.empty() || !calls_.empty())) first_ = ollama_reply::elapsed(context_);
    if (!said.empty() || !choice.logprobs.empty()) write_line(said, choice.logprobs, out);
  }
  void write_line(ollama_reply::Said const& said, RawJson const& logprobs, std::string& out) {
    JsonWriter w(out, JsonLines::joined);
    ollama_reply::begin_line(w, context_);
    ollama_reply::write_said(w, path, said);
    w.flag("done", false);
    ollama_reply::write_logprobs(w, logprobs);
    w.end_object();
    out.push_back('\n');
  }
  void gather(PieceDelta const& piece) {
    auto const known = std::find_if(calls_.begin(), calls_.end(),
                                    [&](PieceDelta const& call) { return call.index == piece.index; });
    if (known == calls_.end()) return void(calls_.push_back(piece));
    if (known->call.id.empty()) known->call.id = piece.call.id;
    if (known->call.name.empty()) known->call.name = piece.call.name;
    known->call.arguments.append(piece.call.arguments);
    known->call.custom = known->call.custom || piece.call.custom;
  }

  ReplyContext context_;
  std::optional<Usage> usage_;
  std::vector<PieceDelta> calls_;
  FinishReason finish_{FinishReason::none};
  std::string finish_text_;
  std::int64_t first_{0};  // nanoseconds until the first content
  bool begun_{false};
};
using OllamaReplyWriter = OllamaLines<OllamaPath::chat>;
using OllamaGenerateWriter = OllamaLines<OllamaPath::generate>;

/// One whole reply; `whole` as a CompletionBuilder gathers it.
template <OllamaPath path = OllamaPath::chat>
std::string encode_ollama_reply(ChatDelta const& whole, ReplyContext const& context) {
  ReplyContext named = context;
  if (!whole.model.empty()) named.model = whole.model;
  static ChoiceDelta const nothing;
  ChoiceDelta const& choice = whole.choices.empty() ? nothing : whole.choices.front();
  auto said = ollama_reply::said_by(choice);
  said.calls = ollama_reply::calls_text(choice.pieces);
  std::string body;
  JsonWriter w(body);
  ollama_reply::begin_line(w, named);
  ollama_reply::write_said(w, path, said);
  ollama_reply::write_logprobs(w, choice.logprobs);
  std::string_view const own =
      whole.dialect == Dialect::ollama ? std::string_view(choice.finish_text) : std::string_view();
  ollama_reply::write_end(w, ollama_reply::word_of(choice.finish, own), whole.usage, named, 0);
  return body;
}

/// The answer to a request that asks nothing: the model is there whenever it is asked, so it is loaded, or let go where
/// `keep_alive` is zero.
template <OllamaPath path = OllamaPath::chat>
std::string encode_ollama_loaded(std::string_view body, std::string_view model, std::int64_t utc_micros) {
  auto const keep = find_member(body, "keep_alive");
  std::string_view const time = keep ? keep->value : std::string_view();  // 0, 0.0, "0", "0s"
  bool const has_zero = time.starts_with("\"0") || time.starts_with("0");
  bool const lets_go = has_zero && time.find_first_of("123456789") == time.npos;
  std::string reply;
  JsonWriter w(reply);
  w.begin_object().text("model", model).text("created_at", rfc3339_exact(utc_micros));
  ollama_reply::write_said(w, path, {});
  w.flag("done", true).text("done_reason", lets_go ? "unload" : "load").end_object();
  return reply;
}

}  // namespace lowart::dialect
