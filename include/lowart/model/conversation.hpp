#pragma once
/// The neutral language: what is said to a model, without any vendor's spelling.
///
/// Rich enough that what one dialect says and another can say too survives the way through it. What only one
/// dialect knows is carried beside it: ExtraField, RawJson, PartKind::other. Those are words of
/// Conversation::dialect and mean nothing to another.

#include <lowart/model/dialect.hpp>
#include <lowart/model/rare.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lowart {

enum class Role : std::uint8_t { system, developer, user, assistant, tool };

/// As OpenAI's dialects call it.
constexpr std::string_view to_string(Role role) noexcept {
  switch (role) {
    case Role::system: return "system";
    case Role::developer: return "developer";
    case Role::user: return "user";
    case Role::assistant: return "assistant";
    case Role::tool: return "tool";
  }
  return "user";
}

/// A piece of JSON we carry but do not interpret: a tool's schema, a field we do not know. Valid JSON text.
struct RawJson {
  std::string text;
  bool empty() const noexcept { return text.empty(); }
  friend bool operator==(RawJson const&, RawJson const&) = default;
};

/// A member of an object that we do not know; it survives as it came.
struct ExtraField {
  std::string name;
  RawJson value;
  friend bool operator==(ExtraField const&, ExtraField const&) = default;
};

enum class PartKind : std::uint8_t {
  text,
  image,  ///< `media`: `data` is a URL or a data: URL; `detail` low|high|auto.
  audio,  ///< `media`: `data` is base64; `format` wav|mp3, or `media_type`.
  video,  ///< `media`: `data` is a URL or a data: URL.
  file,  ///< A document; `media`: `data` is a URL or a data: URL, or empty with `file_id`; `file_name` may be set.
  refusal,    ///< `text` says why the model will not answer.
  reasoning,  ///< `text` is what the model showed of its thinking, `signature` what it wants back unread.
  tool_call,  ///< `call`: the model asks for a tool. Role::assistant only.
  other,      ///< Kept as raw JSON only.
};

/// Something opaque that a provider wants back as it gave it: proof of its reasoning. Of use to the dialect that
/// made it, an error to every other.
struct Signature {
  Dialect by{Dialect::neutral};
  std::string value;
  bool empty() const noexcept { return value.empty(); }
  /// There is one, and the provider of this dialect made it.
  bool is_of(Dialect d) const noexcept { return !empty() && by == d; }
  /// There is one, and a provider of another dialect made it.
  bool is_foreign_to(Dialect d) const noexcept { return !empty() && by != d; }
  friend bool operator==(Signature const&, Signature const&) = default;
};

/// A breakpoint of the provider's prompt cache behind a part, a tool or a message.
struct CacheMark {
  std::string ttl;  ///< "5m", "1h"; empty: the provider's default.
  friend bool operator==(CacheMark const&, CacheMark const&) = default;
};

/// What a text rests on: a page or a place in a document.
struct Citation {
  std::string url;
  std::string title;
  std::string quote;                  ///< The words that are cited, when they are told.
  std::optional<std::int64_t> begin;  ///< The part of the answer that it supports, in characters.
  std::optional<std::int64_t> end;
  Dialect by{Dialect::neutral};
  RawJson raw;  ///< The citation as `by` spells it; another dialect builds its own from the rest.
  friend bool operator==(Citation const&, Citation const&) = default;
};

/// A call that the model asks for. `arguments` is the model's own text: usually JSON, never trusted to be.
struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;
  bool custom{false};  ///< A free-form tool: arguments is plain text.
  friend bool operator==(ToolCall const&, ToolCall const&) = default;
};

/// A picture, a sound, a document.
struct Media {
  std::string data;
  std::string media_type;  ///< "image/png"; empty when a data: URL in `data` says it, or nobody does.
  std::string detail;
  std::string format;
  std::string file_id;
  std::string file_name;
  friend bool operator==(Media const&, Media const&) = default;
};

/// A piece of a message. Which members count, its kind says.
struct ContentPart {
  PartKind kind{PartKind::text};
  std::string text;
  Rare<Media> media;
  ToolCall call;
  Signature signature;   ///< Reasoning has one; Gemini also gives one to text and tool calls.
  bool redacted{false};  ///< Reasoning that only its maker can read: `signature` is all there is.
  std::vector<Citation> citations;
  std::optional<CacheMark> cache;
  std::vector<ExtraField> extra;
  RawJson raw;  ///< PartKind::other only.
  friend bool operator==(ContentPart const&, ContentPart const&) = default;
};

/// A turn, or the result of one tool call (Role::tool). Parts stand in the order they were said.
struct Message {
  Role role{Role::user};
  std::vector<ContentPart> content;
  bool content_is_parts{false};  ///< Came as a list of parts, not as one string.
  bool same_turn{false};  ///< Came in one wire message with the one before it (Anthropic, Gemini: results).
  std::string tool_call_id;        ///< Role::tool: which call this answers.
  std::string name;                ///< Of who speaks; Role::tool: of the tool, where the dialect tells.
  bool tool_failed{false};         ///< Role::tool: `content` says what went wrong.
  std::optional<CacheMark> cache;  ///< Behind a tool's result as a whole.
  std::vector<ExtraField> extra;
  friend bool operator==(Message const&, Message const&) = default;

  /// All text parts, joined.
  std::string text() const { return joined(PartKind::text); }
  /// All text of one kind of part, joined.
  std::string joined(PartKind kind) const {
    std::string all;
    for (auto const& part : content)
      if (part.kind == kind) all += part.text;
    return all;
  }
};

/// A function the model may call.
struct Tool {
  std::string name;
  std::string description;
  RawJson parameters;  ///< JSON Schema; empty when the tool takes none.
  std::optional<bool> strict;
  bool custom{false};  ///< Takes plain text instead of JSON; `format` may say its grammar.
  RawJson format;      ///< As OpenAI spells it: {"type":"grammar","syntax":"lark","definition":"..."}.
  std::optional<CacheMark> cache;
  std::vector<ExtraField> extra;
  RawJson raw;  ///< A kind of tool we only carry; then the rest is empty.
  friend bool operator==(Tool const&, Tool const&) = default;
};

enum class ToolChoiceKind : std::uint8_t { unset, automatic, none, required, named, other };
struct ToolChoice {
  ToolChoiceKind kind{ToolChoiceKind::unset};
  std::string name;                  ///< ToolChoiceKind::named.
  std::vector<std::string> allowed;  ///< With automatic and required: only these; empty: all.
  RawJson raw;
  friend bool operator==(ToolChoice const&, ToolChoice const&) = default;
};

enum class OutputKind : std::uint8_t { unset, text, json_object, json_schema, other };
struct OutputFormat {
  OutputKind kind{OutputKind::unset};
  std::string name;
  std::string description;
  RawJson schema;
  std::optional<bool> strict;
  RawJson raw;
  friend bool operator==(OutputFormat const&, OutputFormat const&) = default;
};

/// How much the model is to think before it answers, and what of it is shown.
struct ReasoningWish {
  std::string effort;                         ///< none minimal low medium high xhigh max; empty: unset.
  std::optional<std::int64_t> budget_tokens;  ///< 0: do not think. -1: as much as the model likes.
  std::string mode;   ///< Anthropic's enabled, disabled, adaptive, between_tools; or empty.
  std::string shown;  ///< auto concise detailed: a summary; full: the thoughts; none. Empty: unset.
  friend bool operator==(ReasoningWish const&, ReasoningWish const&) = default;
};

/// Everything a chat call asks for. Absent means: the provider's default.
struct Conversation {
  Dialect dialect{Dialect::neutral};  ///< Whose words extra fields and raw JSON are.
  std::vector<Message> messages;
  bool system_is_apart{false};  ///< The first message stood in a field of its own (system, instructions).
  std::vector<Tool> tools;
  ToolChoice tool_choice;
  OutputFormat output_format;
  ReasoningWish reasoning;
  std::optional<bool> parallel_tool_calls;
  std::optional<std::int64_t> max_tokens;
  bool max_tokens_is_legacy{false};  ///< Spelled max_tokens, not max_completion_tokens.
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<std::int64_t> top_k;
  std::optional<double> frequency_penalty;
  std::optional<double> presence_penalty;
  std::optional<std::int64_t> n;
  std::optional<std::int64_t> seed;
  std::optional<bool> logprobs;
  std::optional<std::int64_t> top_logprobs;
  std::vector<std::string> stop;
  bool stop_is_list{true};
  std::string verbosity;  ///< low medium high; empty: unset.
  std::string user;       ///< Who is behind the call, for the provider's abuse detection.
  bool stream{false};
  bool include_usage{false};
  std::vector<ExtraField> extra;
  friend bool operator==(Conversation const&, Conversation const&) = default;
};

}  // namespace lowart
