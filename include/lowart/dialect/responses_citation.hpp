#pragma once
/// Annotations of the Responses dialect, which are our citations.

#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/model/conversation.hpp>

#include <string_view>

namespace lowart::dialect {

/// Reads one annotation: url_citation, file_citation, container_file_citation, file_path, or one we do not know.
inline Citation read_annotation(std::string_view annotation) {
  Citation citation;
  citation.by = Dialect::openai_responses;
  citation.raw.text = annotation;
  auto const text_of = [](JsonMember const& m) {
    return m.kind == JsonKind::string ? JsonObject::text_of(m) : std::string();
  };
  scan_object(annotation, [&](JsonMember const& m) {
    if (m.key_is("url")) citation.url = text_of(m);
    else if (m.key_is("title") || m.key_is("filename")) citation.title = text_of(m);
    else if (m.key_is("start_index")) citation.begin = as_int(m.value);
    else if (m.key_is("end_index")) citation.end = as_int(m.value);
  });
  return citation;
}

/// Whether this dialect can say it: its own, or a page by its URL.
inline bool is_annotation(Citation const& citation) noexcept {
  return (citation.by == Dialect::openai_responses && !citation.raw.empty()) || !citation.url.empty();
}

/// Writes a citation for which is_annotation() holds.
inline void write_annotation(JsonWriter& w, Citation const& citation) {
  if (citation.by == Dialect::openai_responses && !citation.raw.empty())
    return void(w.raw(citation.raw.text));
  w.begin_object().text("type", "url_citation").text("url", citation.url).text("title", citation.title);
  w.count("start_index", citation.begin.value_or(0)).count("end_index", citation.end.value_or(0));
  w.end_object();
}

}  // namespace lowart::dialect
