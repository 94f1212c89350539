#include "model_facts.hpp"

#include "catalogue.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace lowart::server {

namespace {

ModelFacts listed_facts(Vendor const* vendor, std::string_view model) {
  ListedModel const* const listed = find_listed(vendor, model);
  if (listed == nullptr) return {};
  return ModelFacts{.context_tokens = listed->context_tokens,
                    .output_tokens = listed->output_tokens,
                    .types = listed->types,
                    .capabilities = listed->capabilities,
                    .price = listed->price.price};
}

std::vector<std::string> in_both(std::vector<std::string> const& a, std::vector<std::string> const& b) {
  std::vector<std::string> both;
  for (auto const& word : a)
    if (std::find(b.begin(), b.end(), word) != b.end()) both.push_back(word);
  return both;
}

/// A target without any price is free on the bill, and a class without one of its own costs what its kind does.
Price higher(Price const& a, Price const& b) {
  Price price;
  for (std::size_t i = 0; i < usage_class_count; ++i) {
    auto const usage_class = static_cast<UsageClass>(i);
    if (a.own(usage_class) || b.own(usage_class))
      price.set(usage_class, std::max(a.per_million(usage_class), b.per_million(usage_class)));
  }
  return price;
}

}  // namespace

Price price_today(PriceCard const& card) {
  using namespace std::chrono;
  auto const now = duration_cast<microseconds>(system_clock::now().time_since_epoch());
  DatedPrice const* const dated = card.at(now.count());
  return dated == nullptr ? Price{} : dated->price;
}

ModelFacts facts_of(ProviderConfig const& provider, TargetConfig const& target, ModelConfig const& model,
                    std::string_view asked) {
  ModelFacts facts = listed_facts(provider.vendor, asked);
  if (target.price) facts.price = price_today(*target.price);
  else if (model.price) facts.price = price_today(*model.price);
  return facts;
}

ModelFacts facts_of(ProviderConfig const& provider, ModelOffer const& offer) {
  ModelFacts facts = listed_facts(provider.vendor, offer.id);
  if (offer.context_tokens > 0) facts.context_tokens = offer.context_tokens;
  return facts;
}

ModelFacts common(ModelFacts const& a, ModelFacts const& b) {
  return ModelFacts{.context_tokens = std::min(a.context_tokens, b.context_tokens),
                    .output_tokens = std::min(a.output_tokens, b.output_tokens),
                    .types = in_both(a.types, b.types),
                    .capabilities = in_both(a.capabilities, b.capabilities),
                    .price = higher(a.price, b.price)};
}

}  // namespace lowart::server
