#pragma once
/// The facts a gateway needs of a Gemini request: its path tells the model and the method, one shallow look at the
/// body the rest.

#include <lowart/core/result.hpp>
#include <lowart/dialect/gemini_path.hpp>
#include <lowart/dialect/gemini_spelling.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/openai_facts.hpp>
#include <lowart/model/chat_request.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

namespace gemini_facts {

struct Members {
  std::optional<JsonMember> contents, config;
  bool has_tools{false};
  std::size_t behind{0};  ///< Everything before this place was read.
  JsonScan scan{JsonScan::ok};
};

inline Members find_members(std::string_view body) {
  Members found;
  found.scan = scan_object(body, [&](JsonMember const& member) {
    found.behind = openai_facts::end_of(member, body);
    if (member.key_is("contents")) found.contents = member;
    else if (gemini_key_is(member, "generationConfig")) found.config = member;
    else if (member.key_is("tools") && member.value.size() > 2) found.has_tools = true;
  });
  return found;
}

}  // namespace gemini_facts

/// The facts of a generateContent or streamGenerateContent call. Views into `body` and into `path`, so both must stay
/// as they are while the facts are used. `decode` is left for the door to bind, `model_token` stays empty.
///
/// Not a validator: upstream checks the rest. Refused with Errc::invalid_request and `param`: text that is not one whole
/// JSON object, no `contents`, members of the wrong type, `candidateCount` outside 1..128, a negative token limit.
/// Gemini always tells the usage: include_usage is true. Cost: one pass, no allocation for the usual body.
inline Result<WireRequest> read_gemini_facts(GeminiPath const& path, std::string_view body) {
  using openai_facts::read_count;
  using openai_facts::refuse;
  constexpr std::int64_t most_choices = 128;
  auto const found = gemini_facts::find_members(body);
  if (found.scan != JsonScan::ok) return openai_facts::refuse_scan(body, found.scan, found.behind);
  if (!openai_facts::is_set(found.contents)) return refuse("contents", "the request has no 'contents'");
  if (found.contents->kind != JsonKind::array && found.contents->kind != JsonKind::object)
    return refuse("contents", "'contents' must be a list");
  WireRequest facts;
  facts.dialect = Dialect::gemini;
  facts.body = body;
  facts.model = path.model;
  facts.stream = path.method == GeminiMethod::stream;
  facts.as_array = path.as_array;
  facts.include_usage = true;
  if (found.has_tools) facts.features.add(CallFeature::tools);
  if (!openai_facts::is_set(found.config)) return facts;
  if (found.config->kind != JsonKind::object)
    return refuse("generationConfig", "'generationConfig' must be an object");
  std::optional<JsonMember> limit, choices;
  scan_object(found.config->value, [&](JsonMember const& member) {
    if (gemini_key_is(member, "maxOutputTokens")) limit = member;
    else if (gemini_key_is(member, "candidateCount")) choices = member;
    else if (gemini_key_is(member, "thinkingConfig")) facts.features.add(CallFeature::reasoning);
    else if (gemini_key_is(member, "responseSchema") || gemini_key_is(member, "responseJsonSchema"))
      facts.features.add(CallFeature::structured);
  });
  auto const tokens =
      read_count(limit, "generationConfig.maxOutputTokens", 0, std::numeric_limits<std::int64_t>::max());
  if (!tokens) return tl::unexpected<Error>(tokens.error());
  auto const n = read_count(choices, "generationConfig.candidateCount", 1, most_choices);
  if (!n) return tl::unexpected<Error>(n.error());
  facts.max_tokens = *tokens;
  facts.choices = n->value_or(1);
  return facts;
}

}  // namespace lowart::dialect
