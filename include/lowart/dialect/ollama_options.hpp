#pragma once
/// How Ollama's options are named where they are kept as extra fields.

#include <string_view>

namespace lowart::dialect::ollama_request {

/// Options that the neutral language does not name are kept under their dotted names: "options.num_ctx".
inline constexpr std::string_view options_prefix = "options.";

}  // namespace lowart::dialect::ollama_request
