#pragma once
/// CountRequest: how many input tokens would a chat request be? Nobody answers it, and nothing is spent.

#include <lowart/core/usage.hpp>
#include <lowart/model/chat_request.hpp>
#include <lowart/model/whole_reply.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// A number of input tokens, and how far to trust it: `reported` by the provider, `counted` here with the model's
/// tokenizer or `estimated` with another's.
class CountReply {
 public:
  using Head = WholeHead;

  CountReply(Head const& head, std::int64_t input_tokens, Provenance provenance) noexcept
      : head_(head), input_tokens_(input_tokens), provenance_(provenance) {}
  /// `bytes` are the provider's answer in `dialect`; they live as long as the call.
  CountReply(Head const& head, std::int64_t input_tokens, Dialect dialect, std::string_view bytes) noexcept
      : head_(head),
        bytes_(bytes),
        input_tokens_(input_tokens),
        provenance_(Provenance::reported),
        dialect_(dialect) {}

  Head const& head() const noexcept { return head_; }
  Dialect dialect() const noexcept { return dialect_; }
  /// As they came; empty when the provider was not asked.
  std::string_view bytes() const noexcept { return bytes_; }
  std::int64_t input_tokens() const noexcept { return input_tokens_; }
  Provenance provenance() const noexcept { return provenance_; }

 private:
  Head head_;
  std::string_view bytes_;
  std::int64_t input_tokens_;
  Provenance provenance_;
  Dialect dialect_{Dialect::neutral};
};

/// Asks for the size of what a chat request says.
class CountRequest {
 public:
  using reply_type = CountReply;
  static constexpr std::string_view operation = "count";
  /// It uses no tokens and costs nothing, so meters keep no record of it.
  static constexpr bool uses_nothing = true;

  explicit CountRequest(ChatRequest chat) : chat_(std::move(chat)) {}

  std::string const& model() const noexcept { return chat_.model(); }
  CountRequest for_model(std::string model) const { return CountRequest(chat_.for_model(std::move(model))); }
  /// What is to be counted.
  ChatRequest const& chat() const noexcept { return chat_; }

 private:
  ChatRequest chat_;
};

}  // namespace lowart
