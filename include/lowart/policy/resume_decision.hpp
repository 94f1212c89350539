#pragma once
/// When an answer that broke off can be gone on with by another target, and what that is asked. Decides only.

#include <lowart/core/error.hpp>
#include <lowart/model/chat_delta.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/model/token_estimate.hpp>
#include <lowart/policy/fallback_decision.hpp>
#include <lowart/policy/option_range.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

struct ResumeOptions {
  int times{1};  ///< How often one answer may be gone on with, 1 to 10.
  /// What the next target is told behind the part of the answer that there is. At most 10,000 bytes, not empty.
  std::string instruction{
      "Your answer above was cut off. Continue it exactly where it ends, in the same language and format. Do "
      "not "
      "repeat any of it and do not comment on this."};
  std::string
      seam{};  ///< Put into the text where another target goes on, at most 10,000 bytes; empty: nothing.
  friend bool operator==(ResumeOptions const&, ResumeOptions const&) = default;

  /// Throws std::invalid_argument when one is out of its range.
  void check() const {
    constexpr std::size_t longest = 10'000;
    require_option(times >= 1 && times <= 10, "resume times: 1 to 10");
    require_option(!instruction.empty() && instruction.size() <= longest,
                   "resume instruction: 1 to 10,000 bytes");
    require_option(seam.size() <= longest, "resume seam: at most 10,000 bytes");
  }
};

/// Whether half of an answer to this can be gone on with: it is one text, not a document that has to fit together.
inline bool is_resumable(Conversation const& asked) noexcept {
  OutputKind const format = asked.output_format.kind;
  return asked.n.value_or(1) <= 1 && (format == OutputKind::unset || format == OutputKind::text);
}

/// What of an answer a client has seen.
class AnswerSoFar {
 public:
  void note(ChatDelta const& step) {
    for (ChoiceDelta const& choice : step.choices) {
      whole_ = whole_ && choice.index == 0 && choice.finish == FinishReason::none;
      for (PieceDelta const& piece : choice.pieces) note(piece);
    }
  }
  /// Only text was written, and some of its end is missing: a call of a tool, an image or a refusal is no half.
  bool may_go_on() const noexcept { return whole_; }
  std::string const& text() const noexcept { return text_; }
  bool ends_in_text() const noexcept { return ends_in_text_; }

 private:
  void note(PieceDelta const& piece) {
    ends_in_text_ = piece.kind == PartKind::text;
    if (piece.kind == PartKind::text) text_ += piece.text;
    else whole_ = whole_ && piece.kind == PartKind::reasoning;
  }

  std::string text_;
  bool whole_{true};
  bool ends_in_text_{false};
};

/// The conversation in which the next target goes on: `asked`, what was answered so far, and the instruction. Without
/// any text so far it is what was asked at first. What may be written is less what was.
inline Conversation continuation(Conversation asked, std::string_view so_far, std::string_view instruction) {
  if (so_far.empty()) return asked;
  auto const add = [&](Role role, std::string_view text) {
    Message message;
    message.role = role;
    ContentPart part;
    part.text = text;
    message.content.push_back(std::move(part));
    asked.messages.push_back(std::move(message));
  };
  add(Role::assistant, so_far);
  add(Role::user, instruction);
  if (asked.max_tokens)
    asked.max_tokens = std::max<std::int64_t>(1, *asked.max_tokens - estimated_tokens(so_far.size()));
  return asked;
}

/// Whether another target may do better than one whose answer ended so.
inline bool resumes_after(Error const& error) noexcept { return goes_on(error); }

}  // namespace lowart
