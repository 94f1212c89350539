#pragma once
/// seal() and unseal(): a provider's signature on its way through a client that speaks another dialect, and back.

#include <lowart/dialect/base64.hpp>
#include <lowart/dialect/find_bytes.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// Google's documented stand-in for the signature of a call that another model made: later models refuse a call of the
/// running turn without one. Nothing is lost with it.
inline constexpr std::string_view gemini_no_signature = "skip_thought_signature_validator";

namespace sealed {
inline constexpr std::string_view mark = "lw1.";
inline constexpr std::string_view mark_in_base64 = "bHcx";  // "lw1"
}  // namespace sealed

/// How a signature is written into `carrier`: as it is in its maker's own dialect, else marked with its maker, so
/// that it comes back to that one and to no other: "lw1.anthropic.EqQB...". Gemini's signatures are bytes to its SDKs,
/// so there the whole of it is base64.
inline std::string seal(Signature const& signature, Dialect carrier) {
  if (signature.by == carrier) return signature.value;
  std::string text(sealed::mark);
  text.append(to_string(signature.by)).append(".").append(signature.value);
  return carrier == Dialect::gemini ? to_base64(text) : text;
}

/// Undoes seal(): what a client of `carrier` brought back. Text without our mark is the carrier's own.
inline Signature unseal(std::string_view text, Dialect carrier) {
  if (carrier == Dialect::gemini && text.starts_with(sealed::mark_in_base64)) {
    auto const opened = from_base64(text);
    Signature found = opened ? unseal(*opened, Dialect::neutral) : Signature{};
    if (found.by != Dialect::neutral) return found;
  }
  if (!text.starts_with(sealed::mark)) return Signature{carrier, std::string(text)};
  std::string_view const rest = text.substr(sealed::mark.size());
  std::size_t const dot = rest.find('.');
  for (std::size_t i = 0; i < dialect_count && dot != std::string_view::npos; ++i)
    if (auto const maker = static_cast<Dialect>(i); to_string(maker) == rest.substr(0, dot))
      return Signature{maker, std::string(rest.substr(dot + 1))};
  return Signature{carrier, std::string(text)};
}

namespace sealed {

/// Whether a JSON string that goes on with `text` may be a seal; `text` begins with the mark.
inline bool begins(std::string_view text, Dialect carrier) {
  if (carrier != Dialect::gemini)
    return unseal(text.substr(0, text.find('"')), Dialect::neutral).by != Dialect::neutral;
  constexpr std::size_t longest = 28;  // "lw1.openai_completions." in base64, in whole groups
  std::string_view head = text.substr(0, std::min(longest, text.find('"')));
  head.remove_suffix(head.size() % 4);
  auto const opened = from_base64(head);
  return opened && begins(*opened, Dialect::neutral);
}

}  // namespace sealed

/// Whether a request in the language of `carrier` brings back a signature that seal() has marked. Its bytes are not the
/// provider's business then: it has to be decoded, which opens the seals, and written anew.
///
/// One pass with find_bytes. Sees every seal that a client returns as it got it; a text that begins like one is taken
/// for one, which costs a translation into the same language.
inline bool holds_seal(std::string_view body, Dialect carrier) {
  // These have no place for signatures.
  if (carrier == Dialect::openai_completions || carrier == Dialect::ollama ||
      carrier == Dialect::ollama_generate)
    return false;
  std::string_view const quoted = carrier == Dialect::gemini ? "\"bHcx" : "\"lw1.";
  for (std::size_t at = find_bytes(body, quoted); at != std::string_view::npos;
       at = find_bytes(body, quoted)) {
    body.remove_prefix(at + 1);
    if (sealed::begins(body, carrier)) return true;
  }
  return false;
}

}  // namespace lowart::dialect
