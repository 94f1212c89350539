#pragma once
/// The models of a gateway as each vendor's own API lists them.

#include <lowart/dialect/gemini_model_name.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/model/dialect.hpp>
#include <lowart/model/door_set.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lowart {

/// One entry of the list of models.
struct ModelCard {
  std::string id;
  std::string owner;
  DoorSet doors{DoorSet::all()};  ///< Where it is offered.
};

/// Which part of a list is wanted. Anthropic's clients say `after_id` or `before_id`, Google's bring a page token back:
/// here the name of the last model of the page before.
struct ModelPage {
  std::size_t size{1000};
  std::string_view after;
  std::string_view before;
};

namespace model_list {

/// No vendor's list has these of a model that is not the vendor's.
inline constexpr std::string_view created_at = "1970-01-01T00:00:00Z";

inline void write_openai(dialect::JsonWriter& w, ModelCard const& card) {
  w.begin_object().text("id", card.id).text("object", "model").number("created", 0);
  w.text("owned_by", card.owner).end_object();
}
inline void write_anthropic(dialect::JsonWriter& w, ModelCard const& card) {
  w.begin_object().text("type", "model").text("id", card.id).text("display_name", card.id);
  w.text("created_at", created_at).end_object();
}
inline void write_gemini(dialect::JsonWriter& w, ModelCard const& card) {
  w.begin_object().text("name", dialect::gemini_model_name(card.id)).text("baseModelId", card.id);
  w.text("version", "1").text("displayName", card.id).begin_list("supportedGenerationMethods");
  if (card.doors.has(DoorKind::gemini)) w.element("generateContent").element("streamGenerateContent");
  if (card.doors.has(DoorKind::count_tokens)) w.element("countTokens");
  if (card.doors.has(DoorKind::embeddings)) w.element("embedContent").element("batchEmbedContents");
  w.end_list().end_object();
}

}  // namespace model_list
}  // namespace lowart
