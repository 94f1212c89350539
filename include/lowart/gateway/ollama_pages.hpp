#pragma once
/// What tools made for Ollama ask beside calls: is it there, how new is it, what are its models.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/openai_facts.hpp>
#include <lowart/gateway/model_list.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::ollama_pages {

inline constexpr std::string_view root = "/", tags = "/api/tags", show = "/api/show", loaded = "/api/ps",
                                  version = "/api/version";

/// GET, or HEAD, of a page that is not a call. `show` takes POST.
inline bool is_page(std::string_view path) noexcept {
  return path == root || path == tags || path == loaded || path == version;
}
/// The label in metrics.
inline bool is_known(std::string_view path) noexcept { return is_page(path) || path == show; }

/// What Ollama says at its root: some tools look for these words.
inline constexpr std::string_view greeting = "Ollama is running";
/// The version of Ollama whose API is spoken here: tools ask for one that is new enough for what they need.
inline constexpr std::string_view version_page = R"({"version":"0.13.0"})";
/// Nothing is loaded that could be let go.
inline constexpr std::string_view loaded_page = R"({"models":[]})";

/// The model that a POST /api/show asks for: `model`, or `name` of older clients. Errors: invalid_request.
inline Result<std::string> wanted_model(std::string_view body) {
  auto found = dialect::openai_facts::find_members(body);
  if (found.scan != dialect::JsonScan::ok) return dialect::openai_facts::refuse_scan(body, found);
  if (!found.model) {
    found.model = dialect::find_member(body, "name");
    found.models = found.model ? 1 : 0;
  }
  WireRequest facts;
  std::string scratch;
  if (auto read = dialect::openai_facts::read_model(found, facts, scratch); !read) return fail(read.error());
  return std::string(facts.model);
}

inline bool has(std::vector<std::string> const& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Ollama's words for what a model can do. Of one that nothing is known of, so much as its doors say.
inline void write_capabilities(dialect::JsonWriter& w, ModelCard const& card) {
  ModelFacts const& facts = card.facts;
  bool const talks = card.doors.has(DoorKind::ollama);
  bool const embeds = has(facts.types, "embedding");
  w.begin_list("capabilities");
  if (talks && !embeds) w.text("completion");
  if (embeds || (!talks && card.doors.has(DoorKind::embeddings))) w.text("embedding");
  if (has(facts.capabilities, "tools")) w.text("tools");
  if (has(facts.capabilities, "vision") || has(facts.types, "vision")) w.text("vision");
  if (has(facts.capabilities, "thinking") || has(facts.types, "reasoning")) w.text("thinking");
  w.end_list();
}

/// The answer of POST /api/show. There is no file of the model here, so what stands in one is empty.
inline std::string show_page(ModelCard const& card) {
  constexpr std::string_view architecture = "lowart";  // names the member with the length of the context
  std::string body;
  dialect::JsonWriter w(body);
  w.begin_object().text("modelfile", "").text("parameters", "").text("template", "");
  model_list::write_ollama_details(w, card);
  w.begin_object("model_info").text("general.architecture", architecture);
  if (auto const tokens = model_list::known(card.facts.context_tokens))
    w.count(std::string(architecture) + ".context_length", *tokens);
  w.end_object();
  write_capabilities(w, card);
  w.text("modified_at", model_list::created_at).end_object();
  return body;
}

}  // namespace lowart::ollama_pages
