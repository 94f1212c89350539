#pragma once
/// A tool as those write it who know functions only: {"type":"function","function":{...}}.

#include <lowart/dialect/gemini_function_text.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// Whether the model may be told of this tool at all: not of one that another vendor runs, nor of one that the choice leaves
/// out.
inline bool is_allowed(Tool const& tool, ToolChoice const& choice) {
  auto const& some = choice.allowed;
  return tool.raw.empty() && (some.empty() || std::find(some.begin(), some.end(), tool.name) != some.end());
}

inline constexpr auto nothing_more = [](JsonWriter&) {};

/// A free-form tool becomes a function with one text argument; its grammar becomes part of the description. `within` and
/// `behind` write what else a dialect has in the function and beside it.
template <class Within = decltype(nothing_more), class Behind = decltype(nothing_more)>
void write_function_tool(JsonWriter& w, Tool const& tool, Within within = {}, Behind behind = {}) {
  constexpr std::string_view no_parameters = R"({"type":"object","properties":{}})";
  std::string words = tool.description;
  if (tool.custom && !tool.format.empty())
    words.append("\n\nThe text must follow this format: ").append(tool.format.text);
  std::string_view schema = tool.parameters.text;
  if (tool.custom) schema = gemini_request::custom_tool_schema;
  w.begin_object().text("type", "function").begin_object("function").text("name", tool.name);
  w.text_if("description", words).raw("parameters", schema.empty() ? no_parameters : schema);
  within(w);
  w.end_object();
  behind(w);
  w.end_object();
}

}  // namespace lowart::dialect
