#pragma once
/// The models of a gateway as each vendor's own API lists them.

#include <lowart/dialect/gemini_model_name.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/meter/price.hpp>
#include <lowart/model/dialect.hpp>
#include <lowart/model/door_set.hpp>
#include <lowart/net/sha256.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lowart {

/// What may be known of a model beside its name.
struct ModelFacts {
  std::int64_t context_tokens{0};         ///< How much fits in; 0: not known.
  std::int64_t output_tokens{0};          ///< How much it writes at most; 0: not known.
  std::vector<std::string> types;         ///< "text", "vision", "embedding" ...; empty: not known.
  std::vector<std::string> capabilities;  ///< "tools", "json_schema" ...
  Price price;                            ///< Empty: not known.
};

/// One entry of the list of models.
struct ModelCard {
  std::string id;
  std::string owner;
  DoorSet doors{DoorSet::all()};  ///< Where it is offered.
  ModelFacts facts{};
};

namespace model_list {

/// No vendor's list has these of a model that is not the vendor's.
inline constexpr std::string_view created_at = "1970-01-01T00:00:00Z";

inline std::optional<std::int64_t> known(std::int64_t tokens) noexcept {
  return tokens > 0 ? std::optional(tokens) : std::nullopt;
}
inline void write_words(dialect::JsonWriter& w, dialect::JsonName name,
                        std::vector<std::string> const& words) {
  if (words.empty()) return;
  w.begin_list(name);
  for (auto const& word : words) w.text(word);
  w.end_list();
}
/// Members that the vendor's own list does not have, and that its SDKs let be. Prices are text, so that nobody rounds.
inline void write_facts(dialect::JsonWriter& w, ModelFacts const& facts) {
  w.count_if("context_length", known(facts.context_tokens));
  w.count_if("max_output_tokens", known(facts.output_tokens));
  write_words(w, "types", facts.types);
  write_words(w, "capabilities", facts.capabilities);
  if (facts.price.empty()) return;
  bool tokens = false, others = false;
  facts.price.each(
      [&](PriceName const& name, std::string const&) { (is_tokens(name.of) ? tokens : others) = true; });
  auto const write = [&](dialect::JsonName list, bool of_tokens) {
    w.begin_object(list);
    facts.price.each([&](PriceName const& name, std::string const& usd) {
      if (is_tokens(name.of) == of_tokens) w.text(name.name, usd);
    });
    w.end_object();
  };
  if (tokens) write("usd_per_million_tokens", true);
  if (others) write("usd", false);
}

inline void write_openai(dialect::JsonWriter& w, ModelCard const& card) {
  w.begin_object().text("id", card.id).text("object", "model").count("created", 0);
  w.text("owned_by", card.owner);
  write_facts(w, card.facts);
  w.end_object();
}
inline void write_anthropic(dialect::JsonWriter& w, ModelCard const& card) {
  w.begin_object().text("type", "model").text("id", card.id).text("display_name", card.id);
  w.text("created_at", created_at).end_object();
}
inline void write_gemini(dialect::JsonWriter& w, ModelCard const& card) {
  w.begin_object().text("name", dialect::gemini_model_name(card.id)).text("baseModelId", card.id);
  w.text("version", "1").text("displayName", card.id);
  w.count_if("inputTokenLimit", known(card.facts.context_tokens));
  w.count_if("outputTokenLimit", known(card.facts.output_tokens));
  w.begin_list("supportedGenerationMethods");
  if (card.doors.has(DoorKind::gemini)) w.text("generateContent").text("streamGenerateContent");
  if (card.doors.has(DoorKind::count_tokens)) w.text("countTokens");
  if (card.doors.has(DoorKind::embeddings)) w.text("embedContent").text("batchEmbedContents");
  w.end_list().end_object();
}

inline void write_ollama_details(dialect::JsonWriter& w, ModelCard const& card) {
  w.begin_object("details").text("parent_model", "").text("format", "").text("family", card.owner);
  w.begin_list("families").text(card.owner).end_list();
  w.text("parameter_size", "").text("quantization_level", "").end_object();
}
/// The digest is that of the name, as there is no file: tools cut its first digits out.
inline void write_ollama(dialect::JsonWriter& w, ModelCard const& card) {
  std::string digest;
  net::append_hex(digest, net::sha256(card.id));
  w.begin_object().text("name", card.id).text("model", card.id).text("modified_at", created_at);
  w.count("size", 0).text("digest", digest);
  write_ollama_details(w, card);
  w.end_object();
}

inline void write(dialect::JsonWriter& w, Dialect asker, ModelCard const& card) {
  if (asker == Dialect::anthropic) write_anthropic(w, card);
  else if (asker == Dialect::gemini) write_gemini(w, card);
  else if (asker == Dialect::ollama) write_ollama(w, card);
  else write_openai(w, card);
}

}  // namespace model_list

/// Whether a list in this dialect has the model: OpenAI's has all, the others' what one of their own doors serves.
inline bool is_listed(ModelCard const& card, Dialect asker) noexcept {
  DoorSet own = DoorSet::all();
  if (asker == Dialect::anthropic) own = {DoorKind::messages, DoorKind::count_tokens};
  if (asker == Dialect::gemini) own = {DoorKind::gemini, DoorKind::embeddings, DoorKind::count_tokens};
  if (asker == Dialect::ollama) own = {DoorKind::ollama, DoorKind::embeddings};
  return !(card.doors & own).empty();
}

/// One model, in the vendor's own words.
inline std::string encode_model(Dialect asker, ModelCard const& card) {
  std::string body;
  dialect::JsonWriter w(body);
  model_list::write(w, asker, card);
  return body;
}

/// A part of a list that goes on on further pages.
struct ModelPage {
  std::span<ModelCard const* const> cards;
  bool has_more{false};  ///< In the direction in which the pages are turned.
};

/// The page in the vendor's own words. Gemini's token of the next one is the last name on this.
inline std::string encode_model_list(Dialect asker, ModelPage const& page) {
  auto const& cards = page.cards;
  std::string body;
  dialect::JsonWriter w(body);
  w.begin_object();
  bool const is_models = asker == Dialect::gemini || asker == Dialect::ollama;
  if (!is_models && asker != Dialect::anthropic) w.text("object", "list");
  w.begin_list(is_models ? "models" : "data");
  for (ModelCard const* card : cards) model_list::write(w, asker, *card);
  w.end_list();
  if (asker == Dialect::anthropic) {
    w.flag("has_more", page.has_more);
    if (cards.empty()) w.null("first_id").null("last_id");
    else w.text("first_id", cards.front()->id).text("last_id", cards.back()->id);
  }
  if (asker == Dialect::gemini && page.has_more) w.text("nextPageToken", cards.back()->id);
  w.end_object();
  return body;
}

}  // namespace lowart
