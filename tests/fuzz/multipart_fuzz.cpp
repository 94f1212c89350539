// Forms: any cut finds the same; what is accepted names one model, which a reading of the whole text finds in the same place.

#include "fuzz.hpp"

#include <lowart/dialect/multipart_form.hpp>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using lowart::dialect::MultipartForm;
using lowart::fuzz::require;

struct Outcome {
  std::string error;
  std::string model;
  std::uint64_t at = 0;
  bool complete = false;
  bool operator==(Outcome const&) const = default;
};

Outcome look(std::string_view body, std::uint32_t seed) {
  MultipartForm form("b");
  Outcome outcome;
  auto const feed = [&](std::string_view piece) {
    if (!outcome.error.empty()) return;
    if (auto const fed = form.feed(piece); !fed) outcome.error = fed.error().message();
  };
  if (seed == 0) feed(body);
  else lowart::fuzz::cut(body, seed, [&](std::string const& piece, bool) { feed(piece); });
  if (!outcome.error.empty()) return outcome;
  outcome.complete = form.finish().has_value();
  if (form.has_model()) outcome.model = form.model(), outcome.at = form.model_at();
  return outcome;
}

/// The name of a part as a simple reader takes it: whatever follows `name=`, behind a semicolon or blank.
bool is_named_model(std::string header) {
  std::transform(header.begin(), header.end(), header.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  auto const field = header.find("\r\ncontent-disposition:");
  if (field == header.npos) return false;
  header = header.substr(field + 2, header.find("\r\n", field + 2) - field - 2);
  for (std::size_t at = header.find("name"); at != header.npos; at = header.find("name", at + 1)) {
    if (at == 0 || (header[at - 1] != ';' && header[at - 1] != ' ' && header[at - 1] != '\t')) continue;
    std::string_view rest = std::string_view(header).substr(at + 4);
    if (!rest.starts_with('=')) continue;
    rest.remove_prefix(1);
    bool const quoted = rest.starts_with('"');
    if (quoted) rest.remove_prefix(1);
    if (!rest.starts_with("model")) continue;
    rest.remove_prefix(5);
    if (rest.empty() || rest[0] == (quoted ? '"' : ';') || (!quoted && (rest[0] == ' ' || rest[0] == '\r')))
      return true;
  }
  return false;
}

void check_accepted(std::string_view body, Outcome const& outcome) {
  std::string const text = "\r\n" + std::string(body);
  std::string const delimiter = "\r\n--b";
  std::size_t models = 0;
  for (std::size_t at = text.find(delimiter); at != text.npos; at = text.find(delimiter, at + 1)) {
    std::size_t const from = at + delimiter.size();
    if (text.compare(from, 2, "--") == 0) break;
    std::size_t const end = text.find("\r\n\r\n", from);
    require(end != text.npos);
    if (!is_named_model(text.substr(from, end - from))) continue;
    ++models;
    std::size_t const close = text.find(delimiter, end + 2);
    require(close != text.npos && outcome.at + 2 == end + 4 &&
            text.substr(end + 4, close - end - 4) == outcome.model);
  }
  require(models == (outcome.model.empty() ? 0U : 1U));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < lowart::fuzz::SeededInput::shortest) return 0;
  lowart::fuzz::SeededInput const input(data, size);
  Outcome const whole = look(input.text, 0);
  require(whole == look(input.text, input.seed));
  if (!whole.model.empty())
    require(std::string_view(input.text).substr(whole.at, whole.model.size()) == whole.model);
  if (whole.complete && input.text.find("filename") == std::string::npos) check_accepted(input.text, whole);
  (void)lowart::dialect::multipart::boundary_of(input.text);
  (void)lowart::dialect::is_multipart_form(input.text);
  return 0;
}
