#pragma once
/// What one chunk or reply of the OpenAI dialect says, found by scanning: text, finish reasons, usage, an
/// error.

#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/dialect/json_walk.hpp>
#include <lowart/dialect/openai_repair.hpp>
#include <lowart/dialect/openai_usage.hpp>
#include <lowart/model/chat_reply.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// The neutral word for a finish_reason.
inline FinishReason openai_finish_reason(std::string_view word) noexcept {
  if (word.empty()) return FinishReason::none;
  if (word == "stop") return FinishReason::stop;
  if (word == "length") return FinishReason::length;
  if (word == "tool_calls" || word == "function_call") return FinishReason::tool_calls;
  if (word == "content_filter") return FinishReason::content_filter;
  return FinishReason::other;
}

/// Looks through one chunk, or one whole reply, of chat or legacy completions, and adds what it says to a
/// ReplyProgress. Keeps no views beyond the call; one value serves a whole stream.
class OpenAiContentScan {
 public:
  /// Reads one JSON text. After it, the findings below are about this text.
  JsonScan read(std::string_view json, ReplyProgress& progress) {
    progress_ = &progress;
    error_.reset();
    only_text_ = padding_ = {};
    texts_ = 0;
    has_choices_ = has_choice_ = content_ = usage_seen_ = begins_ = suspect_ = false;
    begun_before_ = begun_;
    JsonScan const scan = scan_object(json, [&](JsonMember const& member) { read_top(member); });
    if (!usage_seen_ && !other_usage_.empty()) read_usage(other_usage_);
    other_usage_ = {};
    return scan;
  }

  /// Reads a whole reply. What it says is looked into only where its usage does not tell what it cost; suspect() is
  /// about this reply.
  JsonScan read_whole(std::string_view json, ReplyProgress& progress) {
    if (read_usual(json, progress)) return JsonScan::ok;
    progress_ = &progress;
    error_.reset();
    has_choices_ = content_ = usage_seen_ = false;
    other_usage_ = {};
    JsonScan const scan = scan_object(json, [&](JsonMember const& member) {
      if (is(member, "choices")) has_choices_ = member.kind == JsonKind::array, choices_text_ = member.value;
      else read_top(member);
    });
    Usage const& usage = progress.usage;
    bool const reported =
        usage.get(UsageClass::input).has_value() && usage.get(UsageClass::output).has_value();
    JsonScan const read_all = scan != JsonScan::ok || (usage_seen_ && reported) ? scan : read(json, progress);
    suspect_ = true;
    return read_all;
  }

  /// Text, a tool call, audio or a finish reason was there: the commit point.
  bool content() const noexcept { return content_; }
  bool has_choices() const noexcept { return has_choices_; }
  /// The value of an `error` member that is not null.
  std::optional<JsonMember> const& error() const noexcept { return error_; }
  /// How many strings were added to the text, the only one when it is one, and random padding of the top
  /// object.
  int texts() const noexcept { return texts_; }
  std::string_view only_text() const noexcept { return only_text_; }
  std::string_view padding() const noexcept { return padding_; }

  /// Each choice seen in any text so far has given its finish reason, and there was one.
  bool all_finished() const noexcept { return seen_.any() && seen_ == finished_; }

  /// The list of choices that read_whole() found.
  std::string_view choices_text() const noexcept { return choices_text_; }
  /// A choice began with this text: it has its first delta.
  bool begins() const noexcept { return begins_; }
  /// OpenAiRepair should look: a first delta without a role, a choice without an index, tool calls. Of a whole reply:
  /// whatever is not as it usually is.
  bool suspect() const noexcept { return suspect_; }
  /// The usage object of this text when it has no choice, as streams end with.
  bool only_usage() const noexcept { return has_choices_ && !has_choice_ && usage_seen_; }
  std::string_view usage_text() const noexcept { return usage_seen_ ? usage_text_ : std::string_view(); }
  /// Choices that had a delta in an earlier text.
  OpenAiChoices const& begun_before() const noexcept { return begun_before_; }
  /// Choices that had a delta and no finish reason yet.
  OpenAiChoices unfinished() const noexcept { return begun_ & ~finished_; }
  /// Takes them for finished.
  void finish_all() noexcept { finished_ |= begun_; }

  /// Appends a string literal's text. False when it is no valid one.
  bool append_literal(std::string_view literal, ReplyProgress& progress) {
    if (auto const plain = as_string_view(literal)) {
      progress.text.append(*plain);
      return true;
    }
    decoded_.clear();
    bool const valid = decode_string(literal, decoded_);
    progress.text.append(decoded_);
    return valid;
  }

 private:
  /// A whole reply as it usually is, in one pass: choices that lack nothing, and usage that tells what it cost. False:
  /// it is another, or none, and nothing was noted of it.
  bool read_usual(std::string_view json, ReplyProgress& progress) {
    openai_usage::Figures figures;
    bool has_choices = false, has_usage = false;
    std::string_view tier;
    JsonCursor cursor(json);
    cursor.skip_space();
    bool const usual =
        cursor.peek() == '{' && walk_object(cursor, [&](std::string_view name, JsonCursor& at) {
          if (name == "service_tier") {
            char const* const begin = at.at();
            bool const whole = step_over(at);
            tier = std::string_view(begin, static_cast<std::size_t>(at.at() - begin));
            return whole;
          }
          if (name == "choices") return !std::exchange(has_choices, true) && walk_choices(at);
          if (name == "error" || name == "x_groq") return false;
          if (name == "usage")
            return !std::exchange(has_usage, true) && at.peek() == '{' &&
                   figures.read(at, openai_usage::chat_names);
          return step_over(at);
        });
    cursor.skip_space();
    if (!usual || !cursor.at_end() || !has_choices || !figures.prompt || !figures.completion) return false;
    progress.usage = openai_usage::disjoint(figures);
    progress.served(as_string_view(tier).value_or(""));
    error_.reset();
    has_choices_ = usage_seen_ = true;
    content_ = suspect_ = false;
    return true;
  }
  static bool walk_choices(JsonCursor& at) {
    return at.peek() == '[' && walk_array(at, [](JsonCursor& choice) { return walk_choice(choice); });
  }
  /// Past a choice that OpenAiRepair has nothing to do with.
  static bool walk_choice(JsonCursor& choice) {
    bool has_index = false, has_message = false, is_finished = false;  // legacy completions have no message
    bool const whole =
        choice.peek() == '{' && walk_object(choice, [&](std::string_view name, JsonCursor& at) {
          std::int64_t ignored = 0;
          if (name == "index") return has_index = at.take_count(ignored);
          if (name == "message") return has_message = walk_message(at);
          if (name == "finish_reason") {
            is_finished = walk_word(at);
            return is_finished || step_over(at);
          }
          return step_over(at);
        });
    return whole && (!has_message || (has_index && is_finished));
  }
  static bool walk_message(JsonCursor& message) {
    bool has_role = false;
    bool const whole =
        message.peek() == '{' && walk_object(message, [&](std::string_view name, JsonCursor& at) {
          if (name == "role") return has_role = walk_word(at);
          if (name == "tool_calls") return at.peek() == 'n' && step_over(at);
          return step_over(at);
        });
    return whole && has_role;
  }
  /// Past a string that says something.
  static bool walk_word(JsonCursor& at) {
    char const* const begin = at.at();
    return at.peek() == '"' && at.skip_string() == JsonScan::ok && at.at() - begin > 2;
  }

  template <std::size_t N>
  static bool is(JsonMember const& m, char const (&name)[N]) {
    return m.key_is(name);
  }

  void read_top(JsonMember const& m) {
    if (is(m, "choices")) {
      if (m.kind != JsonKind::array) return;
      has_choices_ = true;
      std::int64_t position = 0;
      scan_array(m.value, [&](JsonMember const& choice) { read_choice(choice.value, position++); });
    } else if (is(m, "usage")) {
      if (m.kind == JsonKind::object) read_usage(m.value), usage_seen_ = true, usage_text_ = m.value;
    } else if (is(m, "service_tier")) {
      if (m.kind == JsonKind::string) progress_->served(as_string_view(m.value).value_or(""));
    } else if (is(m, "error")) {
      if (m.kind != JsonKind::null) error_ = m;
    } else if (is(m, "x_groq")) {  // Groq reports here when usage was not asked for
      if (auto const usage = find_member(m.value, "usage"); usage && usage->kind == JsonKind::object)
        other_usage_ = usage->value;
    } else if (is(m, "obfuscation") || is(m, "p")) {  // OpenAI, Mistral
      if (m.kind == JsonKind::string) padding_ = m.value;
    }
  }

  void read_choice(std::string_view choice, std::int64_t position) {
    std::optional<std::int64_t> index;
    bool finished = false;
    bool has_message = false;
    bool has_delta = false;
    has_role_ = false;
    std::optional<JsonMember> text;  // legacy completions; Together says the delta's text here a second time
    scan_object(choice, [&](JsonMember const& m) {
      if (is(m, "delta")) has_message = true, has_delta = m.kind == JsonKind::object, read_message(m.value);
      else if (is(m, "message")) has_message = true, read_message(m.value);
      else if (is(m, "text")) text = m;
      else if (is(m, "finish_reason")) finished = read_finish(m);
      else if (is(m, "index")) index = as_int(m.value);
      else if (is(m, "usage") && m.kind == JsonKind::object) other_usage_ = m.value;  // Moonshot
      else if (is(m, "error") && m.kind == JsonKind::object) error_ = m;              // OpenRouter
    });
    if (text && !has_message) read_text(*text);
    has_choice_ = true;
    if (has_delta && !index) suspect_ = true;
    auto const slot = static_cast<std::size_t>(index.value_or(position));
    if (slot >= seen_.size()) return;
    if (has_delta && !begun_[slot]) {
      begins_ = true;
      if (!has_role_) suspect_ = true;
      begun_.set(slot);
    }
    seen_.set(slot);
    if (finished) finished_.set(slot);
  }

  bool read_finish(JsonMember const& m) {
    if (m.kind != JsonKind::string) return false;
    FinishReason const reason = openai_finish_reason(as_string_view(m.value).value_or("other"));
    if (reason == FinishReason::none) return false;
    progress_->finish = reason;
    return content_ = true;
  }

  /// A delta or a message.
  void read_message(std::string_view message) {
    std::string_view details;
    bool reasoned = false;  // vLLM and OpenRouter say the same reasoning under two names
    scan_object(message, [&](JsonMember const& m) {
      if (is(m, "content")) {
        if (m.kind == JsonKind::array) read_parts(m.value);
        else read_text(m);
      } else if (is(m, "reasoning") || is(m, "reasoning_content")) {
        if (!reasoned) reasoned = read_text(m);
      } else if (is(m, "reasoning_details")) {
        if (m.kind == JsonKind::array) details = m.value;
      } else if (is(m, "refusal")) {
        read_text(m);
      } else if (is(m, "tool_calls")) {
        if (m.kind == JsonKind::array)
          scan_array(m.value, [&](JsonMember const& call) { read_tool_call(call.value), suspect_ = true; });
      } else if (is(m, "function_call")) {
        if (m.kind == JsonKind::object) read_function(m.value);
      } else if (is(m, "audio")) {
        if (m.kind == JsonKind::object) read_audio(m.value);
      } else if (is(m, "role")) {
        has_role_ = m.kind == JsonKind::string && m.value.size() > 2;
      }
    });
    if (!reasoned && !details.empty()) read_parts(details);
  }

  /// Parts of content (Mistral) or of reasoning (OpenRouter): their text, also one level down.
  void read_parts(std::string_view parts, int level = 0) {
    scan_array(parts, [&](JsonMember const& part) {
      if (part.kind != JsonKind::object) return;
      scan_object(part.value, [&](JsonMember const& m) {
        bool const names_text = is(m, "text") || is(m, "thinking") || is(m, "summary") || is(m, "refusal");
        if (!names_text) return;
        if (m.kind == JsonKind::array && level == 0) read_parts(m.value, level + 1);
        else read_text(m);
      });
    });
  }

  void read_tool_call(std::string_view call) {
    content_ = true;
    scan_object(call, [&](JsonMember const& m) {
      if (m.kind == JsonKind::object && (is(m, "function") || is(m, "custom"))) read_function(m.value);
    });
  }

  void read_function(std::string_view function) {
    content_ = true;
    scan_object(function, [&](JsonMember const& m) {
      if (is(m, "name") || is(m, "arguments") || is(m, "input")) read_text(m);
    });
  }

  void read_audio(std::string_view audio) {
    content_ = true;
    scan_object(audio, [&](JsonMember const& m) {
      if (is(m, "transcript")) read_text(m);
    });
  }

  /// Adds a string that is not empty; an object where a string should be (arguments) is added as written.
  bool read_text(JsonMember const& m) {
    if (m.kind == JsonKind::object) {
      progress_->text.append(m.value);
      texts_ += 2;  // not a shape to repeat
      return content_ = true;
    }
    if (m.kind != JsonKind::string || m.value.size() <= 2) return false;
    append_literal(m.value, *progress_);
    only_text_ = m.value;
    ++texts_;
    return content_ = true;
  }

  void read_usage(std::string_view object) {
    Usage const usage = read_openai_usage(object);
    if (!usage.empty()) progress_->usage = usage;
  }

  ReplyProgress* progress_{nullptr};
  std::optional<JsonMember> error_;
  std::string_view only_text_, padding_, other_usage_;
  std::string_view usage_text_, choices_text_;
  OpenAiChoices seen_, finished_;
  OpenAiChoices begun_, begun_before_;
  std::string decoded_;
  int texts_{0};
  bool has_choices_{false};
  bool has_choice_{false};
  bool has_role_{false};
  bool begins_{false};
  bool suspect_{false};
  bool content_{false};
  bool usage_seen_{false};
};

}  // namespace lowart::dialect
