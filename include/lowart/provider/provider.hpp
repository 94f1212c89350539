#pragma once
/// The one idea: whatever answers a request is a Provider.

#include <lowart/core/call.hpp>
#include <lowart/core/error.hpp>
#include <lowart/core/task.hpp>
#include <lowart/model/chat_request.hpp>
#include <lowart/model/count_request.hpp>
#include <lowart/model/door_set.hpp>
#include <lowart/model/embedding_request.hpp>
#include <lowart/model/operation.hpp>
#include <lowart/model/passthrough.hpp>

#include <concepts>
#include <optional>
#include <string_view>
#include <type_traits>

namespace lowart {

/// A request names its reply and its operation ("chat", as it stands in records). Models: ChatRequest,
/// EmbeddingRequest, CountRequest, OperationRequest, PassthroughRequest.
template <class R>
concept Request = requires {
  typename R::reply_type;
  { R::operation } -> std::convertible_to<std::string_view>;
};

/// A request whose answer uses no tokens and costs nothing says so (CountRequest): nobody keeps a record of it.
template <class R>
concept UsesNothing = Request<R> && requires { requires R::uses_nothing; };

template <Request R>
using ReplyOf = Result<typename R::reply_type>;

/// Whether a provider can be asked once more, or another one. A request whose body passes by says so itself: what has
/// gone is gone. All others can.
template <Request R>
bool can_repeat(R const& request) noexcept {
  if constexpr (requires { request.can_repeat(); }) return request.can_repeat();
  else return true;
}

/// Part 1 of Provider: it has a name, for logs, metrics and records. A view that outlives the calls.
template <class P>
concept Named = requires(P const& provider) {
  { provider.name() } -> std::convertible_to<std::string_view>;
};

/// Can P answer R?
template <class P, class R>
concept Serves = Request<R> && requires(P& provider, R const& request, Call& call) {
  { provider(request, call) } -> std::same_as<Task<ReplyOf<R>>>;
};

/// Part 2 of Provider: it serves at least one operation that this library knows.
template <class P>
concept ServesSomething = Serves<P, ChatRequest> || Serves<P, EmbeddingRequest> || Serves<P, CountRequest> ||
                          Serves<P, OperationRequest> || Serves<P, PassthroughRequest>;

/// A provider that can tell at once why a call for a model at a door is in vain: Router, and what is put around one.
template <class P>
concept KnowsModels = requires(P const& provider, std::string_view model, DoorKind door) {
  { provider.refusal(model, door) } -> std::same_as<std::optional<Error>>;
};

/// Whatever answers a request; and whatever wraps one and changes how it is answered.
///
/// Exemplar (tests/provider/provider_test.cpp compiles it):
///
///     struct Echo {
///       std::string_view name() const { return "echo"; }
///       Task<Result<ChatReply>> operator()(ChatRequest const& request, Call& call);
///     };
///     static_assert(Provider<Echo>);
///
/// The call operator returns when the answer has begun (head and first content are there) or has definitely
/// failed: the commit point. Policies decide on that result alone. `request` and `call` outlive the call
/// operator; `call` outlives the reply. Nothing throws.
///
/// Several calls run at once, on several threads: state that calls share must be safe for that.
/// Models: OpenAi, Demo, AnyProvider, testing::ScriptedProvider, and every policy over a Provider.
template <class P>
concept Provider = Named<P> && ServesSomething<P> && std::move_constructible<P>;

/// Put `assert_provider<Mine>();` under a provider: the first line of the error is the missing part.
template <class P>
consteval void assert_provider() {
  static_assert(Named<P>, "lowart: a Provider needs `std::string_view name() const`");
  static_assert(ServesSomething<P>,
                "lowart: a Provider needs `Task<Result<ChatReply>> operator()(ChatRequest const&, Call&)` "
                "(or the same for another request type)");
  static_assert(std::move_constructible<P>,
                "lowart: a Provider must be movable, so that policies can hold it");
}

}  // namespace lowart
