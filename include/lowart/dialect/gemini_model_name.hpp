#pragma once
/// A model as bodies of Gemini name it, beside the path that names it as well.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/dialect/openai_facts.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// "models/gemini-embedding-001"; a tuned model keeps its "tunedModels/".
inline std::string gemini_model_name(std::string_view model) {
  std::string name = model.starts_with("tunedModels/") ? "" : "models/";
  return name.append(model);
}

/// Whether the member is a string that names `model`, in its long form or in its short one.
inline bool names_gemini_model(JsonMember const& member, std::string_view model) {
  std::string name;
  if (member.kind != JsonKind::string || !decode_string(member.value, name)) return false;
  return name == model || name == gemini_model_name(model);
}

/// Where an object names the model; empty where it does not. `at` is where the object stands ("requests[0].").
/// Refused: another model than the path's, which a provider would take over what we bill, and two of them.
inline Result<std::string_view> read_gemini_model(std::string_view object, std::string const& at,
                                                  std::string_view model) {
  std::optional<JsonMember> found;
  int models = 0;
  scan_object(object, [&](JsonMember const& member) {
    if (member.key_is("model")) found = member, ++models;
  });
  if (models > 1)
    return openai_facts::refuse(at + "model",
                                "the request names '" + at + "model' twice: which one is meant is ambiguous");
  if (!openai_facts::is_set(found)) return std::string_view();
  if (names_gemini_model(*found, model)) return found->value;
  return openai_facts::refuse(at + "model", "'" + at + "model' is not the model that the path names");
}

}  // namespace lowart::dialect
