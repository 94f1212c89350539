#pragma once
/// KeepContent: what makes the content of a request log out of a chat call.

#include <lowart/core/result.hpp>
#include <lowart/model/conversation.hpp>
#include <lowart/store/request_entry.hpp>

#include <cstddef>
#include <functional>
#include <string_view>

namespace lowart {

/// Called on the log's thread with what was asked, if it could be decoded, and what the model wrote. See ContentKeeper.
using KeepContent =
    std::function<RequestContent(Result<Conversation> const& asked, std::string_view answered)>;

/// Longer bodies are not copied for it.
inline constexpr std::size_t longest_kept_body = std::size_t{4} << 20U;

}  // namespace lowart
