#pragma once
/// RouteBuilder: makes the providers of a snapshot out of what its configuration says.

#include "snapshot.hpp"

#include <lowart/provider/any_provider.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lowart::server {

/// Builds routes into a snapshot whose transports are there already, and notes in it whose health and load they know.
/// What is known of a target (its breaker, its load, its limits) is taken over from `before`, which may be null.
class RouteBuilder {
 public:
  RouteBuilder(Snapshot& made, Snapshot const* before) : made_(made), before_(before) {}

  AnyProvider answer_for(ModelConfig const& model);
  /// The rest of a provider's API. With several keys it is the first: what one has uploaded, another may not see.
  PassthroughRouter::Target passthrough_to(ProviderConfig const& config);
  /// Notes what a pattern leads to, and how its providers are asked what they have.
  void note_pattern(ModelConfig const& model, std::string const& pattern);

 private:
  AnyProvider build(RouteConfig const& route, ModelConfig const& model);
  AnyProvider build(GroupConfig const& group, ModelConfig const& model, std::string const& pool);
  AnyProvider build(WhenConfig const& when, ModelConfig const& model);
  AnyProvider build(TargetConfig const& target, ModelConfig const& model);
  AnyProvider balanced(GroupConfig const& group, ModelConfig const& model, std::string const& pool,
                       std::vector<AnyProvider> members);
  Candidate candidate(RouteConfig const& route, ModelConfig const& model);
  Price price_of(TargetConfig const& target, ModelConfig const& model) const;

  template <class Make>
  auto with_leaf(ProviderConfig const& config, Secret const& key, Make&& make);
  AnyProvider leaf_of(ProviderConfig const& config, Secret const& key);
  AnyProvider keyed(ProviderConfig const& config, std::string const& model,
                    std::optional<LimitedLayer> const& limits);

  FetchedCredentials fetched_for(ProviderConfig const& config) const;
  ProviderConfig const& provider(std::string const& name) const;
  std::optional<LimitedLayer> limits_of(ProviderConfig const& config, TargetConfig const& target,
                                        ModelConfig const& model);
  std::shared_ptr<TargetLimit> limit_of(std::string const& provider, std::string const& model,
                                        Limits const& limits);
  std::shared_ptr<BreakerState> breaker_of(ProviderConfig const& config, std::string const& model,
                                           std::size_t key, BreakerScope scope);
  std::shared_ptr<HedgeState> hedge_of(GroupConfig const& group, std::string const& pool);
  std::shared_ptr<ResumeCounts> resumes_of(std::string const& model);
  std::vector<std::shared_ptr<BulkheadPlaces>> places_of(ProviderConfig const& config,
                                                         TargetConfig const& target,
                                                         std::string const& model);
  std::shared_ptr<BulkheadPlaces> places_of(std::string const& name, BulkheadOptions options);
  std::shared_ptr<TargetLoad> load_of(std::string const& pool, std::string const& target);

  Snapshot& made_;
  Snapshot const* before_;
};

}  // namespace lowart::server
