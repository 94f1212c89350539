/// Any bytes as the answer of somebody who gives AWS credentials: nothing crashes, what is taken can stand in header fields
/// and lives a bounded time, and a refusal's words are short and of a known shape.

#include "fuzz.hpp"

#include <lowart/dialect/aws_credentials.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace lowart;
  using lowart::fuzz::require;
  constexpr std::int64_t now = 1'800'000'000'000'000;
  constexpr std::size_t most_text = 500;
  std::string const input(reinterpret_cast<char const*>(data), size);
  auto const said = dialect::read_aws_refusal(input);
  require(said.text.size() <= most_text);
  require(said.words.empty() || dialect::aws_text::is_word(said.words));
  auto const reply = dialect::read_aws_credentials(input, now);
  if (!reply) return 0;
  require(reply->life >= std::chrono::seconds(1) && reply->life <= std::chrono::hours(24));
  require(dialect::aws_text::is_word(reply->access_key_id));
  require(!reply->secret_access_key.empty());
  for (char const c : reply->session_token.reveal()) require(c > ' ' && c < '\x7f');
  return 0;
}
