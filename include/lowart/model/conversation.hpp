#pragma once
/// The neutral language: what is said to a model, without any vendor's spelling.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lowart {

enum class Role : std::uint8_t { system, developer, user, assistant, tool };

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
  image,    ///< `data` is a URL or a data: URL; `detail` low|high|auto.
  audio,    ///< `data` is base64; `format` wav|mp3.
  file,     ///< `data` is a data: URL, or empty with `file_id`; `file_name` may be set.
  refusal,  ///< `text` says why the model will not answer.
  other,    ///< Kept as raw JSON only.
};

struct ContentPart {
  PartKind kind{PartKind::text};
  std::string text;
  std::string data;
  std::string detail;
  std::string format;
  std::string file_id;
  std::string file_name;
  std::vector<ExtraField> extra;
  RawJson raw;  ///< PartKind::other only.
  friend bool operator==(ContentPart const&, ContentPart const&) = default;
};

/// A call that the model asks for. `arguments` is the model's own text: usually JSON, never trusted to be.
struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;
  bool custom{false};  ///< A free-form tool: arguments is plain text.
  std::vector<ExtraField> extra;
  friend bool operator==(ToolCall const&, ToolCall const&) = default;
};

struct Message {
  Role role{Role::user};
  std::vector<ContentPart> content;
  bool content_is_parts{false};  ///< Came as a list of parts, not as one string.
  std::vector<ToolCall> tool_calls;
  std::string tool_call_id;  ///< Role::tool: which call this answers.
  std::string name;
  std::string refusal;
  std::string reasoning;
  std::vector<ExtraField> extra;
  friend bool operator==(Message const&, Message const&) = default;

  /// All text parts, joined.
  std::string text() const {
    std::string all;
    for (auto const& part : content)
      if (part.kind == PartKind::text) all += part.text;
    return all;
  }
};

/// A function the model may call.
struct Tool {
  std::string name;
  std::string description;
  RawJson parameters;  ///< JSON Schema; empty when the tool takes none.
  std::optional<bool> strict;
  std::vector<ExtraField> extra;
  RawJson raw;  ///< A kind of tool we only carry; then the rest is empty.
  friend bool operator==(Tool const&, Tool const&) = default;
};

enum class ToolChoiceKind : std::uint8_t { unset, automatic, none, required, named, other };
struct ToolChoice {
  ToolChoiceKind kind{ToolChoiceKind::unset};
  std::string name;
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

/// Everything a chat call asks for. Absent means: the provider's default.
struct Conversation {
  std::vector<Message> messages;
  std::vector<Tool> tools;
  ToolChoice tool_choice;
  OutputFormat output_format;
  std::optional<bool> parallel_tool_calls;
  std::optional<std::int64_t> max_tokens;
  bool max_tokens_is_legacy{false};  ///< Spelled max_tokens, not max_completion_tokens.
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<double> frequency_penalty;
  std::optional<double> presence_penalty;
  std::optional<std::int64_t> n;
  std::optional<std::int64_t> seed;
  std::optional<bool> logprobs;
  std::optional<std::int64_t> top_logprobs;
  std::vector<std::string> stop;
  bool stop_is_list{true};
  std::string reasoning_effort;
  std::string user;
  bool stream{false};
  bool include_usage{false};
  std::vector<ExtraField> extra;
  friend bool operator==(Conversation const&, Conversation const&) = default;
};

}  // namespace lowart
