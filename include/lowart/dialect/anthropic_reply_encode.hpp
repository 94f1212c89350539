#pragma once
/// A whole answer, written as one message of the Anthropic dialect; with the writer of its streams.

#include <lowart/dialect/anthropic_blocks_encode.hpp>
#include <lowart/dialect/anthropic_finish.hpp>
#include <lowart/dialect/anthropic_stream_encode.hpp>
#include <lowart/dialect/anthropic_usage.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/chat_delta.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lowart::dialect {

namespace anthropic_reply {

/// One part of a whole answer; nothing for what has no words here.
inline void encode_whole_part(JsonWriter& w, PieceDelta const& piece, Dialect from, std::string_view id,
                              std::int64_t& calls) {
  switch (piece.kind) {
    case PartKind::text:
    case PartKind::refusal:
      if (piece.text.empty()) return;
      w.begin_object().text("type", "text").text("text", piece.text);
      anthropic_request::encode_citations(w, piece.citations);
      w.end_object();
      return;
    case PartKind::reasoning: {
      std::string const proof =
          piece.signature.empty() ? std::string() : seal(piece.signature, Dialect::anthropic);
      if (piece.text.empty() && proof.empty()) return;
      w.begin_object();
      if (piece.redacted) w.text("type", "redacted_thinking").text("data", proof);
      else w.text("type", "thinking").text("thinking", piece.text).text("signature", proof);
      w.end_object();
      return;
    }
    case PartKind::tool_call: {
      std::string scratch;
      if (!piece.signature.empty()) {
        w.begin_object().text("type", "redacted_thinking");
        w.text("data", seal(piece.signature, Dialect::anthropic)).end_object();
      }
      w.begin_object().text("type", "tool_use");
      w.text("id", piece.call.id.empty() ? made_call_id(id, calls) : piece.call.id);
      w.text("name", piece.call.name).raw("input", tool_input(piece.call, scratch)).end_object();
      ++calls;
      return;
    }
    case PartKind::other:
      if (from == Dialect::anthropic && !piece.raw.empty()) w.raw(piece.raw.text);
      return;
    case PartKind::image:
    case PartKind::audio:
    case PartKind::video:
    case PartKind::file: return;
  }
}

}  // namespace anthropic_reply

/// One whole message; `whole` as a CompletionBuilder gathers it. Of several choices the first is told. An answer
/// without a finish reason gets one.
inline std::string encode_anthropic_reply(ChatDelta const& whole, ReplyContext const& context) {
  using namespace anthropic_reply;
  static ChoiceDelta const nothing;
  ChoiceDelta const& choice = whole.choices.empty() ? nothing : whole.choices.front();
  std::string body;
  JsonWriter w(body);
  w.begin_object().text("id", message_id(whole, context)).text("type", "message").text("role", "assistant");
  w.text("model", whole.model.empty() ? context.model : whole.model).begin_list("content");
  std::int64_t calls = 0;
  for (PieceDelta const& piece : choice.pieces) encode_whole_part(w, piece, whole.dialect, context.id, calls);
  w.end_list().text("stop_reason", anthropic_stop_reason(choice, whole.dialect, calls > 0));
  if (choice.stop_sequence.empty()) w.null("stop_sequence");
  else w.text("stop_sequence", choice.stop_sequence);
  w.begin_object("usage");
  encode_anthropic_usage(w, whole.usage.value_or(Usage()));
  w.end_object();
  if (whole.dialect == Dialect::anthropic) w.extra(whole.extra);
  w.end_object();
  return body;
}

}  // namespace lowart::dialect
