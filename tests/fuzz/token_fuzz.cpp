/// Any bytes as a token server's answer, and as the key file of a service account: nothing crashes, a token can stand in a
/// header field, a refusal's words are short and of a known shape, and no error quotes a key.

#include "fuzz.hpp"

#include <lowart/dialect/oauth_token.hpp>
#include <lowart/provider/service_account.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace {

using namespace lowart;
using namespace lowart::fuzz;

void check_token(std::string const& body) {
  auto const token = dialect::read_oauth_token(body);
  if (!token) return;
  require(token->life >= std::chrono::seconds(1) && token->life <= std::chrono::hours(24));
  for (char const c : token->token.reveal()) require(c > ' ' && c < '\x7f');
}

void check_refusal(std::string const& body) {
  constexpr std::size_t most_text = 500, most_words = 100;
  auto const said = dialect::read_oauth_refusal(body);
  require(said.text.size() <= most_text && said.words.size() <= most_words);
  for (char const c : said.words)
    require((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == ' ' || c == '-');
}

void check_account(std::string const& json) {
  auto const account = ServiceAccount::read(json);
  if (account) require(!account->email().empty() && account->path().starts_with('/'));
  else require(account.error().message().find("-----") == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const input(reinterpret_cast<char const*>(data), size);
  check_token(input);
  check_refusal(input);
  check_account(input);
  return 0;
}
