#pragma once
/// KeepContent: what makes the content of a request log out of a chat call.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/store/request_entry.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace lowart {

/// Called on the log's thread with what was asked, if it could be decoded, and what the model wrote. See ContentKeeper.
using KeepContent =
    std::function<RequestContent(Result<Conversation> const& asked, std::string_view answered)>;

/// Longer bodies are not copied for it.
inline constexpr std::size_t longest_kept_body = std::size_t{4} << 20U;

/// What a model wrote in a whole reply of any dialect: the texts in its JSON, a line each.
inline void append_reply_text(std::string_view json, std::string& out, int depth = 0) {
  constexpr int deepest = 12;
  if (depth == deepest) return;
  auto const look = [&](dialect::JsonMember const& member) {
    using dialect::JsonKind;
    bool const nested = member.kind == JsonKind::object || member.kind == JsonKind::array;
    if (nested) return append_reply_text(member.value, out, depth + 1);
    bool const is_text = member.key == "text" || member.key == "content" || member.key == "refusal" ||
                         member.key == "arguments" || member.key == "response";
    if (!is_text || member.kind != JsonKind::string) return;
    std::size_t const before = out.size();
    if (before > 0) out.push_back('\n');
    if (!dialect::decode_string(member.value, out) || out.size() == before + (before > 0 ? 1U : 0U))
      out.resize(before);
  };
  if (json.starts_with('[')) dialect::scan_array(json, look);
  else dialect::scan_object(json, look);
}

}  // namespace lowart
