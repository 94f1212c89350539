#pragma once
/// Neutral steps, written as a stream of events of the Anthropic dialect.

#include <lowart/dialect/anthropic_blocks_encode.hpp>
#include <lowart/dialect/anthropic_error.hpp>
#include <lowart/dialect/anthropic_finish.hpp>
#include <lowart/dialect/anthropic_usage.hpp>
#include <lowart/dialect/json_balance.hpp>
#include <lowart/dialect/json_writer.hpp>
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

namespace anthropic_reply {

/// An id for a tool call that came without one.
inline std::string made_call_id(std::string_view message_id, std::int64_t index) {
  return std::string("toolu_").append(message_id).append("_").append(std::to_string(index));
}

/// The provider's own id of a message, or one made of ours.
inline std::string message_id(ChatDelta const& first, ReplyContext const& context) {
  return first.dialect == Dialect::anthropic && !first.id.empty() ? first.id : "msg_" + context.id;
}

/// JSON on one line: line ends stand between its tokens only, and would end the event.
inline std::string on_one_line(std::string json) {
  std::erase_if(json, [](char c) { return c == '\n' || c == '\r'; });
  return json;
}

/// Whether a member that we do not know belongs into the `delta` of message_delta; the rest stands beside it.
inline bool is_of_delta(std::string_view name) noexcept {
  return name == "container" || name == "stop_details";
}

}  // namespace anthropic_reply

/// Writes one streamed answer as the events of /v1/messages: blocks one after the other, each begun and ended, indexes
/// rising from 0, whatever the order of the steps. Pieces of several tool calls that come mixed are put in order: those
/// that follow the open call wait until it is whole. Of several choices the first is told.
///
/// Not said, having no words here: images and audio of the model, log probabilities, citations of other dialects.
class AnthropicReplyWriter final : public ReplyWriter {
 public:
  explicit AnthropicReplyWriter(ReplyContext const& context) : context_(context) {}

  void write(ChatDelta const& step, std::string& out) override {
    if (step.usage) usage_ = step.usage;
    if (!std::exchange(begun_, true)) begin_message(step, out);
    if (step.dialect == Dialect::anthropic && !step.extra.empty()) keep_extra(step.extra);
    for (ChoiceDelta const& choice : step.choices) {
      if (choice.index != 0) continue;
      for (PieceDelta const& piece : choice.pieces) take(piece, step.dialect, out);
      if (choice.finish == FinishReason::none) continue;
      end_.finish = choice.finish;
      end_.finish_text = choice.finish_text;
      end_.stop_sequence = choice.stop_sequence;
      end_dialect_ = step.dialect;
    }
  }

  /// What waited, the open block's end, message_delta with the last usage, message_stop.
  void finish(std::string& out) override {
    if (!std::exchange(begun_, true)) begin_message(ChatDelta(), out);
    close(out);
    while (!waiting_.empty()) {
      drain(out);
      close(out);
    }
    out.append("event: message_delta\ndata: ");
    JsonWriter w(out);
    w.begin_object().text("type", "message_delta").begin_object("delta");
    w.text("stop_reason", anthropic_stop_reason(end_, end_dialect_, calls_ > 0));
    if (end_.stop_sequence.empty()) w.null("stop_sequence");
    else w.text("stop_sequence", end_.stop_sequence);
    for (ExtraField const& field : extra_)
      if (anthropic_reply::is_of_delta(field.name))
        w.raw(field.name, anthropic_reply::on_one_line(field.value.text));
    w.end_object().begin_object("usage");
    encode_anthropic_usage(w, usage_.value_or(Usage()));
    w.end_object();
    for (ExtraField const& field : extra_)
      if (!anthropic_reply::is_of_delta(field.name))
        w.raw(field.name, anthropic_reply::on_one_line(field.value.text));
    w.end_object();
    out.append("\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
  }

  void fail(Error const& error, std::string& out) override { out.append(anthropic_error_event(error)); }

 private:
  enum class Open : std::uint8_t { nothing, talk, thinking, call };
  struct Waiting {
    PieceDelta piece;
    Dialect from;
  };

  void begin_message(ChatDelta const& first, std::string& out) {
    id_ = anthropic_reply::message_id(first, context_);
    out.append("event: message_start\ndata: ");
    JsonWriter w(out);
    w.begin_object().text("type", "message_start").begin_object("message");
    w.text("id", id_).text("type", "message").text("role", "assistant");
    w.text("model", first.model.empty() ? context_.model : first.model);
    w.begin_list("content").end_list().null("stop_reason").null("stop_sequence").begin_object("usage");
    Usage known = usage_.value_or(Usage());
    known.set(UsageClass::reasoning, -1);
    known.set(UsageClass::output, 0);
    known.set(UsageClass::output_audio, -1);
    known.set(UsageClass::output_image, -1);
    encode_anthropic_usage(w, known);
    w.end_object().end_object().end_object();
    out.append("\n\n");
  }

  void keep_extra(std::vector<ExtraField> const& fields) {
    for (ExtraField const& field : fields) {
      auto const known = std::find_if(extra_.begin(), extra_.end(),
                                      [&](ExtraField const& e) { return e.name == field.name; });
      if (known == extra_.end()) extra_.push_back(field);
      else known->value = field.value;
    }
  }

  /// An open call must not be left before it is whole: what is not of it waits.
  void take(PieceDelta const& piece, Dialect from, std::string& out) {
    bool const of_open =
        open_ == Open::call && piece.kind == PartKind::tool_call && piece.index == open_call_;
    if (open_ == Open::call && !of_open && !call_is_whole()) return waiting_.push_back({piece, from});
    if (piece.kind == PartKind::tool_call) take_call(piece, out);
    else take_other(piece, from, out);
    if (of_open && call_is_whole() && !waiting_.empty()) drain(out);
  }
  void drain(std::string& out) {
    auto const waiting = std::exchange(waiting_, {});
    for (Waiting const& held : waiting) take(held.piece, held.from, out);
  }
  bool call_is_whole() const noexcept { return !custom_ && balance_.whole(); }

  void take_other(PieceDelta const& piece, Dialect from, std::string& out) {
    switch (piece.kind) {
      case PartKind::text:
      case PartKind::refusal: return take_text(piece, out);
      case PartKind::reasoning: return take_thinking(piece, out);
      case PartKind::other:
        if (from != Dialect::anthropic || piece.raw.empty()) return;
        close(out);
        begin_block(out).raw("content_block", anthropic_reply::on_one_line(piece.raw.text)).end_object();
        out.append("\n\n");
        end_block(out);
        return;
      case PartKind::tool_call:
      case PartKind::image:
      case PartKind::audio:
      case PartKind::video:
      case PartKind::file: return;
    }
  }

  void take_text(PieceDelta const& piece, std::string& out) {
    bool const cites = std::any_of(piece.citations.begin(), piece.citations.end(),
                                   [](Citation const& c) { return c.by == Dialect::anthropic; });
    if (piece.text.empty() && !cites) return;
    if (open_ != Open::talk || piece.begins || open_kind_ != piece.kind) {
      close(out);
      JsonWriter w = begin_block(out);
      w.begin_object("content_block").text("type", "text").text("text", "");
      if (cites) w.begin_list("citations").end_list();
      w.end_object().end_object();
      out.append("\n\n");
      open_ = Open::talk;
      open_kind_ = piece.kind;
    }
    if (!piece.text.empty()) delta(out, "text_delta", "text", piece.text);
    for (Citation const& citation : piece.citations) {
      if (citation.by != Dialect::anthropic) continue;
      begin_delta(out, "citations_delta")
          .raw("citation", anthropic_reply::on_one_line(citation.raw.text))
          .end_object()
          .end_object();
      out.append("\n\n");
    }
  }

  void write_redacted(Signature const& proof, std::string& out) {
    JsonWriter w = begin_block(out);
    w.begin_object("content_block").text("type", "redacted_thinking");
    w.text("data", seal(proof, Dialect::anthropic)).end_object().end_object();
    out.append("\n\n");
    end_block(out);
  }
  void take_thinking(PieceDelta const& piece, std::string& out) {
    if (piece.redacted) return close(out), write_redacted(piece.signature, out);
    if (piece.text.empty() && piece.signature.empty()) return;
    if (open_ != Open::thinking || piece.begins) {
      close(out);
      JsonWriter w = begin_block(out);
      w.begin_object("content_block").text("type", "thinking").text("thinking", "").text("signature", "");
      w.end_object().end_object();
      out.append("\n\n");
      open_ = Open::thinking;
    }
    if (!piece.text.empty()) delta(out, "thinking_delta", "thinking", piece.text);
    if (!piece.signature.empty()) signature_ = piece.signature;
  }

  void take_call(PieceDelta const& piece, std::string& out) {
    ToolCall const& call = piece.call;
    if (open_ != Open::call || open_call_ != piece.index) {
      bool const known =
          std::find(known_calls_.begin(), known_calls_.end(), piece.index) != known_calls_.end();
      if (known) return;  // what follows a whole object is no part of it
      close(out);
      if (!piece.signature.empty())
        write_redacted(piece.signature, out);  // clients bring it back before the call
      known_calls_.push_back(piece.index);
      JsonWriter w = begin_block(out);
      w.begin_object("content_block").text("type", "tool_use");
      w.text("id", call.id.empty() ? anthropic_reply::made_call_id(context_.id, calls_) : call.id);
      w.text("name", call.name).begin_object("input").end_object().end_object().end_object();
      out.append("\n\n");
      open_ = Open::call;
      open_call_ = piece.index;
      ++calls_;
      custom_ = call.custom;
      balance_ = JsonBalance();
      if (custom_) delta(out, "input_json_delta", "partial_json", R"({"input":")");
    }
    if (call.arguments.empty()) return;
    if (!custom_) balance_.feed(call.arguments);
    std::string escaped;
    if (custom_) append_escaped(escaped, call.arguments);
    delta(out, "input_json_delta", "partial_json", custom_ ? escaped : call.arguments);
  }

  JsonWriter begin_block(std::string& out) {
    out.append("event: content_block_start\ndata: ");
    JsonWriter w(out);
    w.begin_object().text("type", "content_block_start").count("index", index_);
    return w;
  }
  JsonWriter begin_delta(std::string& out, std::string_view type) {
    out.append("event: content_block_delta\ndata: ");
    JsonWriter w(out);
    w.begin_object().text("type", "content_block_delta").count("index", index_).begin_object("delta");
    w.text("type", type);
    return w;
  }
  void delta(std::string& out, std::string_view type, std::string_view name, std::string_view text) {
    begin_delta(out, type).text(name, text).end_object().end_object();
    out.append("\n\n");
  }
  void end_block(std::string& out) {
    out.append("event: content_block_stop\ndata: ");
    JsonWriter(out).begin_object().text("type", "content_block_stop").count("index", index_++).end_object();
    out.append("\n\n");
  }
  void close(std::string& out) {
    if (open_ == Open::nothing) return;
    if (open_ == Open::thinking && !signature_.empty())
      delta(out, "signature_delta", "signature", seal(signature_, Dialect::anthropic));
    if (open_ == Open::call && custom_) delta(out, "input_json_delta", "partial_json", "\"}");
    signature_ = Signature();
    open_ = Open::nothing;
    end_block(out);
  }

  ReplyContext context_;
  std::string id_;
  std::optional<Usage> usage_;
  std::vector<ExtraField> extra_;
  ChoiceDelta end_;  ///< Why it ended.
  Dialect end_dialect_{Dialect::neutral};
  std::vector<Waiting> waiting_;
  std::vector<std::int64_t> known_calls_;
  Signature signature_;
  JsonBalance balance_;
  std::int64_t index_{0};
  std::int64_t open_call_{0};
  std::int64_t calls_{0};
  Open open_{Open::nothing};
  PartKind open_kind_{PartKind::text};
  bool custom_{false};
  bool begun_{false};
};

}  // namespace lowart::dialect
