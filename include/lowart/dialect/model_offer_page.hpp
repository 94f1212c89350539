#pragma once
/// A page of a provider's list of models, in each vendor's words.
///
/// Sources: OpenAI `GET /models` and those who followed it (`context_length` of OpenRouter and others, `max_model_len` of
/// vLLM), Anthropic `GET /v1/models`, Gemini `GET /v1beta/models`, Ollama `GET /api/tags`,
/// Cohere `GET /v1/models`.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/model/model_offers.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::dialect {

struct ModelOfferPage {
  std::vector<ModelOffer> models;
  std::string next;  ///< What asks for the next page; empty: this is the last one.
};

namespace model_offer_page {

/// The text of a member; empty where there is none.
inline std::string text_of(std::string_view object, std::string_view name) {
  auto const member = find_member(object, name);
  std::string text;
  if (member && member->kind == JsonKind::string && !decode_string(member->value, text)) text.clear();
  return text;
}
inline std::int64_t count_of(std::string_view object, std::string_view name) {
  auto const member = find_member(object, name);
  return std::max<std::int64_t>(0, member ? as_int(member->value).value_or(0) : 0);
}

/// Longer than any name that somebody gave a model: nobody could ask for it.
inline constexpr std::size_t most_name_bytes = 512;

/// The models of the list `name`. `read` turns an element into an offer; one without a name is left out, as is one whose
/// name is too long.
template <class Read>
Result<ModelOfferPage> read_list(std::string_view body, std::string_view name, Read&& read) {
  auto const list = find_member(body, name);
  if (!list || list->kind != JsonKind::array)
    return fail(Errc::malformed_reply, "the provider's reply has no list '" + std::string(name) + "'",
                Origin::upstream);
  ModelOfferPage page;
  JsonScan const scan = scan_array(list->value, [&](JsonMember const& element) {
    ModelOffer offer = read(element.value);
    if (!offer.id.empty() && offer.id.size() <= most_name_bytes) page.models.push_back(std::move(offer));
  });
  if (scan != JsonScan::ok)
    return fail(Errc::malformed_reply, "the provider's list '" + std::string(name) + "' is not JSON",
                Origin::upstream);
  return page;
}

}  // namespace model_offer_page

/// OpenAI's list has one page.
inline Result<ModelOfferPage> read_openai_offers(std::string_view body) {
  using namespace model_offer_page;
  return read_list(body, "data", [](std::string_view model) {
    std::int64_t const context = count_of(model, "context_length");
    return ModelOffer{text_of(model, "id"), context > 0 ? context : count_of(model, "max_model_len")};
  });
}

/// `next` is a value of `after_id`.
inline Result<ModelOfferPage> read_anthropic_offers(std::string_view body) {
  using namespace model_offer_page;
  auto page = read_list(body, "data", [](std::string_view model) {
    return ModelOffer{text_of(model, "id"), count_of(model, "max_input_tokens")};
  });
  auto const more = find_member(body, "has_more");
  if (page && more && as_bool(more->value).value_or(false)) page->next = text_of(body, "last_id");
  return page;
}

/// `next` is a value of `pageToken`. Names are what stands behind "models/"; those of tuned models stay whole.
inline Result<ModelOfferPage> read_gemini_offers(std::string_view body) {
  using namespace model_offer_page;
  auto page = read_list(body, "models", [](std::string_view model) {
    constexpr std::string_view prefix = "models/";
    std::string name = text_of(model, "name");
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
    return ModelOffer{std::move(name), count_of(model, "inputTokenLimit")};
  });
  if (page) page->next = text_of(body, "nextPageToken");
  return page;
}

/// Ollama's list has one page, and says nothing of contexts.
inline Result<ModelOfferPage> read_ollama_offers(std::string_view body) {
  using namespace model_offer_page;
  return read_list(body, "models",
                   [](std::string_view model) { return ModelOffer{text_of(model, "name"), 0}; });
}

/// `next` is a value of `page_token`.
inline Result<ModelOfferPage> read_cohere_offers(std::string_view body) {
  using namespace model_offer_page;
  auto page = read_list(body, "models", [](std::string_view model) {
    return ModelOffer{text_of(model, "name"), count_of(model, "context_length")};
  });
  if (page) page->next = text_of(body, "next_page_token");
  return page;
}

}  // namespace lowart::dialect
