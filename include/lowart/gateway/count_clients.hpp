#pragma once
/// Which client of counts of tokens a path belongs to.

#include <lowart/dialect/anthropic_count.hpp>
#include <lowart/dialect/gemini_count.hpp>
#include <lowart/dialect/responses_count.hpp>
#include <lowart/gateway/client_dialects.hpp>
#include <lowart/gateway/count_client.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace lowart {

inline constexpr CountClient anthropic_count_client{
    .dialect = Dialect::anthropic,
    .route = "/v1/messages/count_tokens",
    .manners = &anthropic_client_dialect,
    .facts = anthropic_client_dialect.facts,
    .decode = anthropic_client_dialect.decode,
    .encode = &dialect::encode_anthropic_count_reply,
};

inline constexpr CountClient responses_count_client{
    .dialect = Dialect::openai_responses,
    .route = "/v1/responses/input_tokens",
    .manners = &responses_client_dialect,
    .facts = responses_client_dialect.facts,
    .decode = responses_client_dialect.decode,
    .encode = &dialect::encode_responses_count_reply,
};

inline constexpr CountClient gemini_count_client{
    .dialect = Dialect::gemini,
    .route = "/v1beta/models:countTokens",
    .manners = &gemini_client_dialect,
    .facts = [](Asked const& asked, std::string& scratch) -> Result<WireRequest> {
      Result<dialect::GeminiPath> const path = dialect::parse_gemini_path(asked.path, asked.query);
      if (!path) return fail(path.error());
      Result<WireRequest> found = dialect::read_gemini_count_facts(*path, asked.body);
      if (!found) return found;
      scratch = path->model;
      found->model = scratch;
      return found;
    },
    .decode = &dialect::decode_gemini_count,
    .encode = &dialect::encode_gemini_count_reply,
};

/// The client of a count at this path; null when no door has it.
inline CountClient const* find_count_client(std::string_view path) noexcept {
  if (path == anthropic_count_client.route) return &anthropic_count_client;
  if (path == responses_count_client.route) return &responses_count_client;
  if (path.ends_with("countTokens") && is_gemini_model_path(path)) return &gemini_count_client;
  return nullptr;
}

}  // namespace lowart
