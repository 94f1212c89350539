// What is a Provider, what is not and for want of which part, and that every wrapper needs no more than that.
#include <lowart/meter/limiter.hpp>
#include <lowart/policy/breaker.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/policy/timeouts.hpp>
#include <lowart/provider/any_provider.hpp>
#include <lowart/testing/archetype_provider.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_provider.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <type_traits>

namespace lowart {
namespace {

using testing::ArchetypeProvider;

struct NoName {
  Task<Result<ChatReply>> operator()(ChatRequest const&, Call&);
};
struct NameIsANumber {
  int name() const;
  Task<Result<ChatReply>> operator()(ChatRequest const&, Call&);
};
struct NameChangesIt {
  std::string_view name();
  Task<Result<ChatReply>> operator()(ChatRequest const&, Call&);
};
struct ServesNothing {
  std::string_view name() const;
};
struct ReturnsAPlainReply {
  std::string_view name() const;
  Task<ChatReply> operator()(ChatRequest const&, Call&);
};
struct ChangesTheRequest {
  std::string_view name() const;
  Task<Result<ChatReply>> operator()(ChatRequest&, Call&);
};
struct TakesNoCall {
  std::string_view name() const;
  Task<Result<ChatReply>> operator()(ChatRequest const&);
};
struct CannotMove {
  CannotMove(CannotMove&&) = delete;
  std::string_view name() const;
  Task<Result<ChatReply>> operator()(ChatRequest const&, Call&);
};
static_assert(!Provider<NoName> && ServesSomething<NoName> && !Named<NoName>);
static_assert(!Provider<NameIsANumber> && !Named<NameIsANumber>);
static_assert(!Provider<NameChangesIt> && !Named<NameChangesIt>);
static_assert(!Provider<ServesNothing> && Named<ServesNothing> && !ServesSomething<ServesNothing>);
static_assert(!Provider<ReturnsAPlainReply> && !ServesSomething<ReturnsAPlainReply>);
static_assert(!Provider<ChangesTheRequest> && !ServesSomething<ChangesTheRequest>);
static_assert(!Provider<TakesNoCall> && !ServesSomething<TakesNoCall>);
static_assert(!Provider<CannotMove> && Named<CannotMove> && ServesSomething<CannotMove>);
static_assert(!Provider<int> && !Provider<void>);

static_assert(Provider<ArchetypeProvider>);
static_assert(!std::is_copy_constructible_v<ArchetypeProvider> &&
              !std::is_default_constructible_v<ArchetypeProvider>);
static_assert(!std::is_move_assignable_v<ArchetypeProvider>);

// Closed under wrapping.
static_assert(Provider<Breaker<ArchetypeProvider>>);
static_assert(Provider<Retry<ArchetypeProvider>>);
static_assert(Provider<Timeouts<ArchetypeProvider>>);
static_assert(Provider<Fallback<ArchetypeProvider>>);
static_assert(Provider<Fallback<ArchetypeProvider, Breaker<ArchetypeProvider>>>);
static_assert(Provider<FallbackList<AnyProvider>>);
static_assert(Provider<Retry<Breaker<Timeouts<Fallback<ArchetypeProvider, AnyProvider>>>>>);

/// A wrapper of something that is no provider is false, not an error.
template <template <class...> class Wrapper, class P>
concept CanWrap = requires { typename Wrapper<P>; };
static_assert(!CanWrap<Breaker, int> && !CanWrap<Retry, NoName> && !CanWrap<Timeouts, ServesNothing>);

/// Another operation: policies serve it as soon as their provider does, and only then.
struct Embed {
  using reply_type = int;
  static constexpr std::string_view operation = "embed";
};
struct Embedder {
  std::string_view name() const { return "embedder"; }
  Task<Result<ChatReply>> operator()(ChatRequest const&, Call&) {
    co_return fail(Errc::unsupported, "no chat");
  }
  Task<Result<int>> operator()(Embed const&, Call&) { co_return 42; }
};
static_assert(Request<Embed> && !Request<int>);
static_assert(Serves<Retry<Breaker<Timeouts<Embedder>>>, Embed>);
static_assert(!Serves<Retry<Breaker<ArchetypeProvider>>, Embed>);
static_assert(Serves<Fallback<Embedder, Embedder>, Embed>);
static_assert(!Serves<Fallback<Embedder, ArchetypeProvider>, Embed>,
              "a chain serves what all of its targets serve");
static_assert(std::is_same_v<ReplyOf<Embed>, Result<int>>);

TEST(Concepts, EveryWrapperWorksOnTheArchetype) {
  testing::TestLoop loop;
  auto inner = Fallback{ArchetypeProvider(1) | breaker(), ArchetypeProvider(2) | timeouts()};
  AnyProvider all(std::move(inner) | retry() | breaker() | timeouts());
  Call call = loop.call();
  ChatRequest const request("m");
  Result<ChatReply> const reply = loop.run(all(request, call));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::unsupported);
}

TEST(Concepts, PoliciesServeAnOperationTheyNeverHeardOf) {
  testing::TestLoop loop;
  auto stack =
      Fallback{Embedder{} | breaker() | timeouts() | retry(), Embedder{} | breaker() | timeouts() | retry()};
  Call call = loop.call();
  Embed const request;
  EXPECT_EQ(loop.run(stack(request, call)).value(), 42);
}

}  // namespace
}  // namespace lowart

// An own layer, from outside the library's namespace.
namespace {

template <lowart::Provider P>
struct Renamed {
  P inner;
  std::string_view name() const { return "renamed"; }
  template <lowart::Request R>
    requires lowart::Serves<P, R>
  lowart::Task<lowart::ReplyOf<R>> operator()(R const& request, lowart::Call& call) {
    return inner(request, call);
  }
};
struct RenamedLayer : lowart::PolicyLayer {
  template <lowart::Provider P>
  Renamed<P> wrap(P provider) const {
    return Renamed<P>{std::move(provider)};
  }
};
struct NotALayer {};

struct OwnProvider {
  std::string_view name() const { return "own"; }
  lowart::Task<lowart::Result<lowart::ChatReply>> operator()(lowart::ChatRequest const&, lowart::Call&) {
    co_return lowart::fail(lowart::Errc::internal, "own");
  }
};

template <class P, class L>
concept Pipes = requires(P provider, L layer) { std::move(provider) | layer; };
static_assert(Pipes<OwnProvider, RenamedLayer> && !Pipes<OwnProvider, NotALayer> &&
              !Pipes<int, RenamedLayer>);

TEST(Concepts, AnOwnLayerPipesLikeTheLibrarysOwn) {
  auto stack = OwnProvider{} | lowart::breaker() | RenamedLayer{} | lowart::retry();
  static_assert(std::is_same_v<decltype(stack), lowart::Retry<Renamed<lowart::Breaker<OwnProvider>>>>);
  EXPECT_EQ(stack.name(), "renamed");
}

}  // namespace
