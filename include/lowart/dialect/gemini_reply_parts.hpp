#pragma once
/// GeminiReplyParts: the pieces of one choice, written as parts of one candidate.

#include <lowart/dialect/gemini_blob.hpp>
#include <lowart/dialect/gemini_citation.hpp>
#include <lowart/dialect/gemini_function_text.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/chat_delta.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// A call is one whole part: its pieces are held until something else is said, or the choice ends. Words of other
/// dialects (PartKind::other) are left out. One value per choice.
class GeminiReplyParts {
 public:
  /// Writes what can be written of a piece.
  void write(JsonWriter& w, PieceDelta const& piece, Dialect dialect) {
    if (piece.kind == PartKind::tool_call) return hold(piece);
    if (dialect != Dialect::gemini)
      citations_.insert(citations_.end(), piece.citations.begin(), piece.citations.end());
    if (!says_something(piece, dialect)) return;
    flush(w);
    if (piece.kind == PartKind::other) return void(w.raw(piece.raw.text));
    w.begin_object();
    if (is_media(piece.kind)) write_media(w, piece);
    else w.text("text", piece.text);
    if (piece.kind == PartKind::reasoning) w.flag("thought", true);
    write_signature(w, piece.signature, piece.redacted);
    w.end_object();
    in_ascii_ = in_ascii_ && (piece.kind == PartKind::reasoning || is_ascii(piece.text));
  }

  /// Writes the calls that were held.
  void flush(JsonWriter& w) {
    for (Held const& held : calls_) {
      w.begin_object().begin_object("functionCall").text_if("id", held.call.id).text("name", held.call.name);
      gemini_request::write_gemini_arguments(w, held.call);
      w.end_object();
      write_signature(w, held.signature, false);
      w.end_object();
    }
    calls_.clear();
  }

  /// The value of groundingMetadata for citations of another provider; empty when there are none.
  std::string grounding() const {
    return citations_.empty() ? std::string() : to_gemini_grounding(citations_, in_ascii_);
  }

 private:
  struct Held {
    std::int64_t index{0};
    ToolCall call{};
    Signature signature{};
  };

  static bool is_media(PartKind kind) noexcept { return kind == PartKind::image || kind == PartKind::audio; }

  static bool says_something(PieceDelta const& piece, Dialect dialect) {
    switch (piece.kind) {
      case PartKind::text:
      case PartKind::refusal:
      case PartKind::reasoning: return !piece.text.empty() || !piece.signature.empty();
      case PartKind::image: return parse_data_url(piece.data).has_value();
      case PartKind::audio: return !piece.data.empty();
      case PartKind::other: return dialect == Dialect::gemini && !piece.raw.empty();
      case PartKind::video:
      case PartKind::file:
      case PartKind::tool_call: return false;
    }
    return false;
  }

  static void write_media(JsonWriter& w, PieceDelta const& piece) {
    std::string scratch;
    auto const bytes = gemini_blob::bytes_of(piece.kind, piece, scratch);
    w.begin_object("inlineData");
    if (bytes) w.text("mimeType", gemini_blob::type_of(piece.kind, *bytes)).text("data", bytes->base64);
    w.end_object();
  }

  static void write_signature(JsonWriter& w, Signature const& signature, bool redacted) {
    if (signature.empty()) return;
    Signature marked = signature;
    if (redacted) marked.value.append(gemini_redacted_mark);
    w.text("thoughtSignature", seal(marked, Dialect::gemini));
  }

  void hold(PieceDelta const& piece) {
    Held* held = nullptr;
    for (Held& call : calls_)
      if (call.index == piece.index) held = &call;
    if (held == nullptr) {
      held = &calls_.emplace_back();
      held->index = piece.index;
    }
    ToolCall& call = held->call;
    if (call.id.empty()) call.id = piece.call.id;
    if (call.name.empty()) call.name = piece.call.name;
    call.arguments += piece.call.arguments;
    call.custom = call.custom || piece.call.custom;
    if (!piece.signature.empty()) held->signature = piece.signature;
  }

  std::vector<Held> calls_;
  std::vector<Citation> citations_;
  bool in_ascii_{true};
};

}  // namespace lowart::dialect
