#pragma once
/// Demo: the built-in provider that answers without any account, and fails on demand.

#include <lowart/dialect/remembered.hpp>
#include <lowart/provider/attempt.hpp>
#include <lowart/provider/demo_models.hpp>
#include <lowart/provider/demo_reply.hpp>
#include <lowart/provider/demo_vectors.hpp>
#include <lowart/provider/provider.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// Speaks the neutral language: plausible English about this gateway and the question, at a human pace.
///
/// Honours max_tokens (its pieces of words are the tokens), stop, n, tools with tool_choice and
/// parallel_tool_calls, and JSON formats; reports exact usage. After a tool's result it answers in words.
/// "say exactly: X", "say X", "count to N" and "write N words" are done to the letter. The same request gets
/// the same answer. The model's name chooses how it acts and fails: see demo_models.hpp.
///
/// Embeddings: unit vectors of 256 numbers, or as many as are asked for up to 4096; texts that share words lie near
/// each other. Counts of tokens: what the usage of the same request would say.
///
/// The commit point: the first piece of a stream, or the whole answer after the time it would take.
/// Errors: those of the faults, as a real provider's; every wait ends with the call's interruption;
/// invalid_request when the request cannot be decoded or asks for more than 128 choices.
/// Concurrency: any number of calls, on any loop; copies share the counter of demo-flaky.
class Demo {
 public:
  static constexpr std::int64_t choices_limit = 128;  ///< As OpenAI's.

  explicit Demo(std::string name = "demo") : shared_(std::make_shared<Shared>(std::move(name))) {}

  std::string_view name() const { return shared_->name; }

  Task<Result<ChatReply>> operator()(ChatRequest const& request, Call& call) {
    AttemptMark attempt(call, name(), request.model());
    DemoModel const& acts = demo_model(request.model());
    Result<void> const let_in = co_await meet_fault(acts, call);
    if (!let_in) co_return attempt.failed(let_in.error());

    Result<Conversation> const conversation = request.conversation();
    if (!conversation) co_return attempt.failed(conversation.error());
    if (auto const* field = dialect::remembered(*conversation))
      co_return attempt.failed(dialect::cannot_remember(*field));
    std::int64_t const choices = conversation->n.value_or(1);
    if (choices < 1 || choices > choices_limit)
      co_return attempt.failed(refused("n", "'n' must be 1 to 128"));
    auto source = make_reply(*conversation, choices, request, acts, call);
    ChatReply::Head head;
    head.streamed = request.stream();
    head.provider = name();
    head.upstream_model = call.keep(request.model());
    Result<ReplyPart> first = fail(Errc::internal, "");
    if (head.streamed) first = co_await source->next();
    else first = co_await source->whole();
    if (!first) co_return attempt.failed(std::move(first.error()));
    attempt.answered();
    co_return ChatReply(head, std::move(source), *first);
  }

  Task<Result<EmbeddingReply>> operator()(EmbeddingRequest const& request, Call& call) {
    AttemptMark attempt(call, name(), request.model());
    Result<void> const let_in = co_await meet_fault(demo_model(request.model()), call);
    if (!let_in) co_return attempt.failed(let_in.error());
    Result<EmbeddingInputs> const asked = request.inputs();
    if (!asked) co_return attempt.failed(asked.error());
    if (asked->inputs.size() > demo::most_inputs)
      co_return attempt.failed(refused("input", "'input' must have 2048 elements at most"));
    std::vector<Embedding> vectors;
    for (EmbeddingInput const& input : asked->inputs) {
      std::int64_t const dimensions = input.dimensions.value_or(demo::default_dimensions);
      if (dimensions < 1 || dimensions > demo::most_dimensions)
        co_return attempt.failed(refused("dimensions", "'dimensions' must be 1 to 4096"));
      vectors.push_back(demo::vector_of(input));
    }
    Usage usage;
    usage.set(UsageClass::input, demo::count_input(*asked));
    attempt.answered();
    WholeHead const head = whole_head(request.model(), call);
    co_return EmbeddingReply(head, std::move(vectors), usage);
  }

  Task<Result<CountReply>> operator()(CountRequest const& request, Call& call) {
    AttemptMark attempt(call, name(), request.model());
    Result<void> const let_in = co_await meet_fault(demo_model(request.model()), call);
    if (!let_in) co_return attempt.failed(let_in.error());
    Result<Conversation> const conversation = request.chat().conversation();
    if (!conversation) co_return attempt.failed(conversation.error());
    if (auto const* field = dialect::remembered(*conversation))
      co_return attempt.failed(dialect::cannot_remember(*field));
    attempt.answered();
    WholeHead const head = whole_head(request.model(), call);
    co_return CountReply(head, demo::count_input(*conversation), Provenance::reported);
  }

 private:
  struct Shared {
    explicit Shared(std::string n) : name(std::move(n)) {}
    std::string name;
    std::atomic<std::uint64_t> flaky_calls{0};
  };

  /// Fails where the model fails before its first token.
  Task<Result<void>> meet_fault(DemoModel const& acts, Call& call) {
    constexpr std::chrono::milliseconds refusal{20};
    bool const flaky = acts.fault == DemoFault::flaky && shared_->flaky_calls.fetch_add(1) % 2 == 0;
    bool const fails = flaky || acts.fault == DemoFault::rate_limited || acts.fault == DemoFault::failed ||
                       acts.fault == DemoFault::malformed || acts.fault == DemoFault::auth;
    if (call.interruption()) co_return fail(call.interruption_error());
    if (acts.fault == DemoFault::hang) {
      Error interrupted = co_await demo::wait_for_interruption(call);
      co_return fail(std::move(interrupted));
    }
    if (!fails) co_return Result<void>{};
    Result<void> const waited = co_await demo::wait(refusal, call);
    if (!waited) co_return fail(waited.error());
    co_return fail(refusal_of(acts.fault));
  }

  WholeHead whole_head(std::string_view model, Call& call) const {
    WholeHead head;
    head.provider = name();
    head.upstream_model = call.keep(model);
    return head;
  }

  static Error refused(std::string param, std::string message) {
    return Error(Errc::upstream_rejected, std::move(message), Origin::upstream)
        .with_sent(Sent::yes)
        .with_upstream_status(400)
        .with_param(std::move(param));
  }
  static Error refusal_of(DemoFault fault) {
    auto const made = [](Errc code, int status, bool retryable, std::string message) {
      return Error(code, std::move(message), Origin::upstream)
          .with_sent(Sent::yes)
          .with_retryable(retryable)
          .with_upstream_status(status);
    };
    switch (fault) {
      case DemoFault::rate_limited:
        return made(Errc::rate_limited, 429, true, "the demo is full, as demo-429 is made to be")
            .with_retry_after(std::chrono::seconds(2));
      case DemoFault::malformed:
        return made(Errc::malformed_reply, 200, true,
                    "the demo's answer is none, as demo-malformed is made to give");
      case DemoFault::auth:
        return made(Errc::upstream_auth, 401, false,
                    "the demo refused the gateway's key, as demo-auth is made to do");
      case DemoFault::flaky:
        return made(Errc::upstream_failed, 503, true,
                    "the demo failed, as demo-flaky does every second time");
      default: return made(Errc::upstream_failed, 500, true, "the demo failed, as demo-fail is made to do");
    }
  }

  static ArenaPtr<demo::DemoReply> make_reply(Conversation const& conversation, std::int64_t choices,
                                              ChatRequest const& request, DemoModel const& acts, Call& call) {
    std::uint64_t const seed = demo::seed_of(conversation);
    std::vector<demo::Answer> answers = demo::answers_to(conversation, choices, seed);
    std::int64_t output = 0;
    for (demo::Answer const& answer : answers) output += demo::count_output(answer);
    Usage usage;
    usage.set(UsageClass::input, demo::count_input(conversation));
    usage.set(UsageClass::output, output);
    return call.make<demo::DemoReply>(std::move(answers), request.model(), seed, acts, usage, call);
  }

  std::shared_ptr<Shared> shared_;
};

static_assert(Serves<Demo, ChatRequest> && Serves<Demo, EmbeddingRequest> && Serves<Demo, CountRequest>);
static_assert(Provider<Demo>);

}  // namespace lowart
