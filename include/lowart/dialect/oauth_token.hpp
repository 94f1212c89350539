#pragma once
/// The answers of a token server (OAuth 2.0, RFC 6749 section 5): a token and how long it lives, or why there is none.

#include <lowart/core/error.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>
#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

struct OauthToken {
  Secret token;
  std::chrono::seconds life{};  ///< From when it was asked for; 1 s to 24 h.
};

namespace oauth_text {

/// A member as text: a string, or a number in its digits. Empty when there is none.
inline std::string text_of(std::string_view body, std::string_view name) {
  auto const member = find_member(body, name);
  std::string text;
  if (!member) return text;
  if (member->kind == JsonKind::number) text = member->value;
  if (member->kind == JsonKind::string && !decode_string(member->value, text)) text.clear();
  return text;
}

/// What may stand in a header field, as a b64token of RFC 6750 does.
inline bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace oauth_text

/// Reads a 200. Errors: malformed_reply; the message quotes nothing of the body. A life is a number, or a string of one
/// as some servers of Microsoft write it; a server that tells none gets five minutes.
inline Result<OauthToken> read_oauth_token(std::string_view body) {
  constexpr std::int64_t most = 24 * 3600, usual = 300;
  auto const malformed = [](char const* what) { return fail(Errc::malformed_reply, what, Origin::upstream); };
  if (first_json_error(body)) return malformed("it is not JSON");
  std::string token = oauth_text::text_of(body, "access_token");
  if (!oauth_text::is_token(token)) return malformed("it has no usable 'access_token'");
  std::string const life = oauth_text::text_of(body, "expires_in");
  std::int64_t const seconds = life.empty() ? usual : as_int(life).value_or(0);
  if (seconds < 1) return malformed("its 'expires_in' is no number of seconds");
  return OauthToken{Secret(std::move(token)), std::chrono::seconds(std::min(seconds, most))};
}

/// What a refusal says.
struct OauthRefusal {
  std::string
      words;  ///< The words of the protocol, of a known shape: "invalid_client", "invalid_client 7000215".
  std::string text;  ///< In the server's own words. Untrusted, at most 500 bytes.
};

inline OauthRefusal read_oauth_refusal(std::string_view body) {
  constexpr std::size_t longest = 500, longest_word = 40;
  OauthRefusal said;
  std::string const word = oauth_text::text_of(body, "error");
  bool const is_word =
      word.size() <= longest_word && word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == word.npos;
  if (is_word) said.words = word;
  auto const codes =
      find_member(body, "error_codes");  // Microsoft's: the number says which of many reasons it is
  if (!said.words.empty() && codes && codes->kind == JsonKind::array)
    scan_array(codes->value, [&](JsonMember const& code) {
      if (as_int(code.value)) said.words.append(" ").append(code.value);
      return false;
    });
  said.text = oauth_text::text_of(body, "error_description");
  if (said.text.empty()) said.text = body.substr(0, longest);
  if (said.text.size() > longest) said.text.resize(longest);
  return said;
}

}  // namespace lowart::dialect
