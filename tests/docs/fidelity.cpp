// Prints the table of docs/fidelity.md out of the code that translates.

#include <lowart/dialect/feature.hpp>

#include <cstdio>
#include <string>

namespace {

using namespace lowart;
using namespace lowart::dialect;

std::string_view word(Fidelity fidelity, Weight weight) {
  switch (fidelity) {
    case Fidelity::full: return "kept";
    case Fidelity::close: return "in other words";
    case Fidelity::none: return weight == Weight::hint ? "dropped" : "**refused**";
  }
  return "";
}

}  // namespace

int main() {
  std::puts("| a request says | chat | Responses | Anthropic | Gemini | Ollama | Bedrock | Cohere | how |");
  std::puts("|---|---|---|---|---|---|---|---|---|");
  for (FeatureRow const& row : feature_table) {
    std::string line = "| " + std::string(row.name);
    for (Dialect const target : {Dialect::openai_chat, Dialect::openai_responses, Dialect::anthropic,
                                 Dialect::gemini, Dialect::ollama, Dialect::bedrock, Dialect::cohere})
      line.append(" | ").append(word(row.in(target), row.weight));
    line.append(" | ").append(row.note).append(" |");
    std::puts(line.c_str());
  }
}
