// Prints the table of errors in docs/faults.md out of the code that writes them.

#include <lowart/dialect/anthropic_error.hpp>
#include <lowart/dialect/gemini_error.hpp>
#include <lowart/dialect/openai_error.hpp>

#include <cstdio>
#include <string>
#include <string_view>

namespace {

using namespace lowart;
using namespace lowart::dialect;

std::string quoted(std::string_view word) {
  return word.empty() ? std::string("null") : std::string("`").append(word).append("`");
}

/// `name`: the code, and what tells variants of it apart.
void print(std::string const& name, Error const& error) {
  auto const shape = openai_error_text::shape_of(error);
  int const status = http_status(error);
  std::string_view const retry = should_retry(error);
  std::string line = "| " + name + " | " + std::to_string(status);
  line.append(" | ").append(retry.empty() ? "-" : retry);
  line.append(" | ").append(quoted(shape.type)).append(", ").append(quoted(shape.code));
  line.append(" | ").append(quoted(anthropic_error_text::type_of(error)));
  line.append(" | ").append(quoted(gemini_error_text::status_word(status))).append(" |");
  std::puts(line.c_str());
}

}  // namespace

int main() {
  constexpr std::chrono::milliseconds soon{1000};
  std::puts(
      "| code | status | x-should-retry | OpenAI: `type`, `code` | Anthropic: `type` | Gemini: `status` |");
  std::puts("|---|---|---|---|---|---|");
  for (int i = 0; i <= static_cast<int>(Errc::internal); ++i) {
    auto const code = static_cast<Errc>(i);
    std::string const name = std::string("`").append(to_string(code)).append("`");
    Error const ours(code, "m", Origin::gateway);
    Error const theirs(code, "m", Origin::upstream);
    switch (code) {
      case Errc::too_large:
        print(name, ours);
        print(name + " of a reply", theirs);
        break;
      case Errc::unsupported:
        print(name, ours);
        print(name + " of a field", Error(code, "m").with_param("field"));
        break;
      case Errc::not_found:
        print(name + " of a model", Error(code, "m").with_param("model"));
        print(name + " of a path", Error(code, "m").with_param("path"));
        break;
      case Errc::rate_limited:
        print(name + " by a limit of ours, or with a time", Error(code, "m").with_retry_after(soon));
        print(name + " by a provider, without a time", theirs);
        break;
      case Errc::circuit_open: print(name, Error(code, "m").with_retry_after(soon)); break;
      case Errc::upstream_rejected:
        print(name, Error(code, "m", Origin::upstream).with_upstream_status(400));
        break;
      default: print(name, theirs);
    }
  }
}
