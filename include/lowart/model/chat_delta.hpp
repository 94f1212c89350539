#pragma once
/// ChatDelta: one step of an answer, whole or streamed, in the neutral language.

#include <lowart/core/usage.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace lowart {

enum class FinishReason : std::uint8_t { none, stop, length, tool_calls, content_filter, other };

/// What one step adds to one part of an answer. A piece of the same kind as the last (for tool calls: of the same
/// `index`) goes on with that part, unless it `begins` a new one.
struct PieceDelta {
  PartKind kind{PartKind::text};
  bool begins{false};     ///< A new part, though the last was of the same kind. Tool calls need no such sign.
  std::string text;       ///< Of text, refusal, reasoning.
  ToolCall call;          ///< tool_call: id and name in its first piece; arguments are added up.
  std::int64_t index{0};  ///< tool_call: which one of this choice; the pieces of several may be mixed.
  Signature signature;    ///< Whole, in one piece, which may add nothing else.
  bool redacted{false};
  std::string
      data;  ///< image, audio: a data: URL or base64, whole or added up; with media_type and `format`.
  std::string media_type;
  std::vector<Citation> citations;
  RawJson raw;  ///< other: a whole part as ChatDelta::dialect spells it.
  friend bool operator==(PieceDelta const&, PieceDelta const&) = default;
};

/// What one step adds to one choice.
struct ChoiceDelta {
  std::int64_t index{0};
  std::optional<Role> role;
  std::vector<PieceDelta> pieces;  ///< In the order the model said them.
  FinishReason finish{FinishReason::none};
  std::string
      finish_text;  ///< The provider's own word, when `finish` says less; a word of ChatDelta::dialect.
  std::string stop_sequence;  ///< Which of the request's stop sequences ended it, when the provider tells.
  RawJson logprobs;  ///< As OpenAI chat spells it: {"content":[{"token","logprob","bytes","top_logprobs"}]}.
  std::vector<ExtraField> extra;  ///< Members of the delta that we do not know.
  friend bool operator==(ChoiceDelta const&, ChoiceDelta const&) = default;

  /// Adds a piece of text, reasoning or refusal; none for an empty one.
  void say(PartKind kind, std::string text) {
    if (text.empty()) return;
    PieceDelta& piece = pieces.emplace_back();
    piece.kind = kind;
    piece.text = std::move(text);
  }
  /// All text of one kind, joined.
  std::string joined(PartKind kind) const {
    std::string all;
    for (auto const& piece : pieces)
      if (piece.kind == kind) all += piece.text;
    return all;
  }
  std::string text() const { return joined(PartKind::text); }
  bool has(PartKind kind) const noexcept {
    return std::any_of(pieces.begin(), pieces.end(), [&](auto const& piece) { return piece.kind == kind; });
  }
};

/// One step. A whole answer is one step.
struct ChatDelta {
  Dialect dialect{Dialect::neutral};  ///< Whose words extra fields, raw JSON and finish_text are.
  std::string id;
  std::string model;
  std::int64_t created{0};  ///< Seconds since 1970; 0 when the provider does not say.
  std::vector<ChoiceDelta> choices;
  std::optional<Usage> usage;     ///< A snapshot: replaces earlier ones.
  std::vector<ExtraField> extra;  ///< Top-level members that we do not know.
  std::string seam;  ///< The provider that goes on from here where the one before broke off; else empty.
  friend bool operator==(ChatDelta const&, ChatDelta const&) = default;
};

}  // namespace lowart
