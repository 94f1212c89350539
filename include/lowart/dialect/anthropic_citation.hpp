#pragma once
/// Citations as Anthropic spells them, read into neutral ones.

#include <lowart/dialect/json_scan.hpp>
#include <lowart/model/conversation.hpp>

#include <string>
#include <string_view>

namespace lowart::dialect {

/// Keeps the citation as it is, and what of it another dialect can say: a page, a title, the words cited.
inline Citation read_anthropic_citation(std::string_view object) {
  Citation citation;
  citation.by = Dialect::anthropic;
  citation.raw.text = object;
  scan_object(object, [&citation](JsonMember const& m) {
    if (m.kind != JsonKind::string) return;
    auto const into = [&m](std::string& out) { out.clear(), decode_string(m.value, out); };
    if (m.key_is("url")) into(citation.url);
    else if (m.key_is("title") || m.key_is("document_title")) into(citation.title);
    else if (m.key_is("cited_text")) into(citation.quote);
  });
  return citation;
}

}  // namespace lowart::dialect
