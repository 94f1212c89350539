#pragma once
/// A model as bodies of Gemini name it, beside the path that names it as well.

#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>

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

}  // namespace lowart::dialect
