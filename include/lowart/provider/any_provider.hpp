#pragma once
/// AnyProvider: any provider behind one type, for routes that are known at run time.

#include <lowart/provider/capability.hpp>
#include <lowart/provider/provider.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace lowart {

/// Any provider that serves at least one of the request types `R`. A request type that the held provider does
/// not serve is answered with Errc::unsupported.
///
/// Copies share the provider. Costs one virtual call per request; the parts of a reply pass without it.
/// Concurrency: as the held provider.
///
///     std::vector<AnyProvider> targets;
///     targets.emplace_back(OpenAi{options} | breaker());
template <Request... R>
class AnyProviderOf {
 public:
  template <class P>
    requires(!std::same_as<P, AnyProviderOf> && Provider<P> && (Serves<P, R> || ...))
  explicit AnyProviderOf(P provider) : held_(std::make_shared<Holder<P>>(std::move(provider))) {}

  std::string_view name() const { return held_->name(); }
  /// At which doors the held provider can serve.
  DoorSet doors() const { return held_->doors(); }

  template <Request Q>
    requires(std::same_as<Q, R> || ...)
  Task<ReplyOf<Q>> operator()(Q const& request, Call& call) {
    return static_cast<Asks<Q>&>(*held_).ask(request, call);
  }

 private:
  template <Request Q>
  struct Asks {
    virtual ~Asks() = default;
    virtual Task<ReplyOf<Q>> ask(Q const& request, Call& call) = 0;
  };
  struct Held : Asks<R>... {
    using Asks<R>::ask...;
    virtual std::string_view name() const = 0;
    virtual DoorSet doors() const = 0;
  };
  // One link of a chain of classes per request type: each implements its own ask().
  template <class P, class Base, class... Q>
  struct Implements : Base {
    using Base::Base;
  };
  template <class P, class Base, class First, class... Rest>
  struct Implements<P, Base, First, Rest...> : Implements<P, Base, Rest...> {
    using Implements<P, Base, Rest...>::Implements;
    using Implements<P, Base, Rest...>::ask;
    Task<ReplyOf<First>> ask(First const& request, Call& call) override {
      if constexpr (Serves<P, First>) return this->provider(request, call);
      else return refuse<First>(this->provider.name());
    }
  };
  template <class P>
  struct Holds : Held {
    explicit Holds(P p) : provider(std::move(p)) {}
    std::string_view name() const override { return provider.name(); }
    DoorSet doors() const override { return doors_of(provider); }
    P provider;
  };
  template <class P>
  struct Holder final : Implements<P, Holds<P>, R...> {
    using Implements<P, Holds<P>, R...>::Implements;
  };
  template <Request Q>
  static Task<ReplyOf<Q>> refuse(std::string_view name) {
    co_return fail(Errc::unsupported, std::string(name) + " does not serve " + std::string(Q::operation));
  }

  std::shared_ptr<Held> held_;
};

/// Serves every operation this library knows.
using AnyProvider = AnyProviderOf<ChatRequest, EmbeddingRequest, CountRequest, OperationRequest>;

static_assert(Provider<AnyProvider>);

}  // namespace lowart
