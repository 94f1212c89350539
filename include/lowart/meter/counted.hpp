#pragma once
/// Counted: counts the tokens of requests whose provider will not.

#include <lowart/dialect/remembered.hpp>
#include <lowart/meter/token_meter.hpp>
#include <lowart/policy/pipe.hpp>
#include <lowart/provider/provider.hpp>

#include <string_view>
#include <utility>

namespace lowart {

/// Answers every CountRequest: by asking the provider when it counts requests of that dialect, else with the tokenizer
/// of the model, or o200k when that is not known. Everything else is handed on as it is.
///
/// Next to the provider, within what maps names: the model that is asked chooses the tokenizer.
/// Errors: the provider's own; those of a request that cannot be decoded; unsupported for one that leans on what its
/// server keeps, which would count too low. Cost of counting here: one pass over the
/// request, on the loop.
///
///     auto answer = OpenAi{options} | counted() | timeouts();
template <Provider P>
class Counted {
 public:
  explicit Counted(P inner) : inner_(std::move(inner)) {}

  std::string_view name() const { return inner_.name(); }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    return inner_(request, call);
  }
  Task<Result<CountReply>> operator()(CountRequest const& request, Call& call) {
    if constexpr (Serves<P, CountRequest>) {
      Result<CountReply> reply = co_await inner_(request, call);
      if (reply || reply.error().code() != Errc::unsupported) co_return reply;
    }
    Result<Conversation> const conversation = request.chat().conversation();
    if (!conversation) co_return fail(conversation.error());
    if (auto const* field = dialect::remembered(*conversation))
      co_return fail(dialect::cannot_remember(*field));
    Encoding const* const own = encoding_for_model(request.model());
    std::int64_t const tokens = count_conversation(own != nullptr ? *own : o200k_base(), *conversation);
    WholeHead head;
    head.provider = name();
    head.upstream_model = call.keep(request.model());
    co_return CountReply(head, tokens, own != nullptr ? Provenance::counted : Provenance::estimated);
  }

 private:
  P inner_;
};

/// What counted() returns.
class CountedLayer : public PolicyLayer {
 public:
  template <Provider P>
  Counted<P> wrap(P provider) const {
    return Counted<P>(std::move(provider));
  }
};

/// `provider | counted()`.
[[nodiscard]] inline CountedLayer counted() { return {}; }

}  // namespace lowart
