#include "model_facts.hpp"

#include "catalogue.hpp"

namespace lowart::server {

namespace {

ModelFacts listed_facts(Vendor const* vendor, std::string_view model) {
  ListedModel const* const listed = find_listed(vendor, model);
  if (listed == nullptr) return {};
  return ModelFacts{.context_tokens = listed->context_tokens,
                    .output_tokens = listed->output_tokens,
                    .types = listed->types,
                    .capabilities = listed->capabilities,
                    .price = listed->price};
}

}  // namespace

Price listed_price(Vendor const* vendor, std::string_view model) {
  ListedModel const* const listed = find_listed(vendor, model);
  return listed == nullptr ? Price{} : listed->price;
}

ModelFacts facts_of(ProviderConfig const& provider, TargetConfig const& target, ModelConfig const& model,
                    std::string_view asked) {
  ModelFacts facts = listed_facts(provider.vendor, asked);
  if (target.price) facts.price = *target.price;
  else if (model.price) facts.price = *model.price;
  return facts;
}

ModelFacts facts_of(ProviderConfig const& provider, ModelOffer const& offer) {
  ModelFacts facts = listed_facts(provider.vendor, offer.id);
  if (offer.context_tokens > 0) facts.context_tokens = offer.context_tokens;
  return facts;
}

}  // namespace lowart::server
