#pragma once
/// ResponseEcho: what the object of a response repeats of its request, for clients that require it.

#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/json_writer.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace responses_echo {

/// The members that a response repeats, and what they are where the request leaves them out.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 20> members{{
    {"background", "false"},
    {"instructions", "null"},
    {"max_output_tokens", "null"},
    {"max_tool_calls", "null"},
    {"metadata", "{}"},
    {"parallel_tool_calls", "true"},
    {"previous_response_id", "null"},
    {"prompt_cache_key", "null"},
    {"reasoning", R"({"effort":null,"summary":null})"},
    {"safety_identifier", "null"},
    {"service_tier", R"("default")"},
    {"store", "true"},
    {"temperature", "1.0"},
    {"text", R"({"format":{"type":"text"}})"},
    {"tool_choice", R"("auto")"},
    {"tools", "[]"},
    {"top_logprobs", "0"},
    {"top_p", "1.0"},
    {"truncation", R"("disabled")"},
    {"user", "null"},
}};

}  // namespace responses_echo

/// Read once from a request; written into each object of its response.
class ResponseEcho {
 public:
  /// `stores`: answers are kept here for clients that want it; else `store` is false whatever they want.
  ResponseEcho(std::string_view request, bool stores) {
    std::array<std::string_view, responses_echo::members.size()> values;
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = responses_echo::members[i].second;
    scan_object(request, [&](JsonMember const& m) {
      if (m.key == "tools" && m.kind == JsonKind::array) read_tools(m.value);
      if (m.kind == JsonKind::null) return;
      for (std::size_t i = 0; i < values.size(); ++i)
        if (responses_echo::members[i].first == m.key) values[i] = m.value;
    });
    JsonWriter w(text_);
    w.begin_object();
    for (std::size_t i = 0; i < values.size(); ++i) {
      auto const name = responses_echo::members[i].first;
      w.raw(name, name == "store" && !stores ? "false" : values[i]);
    }
    w.end_object();
  }

  void write(JsonWriter& w) const { w.members_of(text_); }
  /// Whether the client declared a free-form tool of that name.
  bool is_custom_tool(std::string_view name) const noexcept {
    return std::find(custom_tools_.begin(), custom_tools_.end(), name) != custom_tools_.end();
  }

 private:
  void read_tools(std::string_view tools) {
    scan_array(tools, [this](JsonMember const& tool) {
      auto const type = tool.kind == JsonKind::object ? find_member(tool.value, "type") : std::nullopt;
      if (!type || type->value != "\"custom\"") return;
      auto const name = find_member(tool.value, "name");
      if (name && name->kind == JsonKind::string) custom_tools_.push_back(JsonObject::text_of(*name));
    });
  }

  std::string text_;
  std::vector<std::string> custom_tools_;
};

}  // namespace lowart::dialect
