#pragma once
/// What the configuration and the catalogue know of a model, for lists and for prices.

#include "config.hpp"

#include <lowart/gateway/model_list.hpp>
#include <lowart/model/model_offers.hpp>

#include <string_view>

namespace lowart::server {

/// What tokens, pictures and so on cost today in the usual tier; nothing where no price holds.
Price price_today(PriceCard const& card);

/// Of a target that asks its provider for `asked`. A price in the file stands before the catalogue's.
ModelFacts facts_of(ProviderConfig const& provider, TargetConfig const& target, ModelConfig const& model,
                    std::string_view asked);

/// Of a model that a provider offers, which knows best how much fits in.
ModelFacts facts_of(ProviderConfig const& provider, ModelOffer const& offer);

/// What a client can count on whichever of two targets answers: the smaller context and output, the types and
/// capabilities of both, and the higher price of each class. What is not known of one of them is not known.
ModelFacts common(ModelFacts const& a, ModelFacts const& b);

}  // namespace lowart::server
