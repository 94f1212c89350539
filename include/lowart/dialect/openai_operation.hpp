#pragma once
/// Moderation, reranking, images and speech: the facts of a request, and what a reply says it used.

#include <lowart/core/result.hpp>
#include <lowart/core/usage.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/dialect/openai_facts.hpp>
#include <lowart/dialect/openai_usage.hpp>
#include <lowart/dialect/responses_usage.hpp>
#include <lowart/model/operation.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

namespace openai_operation {

/// What a JSON request of a kind cannot be without; empty where that differs between vendors.
constexpr std::string_view subject_of(OperationKind kind) noexcept {
  switch (kind) {
    case OperationKind::moderation:
    case OperationKind::speech: return "input";
    case OperationKind::rerank: return "query";
    case OperationKind::image:
    case OperationKind::image_edit: return "prompt";
    case OperationKind::image_variation:
    case OperationKind::transcription:
    case OperationKind::translation: break;  // a file, or where one is
  }
  return {};
}

inline Result<void> check_members(OperationKind kind, std::string_view body) {
  std::string const subject(subject_of(kind));
  if (!subject.empty() && !openai_facts::is_set(find_member(body, subject)))
    return openai_facts::refuse(subject, "the request has no '" + subject + "'");
  if (kind == OperationKind::rerank) {
    auto const documents = find_member(body, "documents");
    if (!documents || documents->kind != JsonKind::array)
      return openai_facts::refuse("documents", "'documents' must be a list");
  }
  return {};
}

/// The milliseconds of a number of seconds, 12 or "8.47", rounded up; nullopt when it is none, or more than a year.
inline std::optional<std::int64_t> milliseconds_of(JsonMember const& seconds) noexcept {
  std::string_view const text = seconds.kind == JsonKind::number ? seconds.value
                                : seconds.kind == JsonKind::string
                                    ? as_string_view(seconds.value).value_or(std::string_view())
                                    : std::string_view();
  constexpr std::int64_t most = std::int64_t{366} * 86'400 * 1000;
  auto const point = text.find('.');
  auto const whole = as_int(text.substr(0, point));
  if (!whole || *whole < 0 || *whole > most / 1000) return std::nullopt;
  std::int64_t milliseconds = *whole * 1000;
  std::int64_t weight = 100;
  bool beyond = false;
  std::string_view const decimals = point == std::string_view::npos ? "" : text.substr(point + 1);
  for (char const c : decimals) {
    if (c < '0' || c > '9') return std::nullopt;
    milliseconds += (c - '0') * weight;
    beyond = beyond || (weight == 0 && c != '0');
    weight /= 10;
  }
  return milliseconds + (beyond ? 1 : 0);
}
inline void take_seconds(JsonMember const& seconds, Usage& usage) noexcept {
  if (auto const heard = milliseconds_of(seconds)) usage.set(UsageClass::audio_milliseconds, *heard);
}

/// Of an image that was made, what was written is the image, unless the provider tells that apart.
inline Usage drawn(Usage usage) noexcept {
  auto const written = usage.get(UsageClass::output);
  if (!written || usage.get(UsageClass::output_image)) return usage;
  usage.set(UsageClass::output_image, *written);
  usage.set(UsageClass::output, 0);
  return usage;
}
constexpr bool is_image(OperationKind kind) noexcept { return door_of(kind) == DoorKind::images; }
constexpr bool is_transcript(OperationKind kind) noexcept {
  return kind == OperationKind::transcription || kind == OperationKind::translation;
}

/// {"input_tokens": ...} as of images, speech and Cohere, {"prompt_tokens": ...}, or {"total_tokens": ...} alone as of
/// rerankers, which write nothing. Transcriptions tell details in the singular, or {"type": "duration", "seconds": ...}.
inline Usage read_usage(std::string_view object) {
  constexpr openai_usage::Names of_audio{"input_tokens", "output_tokens", "input_token_details",
                                         "output_token_details"};
  if (find_member(object, "input_token_details")) {
    openai_usage::Figures figures;
    figures.read(object, of_audio);
    return openai_usage::disjoint(figures);
  }
  if (find_member(object, "input_tokens")) return read_responses_usage(object);
  if (auto const seconds = find_member(object, "seconds")) {
    Usage heard;
    take_seconds(*seconds, heard);
    return heard;
  }
  Usage usage = read_openai_usage(object);
  if (!usage.empty()) return usage;
  auto const total = find_member(object, "total_tokens");
  if (auto const tokens = total ? as_int(total->value) : std::nullopt; tokens && *tokens >= 0)
    usage.set(UsageClass::input, *tokens);
  return usage;
}

/// What the reply of an operation used, as its `usage` says.
inline Usage read_usage(OperationKind kind, std::string_view object) {
  return is_image(kind) ? drawn(read_usage(object)) : read_usage(object);
}
inline std::int64_t elements_of(std::string_view list) {
  std::int64_t count = 0;
  scan_array(list, [&count](JsonMember const&) { ++count; });
  return count;
}
/// What Cohere's `meta` says: tokens, or the units that a ranking is billed by.
inline void read_meta(std::string_view object, Usage& usage) {
  if (auto const tokens = find_member(object, "tokens"); tokens && tokens->kind == JsonKind::object)
    usage = read_usage(tokens->value);
  auto const billed = find_member(object, "billed_units");
  auto const units =
      billed && billed->kind == JsonKind::object ? find_member(billed->value, "search_units") : std::nullopt;
  if (auto const count = units ? as_int(units->value) : std::nullopt) usage.set(UsageClass::searches, *count);
}

/// Whether a JSON reply's member is what such a reply is about.
inline bool is_answer(OperationKind kind, JsonMember const& member) {
  switch (kind) {
    case OperationKind::speech: return true;  // JSON with a voice in it, in the vendor's own words
    case OperationKind::transcription:
    case OperationKind::translation: return member.key_is("text") && member.kind == JsonKind::string;
    default: return (member.key_is("results") || member.key_is("data")) && member.kind == JsonKind::array;
  }
}

}  // namespace openai_operation

/// The facts of a JSON body of this kind. Views into `body`; `model` into `scratch` when the name has escapes.
///
/// Not a validator: upstream checks the rest. Refused with Errc::invalid_request and `param`: text that is not one
/// whole JSON object, a missing, empty or doubled `model`, none of what the kind is about.
inline Result<WireOperation> read_operation_facts(OperationKind kind, std::string_view body,
                                                  std::string& scratch) {
  auto const common = openai_facts::read_common(body, openai_facts::find_members(body), scratch);
  if (!common) return fail(common.error());
  Result<void> const checked = openai_operation::check_members(kind, body);
  if (!checked) return fail(checked.error());
  WireOperation facts;
  facts.kind = kind;
  facts.body = body;
  facts.model = common->model;
  facts.model_token = common->model_token;
  return facts;
}

/// Looks at a JSON reply: is it an answer, and what did it use? Usage stands in `usage`, of Cohere in `meta`. Where none
/// does, pictures are counted, and the length of a transcript's audio is its `duration`. Errors: malformed_reply.
inline Result<Usage> read_operation_reply(OperationKind kind, std::string_view body) {
  bool is_answer = false;
  Usage usage;
  Usage otherwise;
  JsonScan const scan = scan_object(body, [&](JsonMember const& member) {
    if (openai_operation::is_answer(kind, member)) {
      is_answer = true;
      if (openai_operation::is_image(kind))
        otherwise.set(UsageClass::images, openai_operation::elements_of(member.value));
    } else if (member.key_is("usage") && member.kind == JsonKind::object) {
      usage = openai_operation::read_usage(kind, member.value);
    } else if (member.key_is("meta") && member.kind == JsonKind::object) {
      openai_operation::read_meta(member.value, usage);
    } else if (openai_operation::is_transcript(kind) && member.key_is("duration")) {
      openai_operation::take_seconds(member, otherwise);
    }
  });
  if (scan == JsonScan::ok && is_answer) return usage.empty() ? otherwise : usage;
  std::string message = "the provider's reply is no answer to a request for ";
  message.append(to_string(kind));
  if (scan != JsonScan::ok) message.append(": ").append(to_string(scan));
  return fail(Errc::malformed_reply, std::move(message), Origin::upstream);
}

}  // namespace lowart::dialect
