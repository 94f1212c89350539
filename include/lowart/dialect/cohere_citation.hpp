#pragma once
/// A citation of Cohere, read: which words of the answer rest on which documents and results of tools.

#include <lowart/dialect/json_inner.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/model/conversation.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// Adds one for each source. Cohere has no pages: a document, or a tool's result, is an object of the caller's own making,
/// whose `url` and `title` are taken; one that has neither is left out. So are citations of plans and thoughts: clients
/// place them in the answer.
///
/// The citation itself is not kept as it came: no client's dialect could say it.
inline void read_cohere_citation(std::string_view citation, std::vector<Citation>& out) {
  Citation common;
  common.by = Dialect::cohere;
  std::string_view sources;
  bool in_answer = true;
  scan_object(citation, [&](JsonMember const& m) {
    if (m.key_is("start")) common.begin = as_int(m.value);
    else if (m.key_is("end")) common.end = as_int(m.value);
    else if (m.key_is("type") && m.kind == JsonKind::string) in_answer = m.value == "\"TEXT_CONTENT\"";
    else if (m.key_is("sources") && m.kind == JsonKind::array) sources = m.value;
  });
  if (!in_answer || sources.empty()) return;
  scan_array(sources, [&](JsonMember const& source) {
    std::string_view about = object_in(source.value, "document");
    if (about.empty()) about = object_in(source.value, "tool_output");
    Citation made = common;
    made.url = text_in(about, "url");
    made.title = text_in(about, "title");
    if (!made.url.empty() || !made.title.empty()) out.push_back(std::move(made));
  });
}

}  // namespace lowart::dialect
