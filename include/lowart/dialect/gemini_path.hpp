#pragma once
/// parse_gemini_path: the model and the method of a Gemini call, which stand in its path.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_text.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

enum class GeminiMethod : std::uint8_t { generate, stream, count_tokens, embed, batch_embed };

constexpr std::string_view to_string(GeminiMethod method) noexcept {
  constexpr std::array<std::string_view, 5> names{"generateContent", "streamGenerateContent", "countTokens",
                                                  "embedContent", "batchEmbedContents"};
  return names[static_cast<std::size_t>(method)];
}

/// What a path and its query say.
struct GeminiPath {
  std::string model;  ///< Decoded, without "models/"; a tuned model keeps its "tunedModels/".
  GeminiMethod method{GeminiMethod::generate};
  bool as_array{false};  ///< A stream without alt=sse: one JSON array.
};

namespace gemini_path {

inline tl::unexpected<Error> refuse(Errc code, std::string_view param, std::string message) {
  Error error(code, std::move(message), Origin::client);
  return tl::unexpected<Error>(std::move(error).with_param(std::string(param)));
}

/// nullopt when a % is not followed by two hexadecimal digits, or stands for a control character.
inline std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out.push_back(text[at]);
      continue;
    }
    if (text.size() - at < 3) return std::nullopt;
    std::array<char, 4> const digits{'0', '0', text[at + 1], text[at + 2]};
    auto const code = four_hex(std::string_view(digits.data(), digits.size()), 0);
    if (code < 0x20 || code == 0x7F) return std::nullopt;
    out.push_back(static_cast<char>(code));
    at += 2;
  }
  return out;
}

inline std::optional<GeminiMethod> method_of(std::string_view name) noexcept {
  for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(GeminiMethod::batch_embed); ++i)
    if (auto const method = static_cast<GeminiMethod>(i); to_string(method) == name) return method;
  return std::nullopt;
}

/// The value of the query's `alt` (or `$alt`, which Google knows as well); empty when there is none.
inline std::string_view alt_of(std::string_view query) noexcept {
  std::string_view value;
  while (!query.empty()) {
    std::string_view const field = query.substr(0, query.find('&'));
    query.remove_prefix(field.size() == query.size() ? field.size() : field.size() + 1);
    for (std::string_view const name : {"alt=", "$alt=", "%24alt="})
      if (field.starts_with(name)) value = field.substr(name.size());
  }
  return value;
}

}  // namespace gemini_path

/// Reads what follows the version of a path, "models/gemini-2.5-flash:generateContent", still percent-encoded, with
/// or without the version itself ("/v1beta/...", "/v1/..."). `query` is what follows the '?'; keys in it are not looked at.
///
/// A model's name may hold slashes and colons: the method follows the last colon.
/// Errors: not_found for a path that is none of Gemini's, or a method nobody here serves; invalid_request for no model,
/// broken percent-encoding, and a representation (`alt`) other than json and sse.
inline Result<GeminiPath> parse_gemini_path(std::string_view path, std::string_view query) {
  using gemini_path::refuse;
  GeminiPath parsed;
  for (std::string_view const version : {"/v1beta/", "/v1/", "/"}) {
    if (!path.starts_with(version)) continue;
    path.remove_prefix(version.size());
    break;
  }
  bool const tuned = path.starts_with("tunedModels/");
  if (!tuned && !path.starts_with("models/"))
    return refuse(Errc::not_found, "", "the path names no model: it must be models/{model}:{method}");
  if (!tuned) path.remove_prefix(std::string_view("models/").size());
  std::size_t colon = path.rfind(':');
  std::size_t behind = 1;
  if (std::size_t const coded = path.rfind("%3A"), other = path.rfind("%3a");
      colon == std::string_view::npos) {
    colon = coded != std::string_view::npos ? coded : other;
    behind = 3;
  }
  if (colon == std::string_view::npos)
    return refuse(Errc::not_found, "", "the path names no method: it must be models/{model}:{method}");
  std::string_view const word = path.substr(colon + behind);
  auto const method = gemini_path::method_of(word);
  if (!method)
    return refuse(Errc::not_found, "",
                  "the method '" + std::string(word.substr(0, 64)) + "' is not served here");
  auto model = gemini_path::percent_decoded(path.substr(0, colon));
  if (!model || !is_valid_utf8(*model))
    return refuse(Errc::invalid_request, "model",
                  "the model's name in the path is not validly percent-encoded");
  if (model->starts_with("models/"))
    model->erase(0, std::string_view("models/").size());  // "models/models%2Fx"
  if (model->empty() || *model == "tunedModels/")
    return refuse(Errc::invalid_request, "model",
                  "the path names no model: it must be models/{model}:{method}");
  std::string_view const alt = gemini_path::alt_of(query);
  if (!alt.empty() && alt != "json" && alt != "sse")
    return refuse(Errc::invalid_request, "alt", "'alt' must be json or sse");
  parsed.model = *std::move(model);
  parsed.method = *method;
  parsed.as_array = *method == GeminiMethod::stream && alt != "sse";
  return parsed;
}

}  // namespace lowart::dialect
