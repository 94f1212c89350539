#pragma once
/// `provider | retry() | breaker()`: policies read in the order in which they are put around a provider.

#include <lowart/provider/provider.hpp>

#include <concepts>
#include <utility>

namespace lowart {

/// Base of every layer, so that `|` is found for it. An own layer derives from this and has
/// `template <Provider P> Mine<P> wrap(P provider) const`.
struct PolicyLayer {};

template <class L, class P>
concept LayerOver = std::derived_from<L, PolicyLayer> && requires(L const& layer, P provider) {
  { layer.wrap(std::move(provider)) } -> Provider;
};

/// The provider, wrapped. The rightmost layer is the outermost: `p | retry() | breaker()` is
/// Breaker<Retry<P>>, whose breaker sees a whole run of attempts as one; `p | breaker() | retry()` is
/// Retry<Breaker<P>>, which shows it each.
///
/// Returns the layer's own type and deduces nothing, so that `x | retry() | retry()` wraps twice.
template <Provider P, LayerOver<P> L>
[[nodiscard]] auto operator|(P provider, L const& layer) {
  return layer.wrap(std::move(provider));
}

}  // namespace lowart
