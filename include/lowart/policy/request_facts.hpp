#pragma once
/// RequestFacts: what a route can know of a request before anybody is asked.

#include <lowart/core/call.hpp>
#include <lowart/dialect/find_bytes.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/model/chat_request.hpp>
#include <lowart/model/token_estimate.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace lowart {

/// A view of one request and its call, which both outlive it. Works each fact out when it is asked for.
///
/// Cost: nothing, unless said otherwise. The estimates are those of token_estimate.hpp.
class RequestFacts {
 public:
  template <class R>
  RequestFacts(R const& request, Call const& call) noexcept : call_(call) {
    if constexpr (std::same_as<R, ChatRequest>) chat_ = &request;
    else if constexpr (requires { request.chat(); }) chat_ = &request.chat();
    else if constexpr (requires { request.wire()->body; })
      if (request.wire() != nullptr) body_ = request.wire()->body;
    if (chat_ != nullptr && chat_->wire()) body_ = chat_->wire()->body;
    writes_ = std::same_as<R, ChatRequest>;
  }

  /// The name of the API key that asks; empty in process.
  std::string_view key() const noexcept { return call_.caller().key; }
  /// A header field of the client, its name in lower case; empty when it sent none, and in process.
  std::string_view header(std::string_view name) const { return call_.client_fields().get(name); }
  bool streamed() const noexcept { return writes_ && chat_->stream(); }

  /// Zero for a request made in process.
  std::int64_t input_tokens() const noexcept { return estimated_tokens(body_.size()); }
  /// Zero for what writes nothing: embeddings, counts.
  std::int64_t output_tokens() const noexcept {
    if (!writes_) return 0;
    return estimated_output(chat_->max_tokens(), chat_->wire() ? chat_->wire()->choices : 1);
  }

  /// Whether it offers tools to the model. One scan over the body.
  bool has_tools() const {
    if (chat_ == nullptr) return false;
    if (is_wire()) return is_filled_list("tools") || is_filled_list("functions");
    auto const said = chat_->conversation();
    return said && !said->tools.empty();
  }

  /// Whether a picture is in it, in a message or a tool's result. One search over the body; it is decoded only where
  /// the word `image` stands in it.
  bool has_images() const {
    if (chat_ == nullptr || (is_wire() && !may_say_image())) return false;
    auto const said = chat_->conversation();
    if (!said) return false;
    auto const shows = [](ContentPart const& part) { return part.kind == PartKind::image; };
    return std::any_of(said->messages.begin(), said->messages.end(), [&](Message const& message) {
      return std::any_of(message.content.begin(), message.content.end(), shows);
    });
  }

  /// Who is behind the call, in the client's own words: `safety_identifier`, `user` or `metadata.user_id`. Empty when
  /// it does not say. One scan over the body for each.
  std::string user() const {
    if (chat_ == nullptr) return {};
    if (!is_wire()) {
      auto const said = chat_->conversation();
      return said ? said->user : std::string();
    }
    for (std::string_view const name : {"safety_identifier", "user"})
      if (auto const text = text_of(dialect::find_member(body_, name)); !text.empty()) return text;
    auto const metadata = dialect::find_member(body_, "metadata");
    bool const has_members = metadata && metadata->kind == dialect::JsonKind::object;
    return has_members ? text_of(dialect::find_member(metadata->value, "user_id")) : std::string();
  }

  /// What stays the same while a conversation grows: all texts up to the first thing the user said. Empty when nothing
  /// was. Decodes the request.
  std::string beginning() const {
    std::string text;
    if (chat_ == nullptr) return text;
    auto const said = chat_->conversation();
    if (!said) return text;
    for (auto const& message : said->messages) {
      text.append(message.text()).push_back('\n');
      if (message.role == Role::user) break;
    }
    return text;
  }

 private:
  bool is_wire() const noexcept { return chat_->wire().has_value(); }
  bool is_filled_list(std::string_view name) const {
    auto const member = dialect::find_member(body_, name);
    bool filled = false;
    if (member && member->kind == dialect::JsonKind::array)
      dialect::scan_array(member->value, [&](dialect::JsonMember const&) { return !(filled = true); });
    return filled;
  }
  static std::string text_of(std::optional<dialect::JsonMember> const& member) {
    std::string text;
    bool const read =
        member && member->kind == dialect::JsonKind::string && dialect::decode_string(member->value, text);
    return read ? text : std::string();
  }
  /// Every dialect marks a picture with a word that has `image` in it. Somebody may have written its letters as \u.
  bool may_say_image() const noexcept {
    constexpr std::string_view escape = "\\u00";
    if (dialect::find_bytes(body_, "image") != std::string_view::npos) return true;
    for (std::string_view rest = body_;;) {
      std::size_t const at = dialect::find_bytes(rest, escape);
      if (at == std::string_view::npos) return false;
      rest.remove_prefix(at + escape.size());
      if (!rest.empty() && (rest.front() == '6' || rest.front() == '7')) return true;
    }
  }

  Call const& call_;
  ChatRequest const* chat_{nullptr};  ///< Null for what is no conversation.
  std::string_view body_;             ///< Empty for a request made in process.
  bool writes_{false};
};

}  // namespace lowart
