#pragma once
/// PassthroughRequest: a call of a vendor's own API that nobody here knows: files, batches, fine-tuning, videos.

#include <lowart/core/body_source.hpp>
#include <lowart/model/chat_reply.hpp>

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// A request as it came. Views that live as long as the call.
struct WirePassthrough {
  std::string_view method{"GET"};
  std::string_view path{
      "/"};                ///< Behind the provider's base URL; begins with '/', is plain (see is_plain_path).
  std::string_view query;  ///< Without '?', and without a key of ours.
  std::string_view content_type;
  std::span<std::pair<std::string_view, std::string_view> const>
      fields;                   ///< Of the client, for the provider.
  std::string_view body;        ///< All of it, where it is held.
  BodySource* source{nullptr};  ///< Else where it comes from; null: there is none.
  std::string_view model;       ///< The model that a JSON body names; may be empty.
};

/// An answer that has begun, in parts as a chat's; they are bytes of no dialect, as the provider sent them.
using PassthroughReply = ChatReply;

/// Copies share the bytes.
class PassthroughRequest {
 public:
  using reply_type = PassthroughReply;
  static constexpr std::string_view operation = "passthrough";
  static constexpr std::string_view model_prefix = "passthrough/";

  /// `provider`: whom it is for; `wire` and what it views live as long as the call.
  PassthroughRequest(std::string_view provider, WirePassthrough const& wire)
      : model_(std::string(model_prefix).append(provider)), wire_(wire) {}

  std::string_view provider() const noexcept { return std::string_view(model_).substr(model_prefix.size()); }
  /// "passthrough/NAME": what keys are allowed, records count and prices are set by.
  std::string const& model() const noexcept { return model_; }
  WirePassthrough const* wire() const noexcept { return &wire_; }
  /// See lowart::can_repeat().
  bool can_repeat() const noexcept { return wire_.source == nullptr || wire_.source->can_rewind(); }

 private:
  std::string model_;
  WirePassthrough wire_;
};

}  // namespace lowart
