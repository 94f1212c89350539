#pragma once
/// What an answer of Gemini rests on: groundingMetadata and citationMetadata as citations, and back.

#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/model/conversation.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace gemini_citation {

inline void take_text(JsonMember const& m, std::string& out) {
  out.clear();
  if (m.kind == JsonKind::string) decode_string(m.value, out);
}

/// The places are told in bytes: characters only while the text is ASCII.
inline void take_place(JsonMember const& m, Citation& citation, bool in_characters) {
  if (!in_characters) return;
  if (m.key == "startIndex") citation.begin = as_int(m.value);
  else if (m.key == "endIndex") citation.end = as_int(m.value);
}

/// A page that was found: {"web":{"uri","title"}}, or a document of one's own under another name.
inline Citation read_chunk(std::string_view chunk) {
  Citation citation;
  citation.by = Dialect::gemini;
  scan_object(chunk, [&](JsonMember const& source) {
    if (source.kind != JsonKind::object) return;
    scan_object(source.value, [&](JsonMember const& m) {
      if (m.key == "uri") take_text(m, citation.url);
      else if (m.key == "title") take_text(m, citation.title);
    });
  });
  return citation;
}

inline void read_support(std::string_view support, std::vector<Citation> const& chunks, bool in_characters,
                         std::vector<Citation>& out) {
  Citation place;
  std::string_view indices = "[]";
  scan_object(support, [&](JsonMember const& m) {
    if (m.key == "groundingChunkIndices" && m.kind == JsonKind::array) indices = m.value;
    if (m.key != "segment" || m.kind != JsonKind::object) return;
    if (in_characters) place.begin = 0;  // left out when it is zero
    scan_object(m.value, [&](JsonMember const& n) {
      if (n.key == "text") take_text(n, place.quote);
      else take_place(n, place, in_characters);
    });
  });
  scan_array(indices, [&](JsonMember const& index) {
    auto const i = as_int(index.value).value_or(-1);
    if (i < 0 || i >= static_cast<std::int64_t>(chunks.size())) return;
    Citation& citation = out.emplace_back(chunks[static_cast<std::size_t>(i)]);
    citation.quote = place.quote;
    citation.begin = place.begin;
    citation.end = place.end;
  });
}

}  // namespace gemini_citation

/// The pages of a groundingMetadata object, one citation for each page that supports a stretch of the text; pages
/// that support none in particular once each. `in_characters`: the text so far is ASCII.
inline std::vector<Citation> read_gemini_grounding(std::string_view object, bool in_characters) {
  std::vector<Citation> chunks, citations;
  std::string_view supports = "[]";
  scan_object(object, [&](JsonMember const& m) {
    if (m.kind != JsonKind::array) return;
    if (m.key == "groundingSupports") supports = m.value;
    if (m.key != "groundingChunks") return;
    scan_array(m.value,
               [&](JsonMember const& chunk) { chunks.push_back(gemini_citation::read_chunk(chunk.value)); });
  });
  scan_array(supports, [&](JsonMember const& support) {
    gemini_citation::read_support(support.value, chunks, in_characters, citations);
  });
  return citations.empty() ? chunks : citations;
}

/// The sources of a citationMetadata object.
inline std::vector<Citation> read_gemini_citations(std::string_view object, bool in_characters) {
  std::vector<Citation> citations;
  scan_object(object, [&](JsonMember const& list) {
    // Two surfaces of Google, two names.
    if ((list.key != "citationSources" && list.key != "citations") || list.kind != JsonKind::array) return;
    scan_array(list.value, [&](JsonMember const& source) {
      Citation& citation = citations.emplace_back();
      citation.by = Dialect::gemini;
      citation.raw.text = source.value;
      if (in_characters) citation.begin = 0;
      scan_object(source.value, [&](JsonMember const& m) {
        if (m.key == "uri") gemini_citation::take_text(m, citation.url);
        else if (m.key == "title") gemini_citation::take_text(m, citation.title);
        else gemini_citation::take_place(m, citation, in_characters);
      });
    });
  });
  return citations;
}

/// Another provider's citations as the value of groundingMetadata. `in_bytes`: the text is ASCII, so that places in
/// characters are places in bytes.
inline std::string to_gemini_grounding(std::vector<Citation> const& citations, bool in_bytes) {
  std::string out;
  JsonWriter w(out);
  w.begin_object().begin_list("groundingChunks");
  for (Citation const& citation : citations)
    w.begin_object()
        .begin_object("web")
        .text("uri", citation.url)
        .text_if("title", citation.title)
        .end_object()
        .end_object();
  w.end_list().begin_list("groundingSupports");
  for (std::size_t i = 0; i < citations.size(); ++i) {
    Citation const& citation = citations[i];
    w.begin_object().begin_object("segment");
    if (in_bytes) w.count_if("startIndex", citation.begin).count_if("endIndex", citation.end);
    w.text_if("text", citation.quote).end_object();
    w.begin_list("groundingChunkIndices").count(static_cast<std::int64_t>(i)).end_list().end_object();
  }
  w.end_list().end_object();
  return out;
}

/// Whether all of it is ASCII.
inline bool is_ascii(std::string_view text) noexcept {
  for (char const c : text)
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  return true;
}

}  // namespace lowart::dialect
