#pragma once
/// Shaped: changes requests, and the beginning of answers, as an operator wants them.

#include <lowart/dialect/find_bytes.hpp>
#include <lowart/dialect/json_patch.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/policy/option_range.hpp>
#include <lowart/policy/pipe.hpp>
#include <lowart/policy/prefixed_reply.hpp>
#include <lowart/policy/shape_decision.hpp>
#include <lowart/provider/capability.hpp>
#include <lowart/provider/provider.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// How often what was done; for metrics. Any thread.
struct ShapeCounts {
  std::array<std::atomic<std::uint64_t>, reshaped_count> done{};
  void add(ShapeMark mark) noexcept {
    for (std::size_t i = 0; i < reshaped_count; ++i)
      if (mark.has(static_cast<Reshaped>(i))) done[i].fetch_add(1, std::memory_order_relaxed);
  }
};

namespace shape {

/// Whether the messages of a body may have something to strip: a `<`, which some write as \u003c.
inline bool may_have_tags(std::string_view body) noexcept {
  return dialect::find_bytes(body, "<") != std::string_view::npos ||
         dialect::find_bytes(body, "\\u003") != std::string_view::npos;
}

/// Whether the request has to be read to know whether it changes.
inline bool must_be_read(ChatRequest const& request, ShapeOptions const& options) {
  if (options.drop_empty_messages || options.merge_user_messages || !options.stop.empty()) return true;
  if (options.max_tokens && request.max_tokens() > *options.max_tokens) return true;
  if (options.strip_tags.empty()) return false;
  return !request.is_as_it_came() || may_have_tags(request.wire()->body);
}

/// A legacy completion has a prompt and no messages; some of its prompts cannot be read into a conversation. So its
/// members are changed where they stand. The body lives as long as the call; nullopt: nothing changes.
inline std::optional<WireRequest> completion(WireRequest const& came, ShapeOptions const& options,
                                             ShapeMark& mark, Call& call) {
  Conversation settings;
  auto const stop = dialect::find_member(came.body, "stop");
  auto const keep = [&](dialect::JsonMember const& word) {
    std::string text;
    if (dialect::decode_string(word.value, text)) settings.stop.push_back(std::move(text));
  };
  if (stop && stop->kind == dialect::JsonKind::array) dialect::scan_array(stop->value, keep);
  else if (stop && stop->kind == dialect::JsonKind::string) keep(*stop);
  settings.max_tokens = came.max_tokens;
  mark.add(request(settings, options));
  if (mark.empty()) return std::nullopt;
  dialect::JsonPatch patch(came.body);
  if (mark.has(Reshaped::stop)) {
    std::string list;
    dialect::JsonWriter w(list);
    w.begin_list();
    for (std::string const& word : settings.stop) w.text(word);
    w.end_list();
    patch.set(came.body, stop, "stop", list);
  }
  WireRequest made = came;
  made.max_tokens = settings.max_tokens;
  if (mark.has(Reshaped::max_tokens))
    for (std::string_view const name : {"max_tokens", "max_completion_tokens"})
      if (auto const limit = dialect::find_member(came.body, name);
          limit && limit->kind == dialect::JsonKind::number)
        patch.set(came.body, limit, name, std::to_string(*settings.max_tokens));
  made.body = call.keep(patch.made());
  if (auto const model = dialect::find_member(made.body, "model")) made.model_token = model->value;
  return made;
}

}  // namespace shape

/// Changes requests as ShapeOptions say, and puts words before answers. What it does not change goes on as it came, so
/// that a provider of the same dialect gets the same bytes; what it changes is written anew in the client's dialect by
/// whoever is asked, with all members that are not known here. An answer with a prefix is handed out in neutral steps.
///
/// What was done is told in ReplyHead::shaped and counted. Requests to count are shaped as far as their messages go.
///
/// Errors:       the provider's own; those of a request that has to be changed and cannot be read.
/// Order:        within Cached, which then keeps what was shaped; around a target or a chain.
/// Concurrency:  any thread.
/// Cost:         with changes of messages or stop words each request is decoded; max_tokens alone looks at a fact.
///
///     auto answer = OpenAi{options} | shaped({.strip_tags = {"think"}, .max_tokens = 4096});
template <Provider P>
class Shaped {
 public:
  /// Throws std::invalid_argument for a max_tokens below 1.
  explicit Shaped(P inner, ShapeOptions options,
                  std::shared_ptr<ShapeCounts> counts = std::make_shared<ShapeCounts>())
      : inner_(std::move(inner)),
        options_(std::make_shared<ShapeOptions const>(std::move(options))),
        counts_(std::move(counts)) {
    require_option(options_->max_tokens.value_or(1) >= 1, "shape max_tokens: at least 1");
    require_option(counts_ != nullptr, "a Shaped needs its counts");
  }

  std::string_view name() const { return inner_.name(); }
  DoorSet doors() const { return doors_of(inner_); }
  ShapeCounts const& counts() const noexcept { return *counts_; }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    return inner_(request, call);
  }
  Task<Result<ChatReply>> operator()(ChatRequest const& request, Call& call)
    requires Serves<P, ChatRequest>
  {
    if (options_->prefix.empty() && !shape::must_be_read(request, *options_)) return inner_(request, call);
    return ask(request, call);
  }
  Task<Result<CountReply>> operator()(CountRequest const& request, Call& call)
    requires Serves<P, CountRequest>
  {
    if (!options_->changes_messages()) return inner_(request, call);
    return count(request, call);
  }

 private:
  Task<Result<ChatReply>> ask(ChatRequest const& request, Call& call) {
    ShapeMark mark;
    Result<std::optional<ChatRequest>> const other = reshape(request, mark, call);
    if (!other) co_return fail(other.error());
    ChatRequest const& asked = *other ? **other : request;
    Result<ChatReply> reply = co_await inner_(asked, call);
    if (reply && !options_->prefix.empty()) {
      mark.add(Reshaped::prefix);
      Result<ChatReply> prefixed = co_await PrefixedReply::around(std::move(*reply), options_->prefix, call);
      reply = std::move(prefixed);
    }
    if (!mark.empty()) counts_->add(mark);
    if (reply) reply->shaped_by(mark);
    co_return reply;
  }
  Task<Result<CountReply>> count(CountRequest const& request, Call& call) {
    Result<Conversation> conversation = request.chat().conversation();
    if (!conversation) co_return fail(conversation.error());
    bool const changes = !shape::messages(*conversation, *options_).empty();
    if (!changes) {
      Result<CountReply> as_it_came = co_await inner_(request, call);
      co_return as_it_came;
    }
    CountRequest const other(request.chat().saying(*std::move(conversation)));
    Result<CountReply> reply = co_await inner_(other, call);
    co_return reply;
  }

  /// What is to be asked instead; none when nothing changes.
  Result<std::optional<ChatRequest>> reshape(ChatRequest const& request, ShapeMark& mark, Call& call) const {
    std::optional<ChatRequest> other;
    if (!shape::must_be_read(request, *options_)) return other;
    if (request.is_as_it_came() && request.dialect() == Dialect::openai_completions) {
      auto const made = shape::completion(*request.wire(), *options_, mark, call);
      if (made) other = ChatRequest(*made).for_model(request.model());
      return other;
    }
    Result<Conversation> conversation = request.conversation();
    if (!conversation) return fail(conversation.error());
    mark = shape::request(*conversation, *options_);
    if (!mark.empty()) other = request.saying(*std::move(conversation));
    return other;
  }

  P inner_;
  std::shared_ptr<ShapeOptions const> options_;
  std::shared_ptr<ShapeCounts> counts_;
};

/// What shaped() returns.
class ShapedLayer : public PolicyLayer {
 public:
  ShapedLayer(ShapeOptions options, std::shared_ptr<ShapeCounts> counts)
      : options_(std::move(options)), counts_(std::move(counts)) {}
  template <Provider P>
  Shaped<P> wrap(P provider) const {
    return Shaped<P>(std::move(provider), options_, counts_);
  }

 private:
  ShapeOptions options_;
  std::shared_ptr<ShapeCounts> counts_;
};

/// `provider | shaped({.max_tokens = 4096})`.
[[nodiscard]] inline ShapedLayer shaped(
    ShapeOptions options, std::shared_ptr<ShapeCounts> counts = std::make_shared<ShapeCounts>()) {
  return ShapedLayer(std::move(options), std::move(counts));
}

}  // namespace lowart
