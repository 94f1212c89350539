#include "price_table.hpp"

#include "catalogue.hpp"
#include "config_readers.hpp"

#include <algorithm>

namespace lowart::server {

NamedCard::NamedCard(std::string const& name, PriceCard made) : card(std::move(made)) {
  for (DatedPrice const& price : card.prices())
    names.push_back(price.from == DatedPrice::always ? name : name + "@" + day_text(price.from));
}

Priced NamedCard::price(Usage const& usage, PriceFacts const& facts) const noexcept {
  DatedPrice const* const dated = card.at(facts.started_at);
  if (dated == nullptr) return {};
  auto const at = static_cast<std::size_t>(dated - card.prices().data());
  return {.cost = cost(usage, *dated, facts), .price = names[at]};
}

NamedCard const* PriceTable::OfModel::find(Billed const& billed) const {
  for (OfTarget const& target : own)
    if (target.provider == billed.provider &&
        (target.model.empty() || name_matches(target.model, billed.upstream_model)))
      return &target.card;
  return usual ? &*usual : nullptr;
}

PriceTable::OfModel PriceTable::prices_of(ModelConfig const& model) {
  OfModel made{.name = model.name, .usual = {}, .own = {}, .providers = {}};
  if (model.price) made.usual.emplace("file:" + model.name, *model.price);
  made.has_volume = model.price && model.price->has_volume();
  bool const by_pattern = NamePattern::is_one(model.name);
  each_target(model.route, [&](TargetConfig const& target) {
    made.providers.push_back(target.provider);
    if (!target.price) return;
    made.has_volume = made.has_volume || target.price->has_volume();
    bool const is_clients = target.model.empty() && by_pattern;
    std::string const& own_name = target.model.empty() ? model.name : target.model;
    made.own.push_back({target.provider, is_clients ? std::string() : own_name,
                        NamedCard("file:" + model.name + "/" + target.provider, *target.price)});
  });
  return made;
}

PriceTable::PriceTable(Config const& config) {
  for (auto const& provider : config.providers) {
    if (provider.vendor == nullptr) continue;
    auto& models = listed_[provider.name];
    for (ListedModel const& model : provider.vendor->models)
      if (!model.price.empty())
        models.emplace(model.id,
                       NamedCard("catalogue:" + provider.vendor->id + "/" + model.id + "@" + model.priced_at,
                                 *PriceCard::make({model.price})));
  }
  for (auto const& model : config.models) {
    auto const prices = std::make_shared<OfModel const>(prices_of(model));
    has_volume_ = has_volume_ || prices->has_volume;
    models_.add(model.name, prices);
    for (auto const& alias : model.aliases) models_.add(alias, prices);
  }
}

NamedCard const* PriceTable::listed(std::string_view provider, std::string_view upstream_model) const {
  auto const vendor = listed_.find(provider);
  if (vendor == listed_.end()) return nullptr;
  auto const found = vendor->second.find(upstream_model);
  return found == vendor->second.end() ? nullptr : &found->second;
}

Priced PriceTable::price(Billed const& billed, Usage const& usage, std::int64_t used_before) const {
  auto const* const found = models_.find(billed.model);
  if (found == nullptr) return {};
  OfModel const& model = **found;
  NamedCard const* card = model.find(billed);
  bool const is_target =
      std::find(model.providers.begin(), model.providers.end(), billed.provider) != model.providers.end();
  if (card == nullptr && is_target) card = listed(billed.provider, billed.upstream_model);
  if (card == nullptr) return {};
  return card->price(usage, PriceFacts{.started_at = billed.started_at,
                                       .service_tier = billed.service_tier,
                                       .used_before = used_before});
}

Priced PriceTable::passed(Billed const& billed, Usage const& usage) const {
  NamedCard const* const card = listed(billed.provider, billed.upstream_model);
  if (card == nullptr) return {};
  return card->price(usage, PriceFacts{.started_at = billed.started_at, .service_tier = billed.service_tier});
}

std::string_view PriceTable::volume_of(std::string_view model) const {
  if (!has_volume_) return {};
  auto const* const found = models_.find(model);
  return found != nullptr && (*found)->has_volume ? std::string_view((*found)->name) : std::string_view();
}

std::int64_t MonthVolumes::used(std::string_view model, std::int64_t when) const {
  std::lock_guard const lock(mutex_);
  auto const found = tokens_.find({month_of(when), std::string(model)});
  return found == tokens_.end() ? 0 : found->second;
}

std::int64_t MonthVolumes::add(std::string_view model, std::int64_t when, std::int64_t tokens) {
  constexpr std::size_t most = 1024;  // two months of a few hundred models; older months are done with
  std::lock_guard const lock(mutex_);
  while (tokens_.size() > most) tokens_.erase(tokens_.begin());
  std::int64_t& used = tokens_[{month_of(when), std::string(model)}];
  std::int64_t const before = used;
  used = (NanoUsd(used) + NanoUsd(tokens)).count();  // saturates
  return before;
}

}  // namespace lowart::server
