#pragma once
/// CallLimits: all that one call at a door counts against, and what is reserved of it.

#include <lowart/core/call.hpp>
#include <lowart/gateway/keyring.hpp>
#include <lowart/gateway/limit_rules.hpp>
#include <lowart/meter/limiter.hpp>
#include <lowart/meter/token_meter.hpp>
#include <lowart/model/chat_request.hpp>
#include <lowart/model/embedding_request.hpp>
#include <lowart/model/token_estimate.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace lowart {

/// What a request says of its size. The zero of it: a request that uses nothing.
struct CallSize {
  std::size_t input_bytes{0};  ///< Of its body: its text has no more tokens than that.
  std::optional<std::int64_t> max_tokens{};
  std::int64_t answers{0};  ///< How many are to be written; 0: it is no such request.
  /// The tokens of `request`, by the model's encoding, or estimated where that is null. No function: a quarter of the bytes.
  std::int64_t (*count)(void const* request, Encoding const*){nullptr};
  void const* request{nullptr};
};

namespace call_size {

inline constexpr std::size_t most_counted = std::size_t{1}
                                            << 20U;  ///< Bytes of text that are counted exactly.

inline std::size_t text_bytes(Conversation const& said) noexcept {
  std::size_t bytes = 0;
  for (auto const& message : said.messages)
    for (auto const& part : message.content)
      bytes += part.text.size() + part.call.name.size() + part.call.arguments.size();
  for (auto const& tool : said.tools)
    bytes += tool.name.size() + tool.description.size() + tool.parameters.text.size() + tool.raw.text.size();
  return bytes;
}
/// The tokens around so many messages, as count_conversation() has them.
inline std::int64_t framing(std::size_t messages) noexcept {
  return 3 + 4 * static_cast<std::int64_t>(messages);
}
inline std::int64_t of_chat(void const* request, Encoding const* encoding) {
  ChatRequest const& chat = *static_cast<ChatRequest const*>(request);
  Result<Conversation> const said = chat.conversation();
  if (!said) return estimated_tokens(chat.wire() ? chat.wire()->body.size() : 0);
  std::size_t const bytes = text_bytes(*said);
  if (encoding == nullptr || bytes > most_counted)
    return estimated_tokens(bytes) + framing(said->messages.size());
  return count_conversation(*encoding, *said);
}
inline std::int64_t of_embedding(void const* request, Encoding const* encoding) {
  EmbeddingRequest const& embedding = *static_cast<EmbeddingRequest const*>(request);
  std::size_t const body = embedding.wire() != nullptr ? embedding.wire()->body.size() : 0;
  if (encoding == nullptr || body > most_counted) return estimated_tokens(body);
  auto const inputs = embedding.inputs();
  return inputs ? count_inputs(*encoding, *inputs) : estimated_tokens(body);
}

}  // namespace call_size

/// Lives as long as the admission that it gives.
///
/// Cost: nothing is counted while the request's bytes, which its tokens cannot exceed, are a small part of what every
/// limit of tokens or money has left (Limiter::admit_small). Else one pass over the request, up to 1 MiB of text.
class CallLimits {
 public:
  /// Whether anything limits calls with this key.
  static bool apply_to(KeyEntry const& key, LimitRules const& rules) noexcept {
    return key.limits || (key.owner && !key.owner->limits.empty()) || rules.models_are_limited ||
           std::any_of(rules.types.begin(), rules.types.end(),
                       [](auto const& type) { return type != nullptr; });
  }
  CallLimits(KeyEntry const& key, LimitRules const& rules, DoorKind door, std::string_view model)
      : rules_(rules), name_(model) {
    group_.add(key.limits.get());
    if (key.owner)
      for (auto const& state : key.owner->limits) group_.add(state.get());
    group_.add(rules.of_type(door));
    if (rules.models_are_limited)
      if (auto const* found = this->model()) group_.add(found->limits.get());
  }

  /// `assumed`: tokens of an answer to a request that sets no limit, where nothing is learned yet. Errors: Limiter's.
  Result<Admission> admit(LimitTime const& now, CallSize const& size, std::int64_t assumed,
                          LimitReport& report) {
    bool tokens = false;
    for (LimitState const* state : group_.states()) {
      tokens = tokens || state->limits_tokens();
      money_ = money_ || state->limits_cost();
    }
    if (!tokens && !money_) return Limiter::admit(group_, now, {}, &report);
    CallEstimate estimate;
    estimate.input = input_of(static_cast<std::int64_t>(size.input_bytes));
    estimate.output = output_of(output_tokens(size, assumed));
    if (auto admitted = Limiter::admit_small(group_, now, estimate, &report)) return *std::move(admitted);
    report = {};
    auto const* const known = model();
    Encoding const* const encoding = known != nullptr ? known->encoding : nullptr;
    estimate.input = input_of(size.count != nullptr ? size.count(size.request, encoding)
                                                    : estimated_tokens(size.input_bytes));
    return Limiter::admit(group_, now, estimate.all(), &report);
  }
  /// The call has answered in full and used this: of one without a limit of its own there is something to learn.
  void learn(Spent const& spent) const noexcept {
    bool const is_told = spent.provenance == Provenance::reported ||
                         spent.provenance == Provenance::counted || spent.provenance == Provenance::estimated;
    if (learns_ != nullptr && is_told) learns_->observe(spent.usage.output_total());
  }

 private:
  /// One look-up, where it is asked for at all.
  LimitRules::Model const* model() {
    if (!std::exchange(looked_, true)) model_ = rules_.find(name_);
    return model_;
  }
  std::int64_t output_tokens(CallSize const& size, std::int64_t assumed) {
    if (size.answers == 0) return 0;
    if (size.max_tokens) return estimated_output(size.max_tokens, size.answers);
    auto const* const known = model();
    if (known == nullptr || !known->output) return estimated_output(std::nullopt, size.answers, assumed);
    if (size.answers == 1) learns_ = known->output.get();
    return estimated_output(known->output->tokens(), size.answers, assumed);
  }
  CallUse input_of(std::int64_t tokens) { return use_of(UsageClass::input, tokens); }
  CallUse output_of(std::int64_t tokens) { return use_of(UsageClass::output, tokens); }
  CallUse use_of(UsageClass c, std::int64_t tokens) {
    CallUse use{.tokens = tokens, .cost = {}};
    if (!money_ || tokens == 0) return use;
    auto const* const known = model();
    if (known == nullptr || !known->costs) return use;
    Usage usage;
    usage.set(c, tokens);
    use.cost = known->costs(usage);
    return use;
  }

  LimitRules const& rules_;
  std::string_view name_;
  LimitRules::Model const* model_{nullptr};
  OutputEstimate* learns_{nullptr};
  bool looked_{false};
  bool money_{false};
  LimitGroup group_;
};

}  // namespace lowart
