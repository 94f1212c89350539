#pragma once
/// Embedding calls of Cohere, POST /v2/embed: request written, reply read.

#include <lowart/core/result.hpp>
#include <lowart/core/usage.hpp>
#include <lowart/dialect/cohere_usage.hpp>
#include <lowart/dialect/hints.hpp>
#include <lowart/dialect/json_inner.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/vector_text.hpp>
#include <lowart/model/embedding.hpp>
#include <lowart/model/losses.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// How Cohere is asked, whoever asks.
struct CohereVariant {
  /// What texts are embedded for, where the request does not say it: search_document, search_query, classification or
  /// clustering. Documents and queries have to be told apart, or a search finds less.
  std::string input_type{"search_document"};
};

/// Whether Cohere knows texts of this type.
inline bool is_cohere_input_type(std::string_view word) noexcept {
  return word == "search_document" || word == "search_query" || word == "classification" ||
         word == "clustering";
}

namespace cohere_embeddings {

inline constexpr std::string_view why = "cannot be said to a provider that speaks cohere embeddings";

/// The type of a text from Gemini's word for a task; empty for one that Cohere has no word for.
inline std::string_view type_of_task(std::string_view task) noexcept {
  if (task == "RETRIEVAL_QUERY" || task == "CODE_RETRIEVAL_QUERY") return "search_query";
  if (task == "RETRIEVAL_DOCUMENT") return "search_document";
  if (task == "CLASSIFICATION") return "classification";
  return task == "CLUSTERING" ? "clustering" : "";
}
/// The same from the word of a field `input_type`, Cohere's or one of those that other vendors have.
inline std::string_view type_of_word(std::string_view word) noexcept {
  if (is_cohere_input_type(word)) return word;
  if (word == "query") return "search_query";
  return word == "document" || word == "passage" ? "search_document" : "";
}

/// What the request says beside its texts.
struct Wishes {
  std::string input_type;
  std::string truncate;  ///< NONE, START or END.
};

inline std::string text_of(ExtraField const& field) {
  std::string text;
  if (!decode_string(field.value.text, text)) text.clear();
  return text;
}

/// Finds the wishes, and tells what else there is, which cannot be said.
inline Wishes read_wishes(EmbeddingInputs const& c, CohereVariant const& variant, Losses& losses) {
  Wishes wishes{.input_type = variant.input_type, .truncate = {}};
  if (!c.inputs.empty())
    if (auto const type = type_of_task(c.inputs.front().task); !type.empty()) wishes.input_type = type;
  bool const openai = c.dialect == EmbeddingDialect::openai || c.dialect == EmbeddingDialect::neutral;
  for (ExtraField const& field : c.extra) {
    std::string const word = openai ? text_of(field) : "";
    if (field.name == "input_type" && !type_of_word(word).empty()) {
      wishes.input_type = type_of_word(word);
    } else if (field.name == "truncate" && (word == "NONE" || word == "START" || word == "END")) {
      wishes.truncate = word;
    } else {
      bool const hint = openai && is_hint(Dialect::openai_chat, field);
      losses.lose(hint ? Weight::hint : Weight::meaning, field.name, why);
    }
  }
  return wishes;
}

/// One type and one size are for all texts of a request.
inline void check_input(EmbeddingInputs const& c, std::size_t i, Losses& losses) {
  EmbeddingInput const& input = c.inputs[i];
  EmbeddingInput const& first = c.inputs.front();
  std::string const at =
      c.dialect == EmbeddingDialect::gemini_batch ? "requests[" + std::to_string(i) + "]." : "";
  bool const said = input.task.empty() || !type_of_task(input.task).empty();
  if (!said || input.task != first.task) losses.lose(Weight::meaning, at + "taskType", why);
  if (!input.title.empty()) losses.lose(Weight::meaning, at + "title", why);
  if (input.dimensions != first.dimensions) losses.lose(Weight::meaning, at + "outputDimensionality", why);
}

}  // namespace cohere_embeddings

/// Writes the body of a POST /v2/embed. What texts are embedded for is Gemini's `taskType`, or a field `input_type` in the
/// request of a client of OpenAI, or else what `variant` says. Errors: Errc::unsupported with the field that cannot be said
/// and may not be dropped: tokens always, as there is no text to send in their place.
inline Result<std::string> encode_cohere_embeddings(EmbeddingInputs const& c, std::string_view model,
                                                    Losses& losses, CohereVariant const& variant = {}) {
  using namespace cohere_embeddings;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    if (!c.inputs[i].tokens.empty())
      return fail(Error(Errc::unsupported, "the tokens in 'input' " + std::string(why), Origin::client)
                      .with_param("input"));
    check_input(c, i, losses);
  }
  if (!c.user.empty()) losses.lose(Weight::hint, "user", why);
  Wishes const wishes = read_wishes(c, variant, losses);
  if (losses.refused()) return fail(*losses.refused());
  std::string body;
  JsonWriter w(body);
  w.begin_object().text("model", model).text("input_type", wishes.input_type).begin_list("texts");
  for (EmbeddingInput const& input : c.inputs) w.text(input.text);
  w.end_list().begin_list("embedding_types");
  w.text(c.format == EmbeddingFormat::base64 ? "base64" : "float").end_list();
  if (!c.inputs.empty()) w.count_if("output_dimension", c.inputs.front().dimensions);
  w.text_if("truncate", wishes.truncate).end_object();
  return body;
}

/// Looks at a reply: does it have embeddings, and what did it use? Errors: malformed_reply.
inline Result<Usage> read_cohere_embeddings(std::string_view body) {
  bool found = false;
  Usage usage;
  JsonScan const scan = scan_object(body, [&](JsonMember const& member) {
    if (member.key_is("embeddings")) found = member.kind == JsonKind::object;
    else if (member.key_is("meta") && member.kind == JsonKind::object)
      usage = read_cohere_usage(member.value);
  });
  if (scan == JsonScan::ok && found) return usage;
  std::string message = "the provider's reply has no embeddings by type";
  if (scan != JsonScan::ok) message.append(": ").append(to_string(scan));
  return fail(Errc::malformed_reply, std::move(message), Origin::upstream);
}

/// The vectors of a reply, floats or base64, in the order of the texts. Errors: malformed_reply.
inline Result<std::vector<Embedding>> decode_cohere_embedding_reply(std::string_view body) {
  std::string_view const by_type = object_in(body, "embeddings");
  auto list = find_member(by_type, "float");
  if (!list || list->kind != JsonKind::array) list = find_member(by_type, "base64");
  bool const is_list = list && list->kind == JsonKind::array;
  std::vector<Embedding> vectors;
  JsonScan const scan =
      !is_list ? JsonScan::malformed : scan_array(list->value, [&](JsonMember const& element) {
        auto vector = read_vector(element);
        if (!vector) return false;
        vectors.push_back(*std::move(vector));
        return true;
      });
  if (scan == JsonScan::ok) return vectors;
  return fail(Errc::malformed_reply, "the provider's embeddings cannot be read", Origin::upstream);
}

}  // namespace lowart::dialect
