/// What groups and queues know of their calls, and keep over reloads.

#include "route_builder.hpp"

#include <algorithm>

namespace lowart::server {

/// One for a group, as long as it asks the same targets in the same way; what it has learned lives on over reloads.
std::shared_ptr<HedgeState> RouteBuilder::hedge_of(GroupConfig const& group, std::string const& pool) {
  NamedHedge hedge{.pool = pool, .targets = {}, .state = nullptr};
  for (auto const& member : group.members) hedge.targets.push_back(member.name);
  auto const find = [&](std::vector<NamedHedge> const& all) -> std::shared_ptr<HedgeState> {
    for (auto const& h : all)
      if (h.pool == pool && h.targets == hedge.targets && h.state->options() == *group.hedge) return h.state;
    return nullptr;
  };
  if (auto here = find(made_.hedges)) return here;
  hedge.state = before_ != nullptr ? find(before_->hedges) : nullptr;
  if (!hedge.state) hedge.state = std::make_shared<HedgeState>(group.members.size(), *group.hedge);
  made_.hedges.push_back(hedge);
  return hedge.state;
}

/// Those of the provider and of the target, as far as there are any: in this order around the provider, so that whoever
/// waits for the provider holds a place of its target already, and never the other way round.
std::vector<std::shared_ptr<BulkheadPlaces>> RouteBuilder::places_of(ProviderConfig const& config,
                                                                     TargetConfig const& target,
                                                                     std::string const& model) {
  std::vector<std::shared_ptr<BulkheadPlaces>> places;
  if (config.bulkhead) places.push_back(places_of("provider " + config.name, *config.bulkhead));
  if (target.bulkhead) places.push_back(places_of("target " + config.name + "/" + model, *target.bulkhead));
  return places;
}

/// One for whatever has this name. Who waits or is inside at a reload stays so; where two say different things of the same
/// target, each has its own.
std::shared_ptr<BulkheadPlaces> RouteBuilder::places_of(std::string const& name, BulkheadOptions options) {
  for (auto const& here : made_.bulkheads)
    if (here.name == name && here.options == options) return here.places;
  auto const is_taken = [&](NamedBulkhead const& old) {
    return std::any_of(made_.bulkheads.begin(), made_.bulkheads.end(),
                       [&](NamedBulkhead const& b) { return b.places == old.places; });
  };
  std::shared_ptr<BulkheadPlaces> places;
  if (before_ != nullptr)
    for (auto const& old : before_->bulkheads)
      if (old.name == name && !is_taken(old) && (!places || old.options == options)) places = old.places;
  if (places) places->change(options);
  else places = std::make_shared<BulkheadPlaces>(options);
  made_.bulkheads.push_back(NamedBulkhead{name, options, places});
  return places;
}

}  // namespace lowart::server
