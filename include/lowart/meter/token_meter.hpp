#pragma once
/// TokenMeter: what a reply used, as reported; counted where nothing was reported.

#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/meter/encoding.hpp>
#include <lowart/model/chat_reply.hpp>
#include <lowart/model/chat_request.hpp>
#include <lowart/model/embedding_request.hpp>
#include <lowart/model/operation.hpp>
#include <lowart/model/passthrough.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart {

/// What a call used, and how far to trust that.
struct Measured {
  Usage usage;
  Provenance provenance{Provenance::none};
};

/// Tokens of a conversation as the chat format of OpenAI's models wraps it: three a message, one a name, three
/// to prime the answer (OpenAI cookbook, "How to count tokens with tiktoken"). Text only: images, audio and
/// files are not counted.
inline std::int64_t count_conversation(Encoding const& encoding, Conversation const& conversation) {
  constexpr std::int64_t per_message = 3;
  constexpr std::int64_t per_name = 1;
  constexpr std::int64_t priming = 3;
  auto const count = [&](std::string_view text) { return static_cast<std::int64_t>(encoding.count(text)); };
  std::int64_t total = priming;
  for (auto const& message : conversation.messages) {
    total += per_message + 1;  // the role is one token
    if (!message.name.empty()) total += per_name + count(message.name);
    for (auto const& part : message.content)
      total += count(part.text) + count(part.call.name) + count(part.call.arguments);
  }
  for (auto const& tool : conversation.tools)
    total += count(tool.name) + count(tool.description) + count(tool.parameters.text) + count(tool.raw.text);
  return total;
}

/// Tokens of what is to be embedded: the texts, and the tokens that came as such.
inline std::int64_t count_inputs(Encoding const& encoding, EmbeddingInputs const& inputs) {
  std::int64_t total = 0;
  for (EmbeddingInput const& input : inputs.inputs)
    total += static_cast<std::int64_t>(input.tokens.size() + encoding.count(input.title) +
                                       encoding.count(input.text));
  return total;
}

/// Characters (code points) of the text that a request for speech, a JSON object, wants said; nullopt when it has none.
inline std::optional<std::int64_t> count_spoken(std::string_view body) {
  auto const input = dialect::find_member(body, "input");
  std::string text;
  if (!input || input->kind != dialect::JsonKind::string || !dialect::decode_string(input->value, text))
    return std::nullopt;
  auto const begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
  return std::count_if(text.begin(), text.end(), begins);
}

/// Reads a finished reply's usage. Reported figures win; a missing class is counted with the model's own
/// tokenizer ("counted") or, when that is not known, with o200k ("estimated"). A reply that did not run to its
/// end is "partial" unless the provider's figures had come already.
///
/// Cost: nothing where usage was reported; else one pass over the request and the produced text.
class TokenMeter {
 public:
  /// Of an answer in several legs this measures the last one, which also read what the earlier ones wrote.
  Measured measure(ChatRequest const& request, std::string_view upstream_model, ReplyProgress const& progress,
                   Outcome outcome) const {
    Measured result{.usage = progress.usage, .provenance = Provenance::reported};
    bool const has_input = result.usage.get(UsageClass::input).has_value();
    bool const has_output = result.usage.get(UsageClass::output).has_value();
    if (has_input && has_output) return result;

    Encoding const* own = encoding_for_model(upstream_model);
    Encoding const& encoding = own != nullptr ? *own : o200k_base();
    if (!has_input) {
      if (auto const conversation = request.conversation())
        result.usage.set(UsageClass::input,
                         count_conversation(encoding, *conversation) + written_before(progress));
    }
    if (!has_output)
      result.usage.set(UsageClass::output, static_cast<std::int64_t>(encoding.count(progress.text)));
    if (outcome != Outcome::complete) result.provenance = Provenance::partial;
    else result.provenance = own != nullptr ? Provenance::counted : Provenance::estimated;
    return result;
  }

  /// The sum of all legs, as far to be trusted as the weakest of them. An answer that did not run to its end is partial,
  /// however its earlier legs were counted.
  static Measured with_earlier(Measured measured, ReplyProgress const& progress) noexcept {
    for (EarlierLeg const& leg : progress.earlier) {
      measured.usage.add(leg.usage);
      if (measured.provenance != Provenance::partial)
        measured.provenance = std::max(measured.provenance, leg.provenance);
    }
    return measured;
  }

  /// An embedding reply is complete when there is one, and its only usage is input.
  Measured measure(EmbeddingRequest const& request, EmbeddingReply const& reply) const {
    Measured result{.usage = reply.usage(), .provenance = Provenance::reported};
    if (result.usage.get(UsageClass::input)) return result;
    Encoding const* own = encoding_for_model(reply.head().upstream_model);
    result.provenance = own != nullptr ? Provenance::counted : Provenance::estimated;
    if (auto const inputs = request.inputs())
      result.usage.set(UsageClass::input, count_inputs(own != nullptr ? *own : o200k_base(), *inputs));
    return result;
  }

  /// What such calls cost is not only tokens: where nothing is reported, only the characters of what is to be spoken are
  /// counted, since speech is sold by those or tells its tokens.
  Measured measure(OperationRequest const& request, std::string_view, ReplyProgress const& progress,
                   Outcome outcome) const {
    Measured result = as_reported(progress);
    if (!result.usage.empty() || request.kind() != OperationKind::speech) return result;
    auto const characters = count_spoken(request.wire()->body);
    if (!characters) return result;
    result.usage.set(UsageClass::characters, *characters);
    result.provenance = outcome == Outcome::complete ? Provenance::counted : Provenance::partial;
    return result;
  }
  Measured measure(PassthroughRequest const&, std::string_view, ReplyProgress const& progress,
                   Outcome) const noexcept {
    return as_reported(progress);
  }

 private:
  static Measured as_reported(ReplyProgress const& progress) noexcept {
    bool const is_known = !progress.usage.empty();
    return {.usage = progress.usage, .provenance = is_known ? Provenance::reported : Provenance::none};
  }
  static std::int64_t written_before(ReplyProgress const& progress) noexcept {
    std::int64_t tokens = 0;
    for (EarlierLeg const& leg : progress.earlier) tokens += leg.usage.value(UsageClass::output);
    return tokens;
  }
};

}  // namespace lowart
