#pragma once
/// Which client dialect a path belongs to.

#include <lowart/gateway/openai_client.hpp>

#include <string_view>

namespace lowart {

/// The dialect of a chat call to this path; null when no chat door has it.
inline ClientDialect const* find_chat_client(std::string_view path) noexcept {
  if (path == openai_chat_client.route) return &openai_chat_client;
  if (path == openai_completions_client.route) return &openai_completions_client;
  return nullptr;
}

/// The dialect in which a client at this path understands errors, also where there is no door.
inline ClientDialect const& client_at(std::string_view path) noexcept {
  ClientDialect const* const found = find_chat_client(path);
  return found != nullptr ? *found : openai_chat_client;
}

}  // namespace lowart
