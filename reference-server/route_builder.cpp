#include "route_builder.hpp"

#include "config_readers.hpp"
#include "model_facts.hpp"
#include "provider_leaf.hpp"
#include "route_cache.hpp"
#include "route_shape.hpp"

#include <lowart/meter/counted.hpp>
#include <lowart/policy/balance.hpp>
#include <lowart/policy/breaker.hpp>
#include <lowart/policy/bulkhead.hpp>
#include <lowart/policy/cache.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/policy/for_model.hpp>
#include <lowart/policy/hedge.hpp>
#include <lowart/policy/limited.hpp>
#include <lowart/policy/resume.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/policy/timeouts.hpp>
#include <lowart/policy/when.hpp>
#include <lowart/provider/http_passthrough.hpp>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

namespace lowart::server {

namespace {

/// The model that a target asks for, and what breakers and metrics call it: for a pattern the name is the client's.
std::string upstream_model(TargetConfig const& target, ModelConfig const& model) {
  return target.model.empty() ? model.name : target.model;
}

/// A model's breaker counts what concerns that model, its key's what concerns every model, its target's what concerns
/// every key.
constexpr BreakerScope scope_of_key{.key = true, .model_of_key = false, .target = false};
constexpr BreakerScope scope_of_model_of_key{.key = false, .model_of_key = true, .target = false};
constexpr BreakerScope scope_of_target{.key = false, .model_of_key = false, .target = true};
constexpr BreakerScope scope_of_model{.key = false, .model_of_key = true, .target = true};

/// What a key is refused that one client brought is no matter of the others'.
bool asks_with_client_keys(ProviderConfig const& config) {
  return config.client_key && config.api_keys.empty();
}

BreakerScope scope_around(ProviderConfig const& config, BreakerScope scope) {
  if (asks_with_client_keys(config)) scope.key = scope.model_of_key = false;
  return scope;
}

/// Maps the client's name to the target's, where the two differ.
AnyProvider under_its_name(AnyProvider answer, TargetConfig const& target, ModelConfig const& model) {
  bool const by_pattern = NamePattern::is_one(model.name);
  if (target.model.empty() && by_pattern) return answer;
  if (by_pattern && NamePattern::is_one(target.model))
    return AnyProvider(ForPattern(std::move(answer), model.name, target.model));
  return AnyProvider(ForModel(std::move(answer), upstream_model(target, model)));
}

/// What a group within a model is called in metrics. One with a name of its own is the same in every model.
std::string pool_name(GroupConfig const& group, ModelConfig const& model, std::string const& route) {
  return group.name.empty() ? model.name + " " + route : "group " + group.name;
}

}  // namespace

AnyProvider RouteBuilder::answer_for(ModelConfig const& model) {
  return build(model.route, model, model.name);
}

AnyProvider RouteBuilder::build(RouteConfig const& route, ModelConfig const& model) {
  if (auto const* group = std::get_if<GroupConfig>(&route.is))
    return build(*group, model, pool_name(*group, model, route.name));
  if (auto const* when = std::get_if<WhenConfig>(&route.is)) return build(*when, model);
  auto const& target = std::get<TargetConfig>(route.is);
  return shaped_by(build(target, model), target.shape, made_, before_, model);
}

AnyProvider RouteBuilder::build(GroupConfig const& group, ModelConfig const& model, std::string const& pool) {
  std::vector<AnyProvider> members;
  for (auto const& member : group.members) members.push_back(build(member, model));
  AnyProvider answer = balanced(group, model, pool, members);
  if (group.resume)
    answer = AnyProvider(
        Resume(std::move(answer), AnyFallback(std::move(members)), *group.resume, resumes_of(model.name)));
  if (group.bulkhead) answer = AnyProvider(std::move(answer) | bulkhead(places_of(pool, *group.bulkhead)));
  if (group.timeouts) answer = AnyProvider(std::move(answer) | timeouts(*group.timeouts));
  if (group.retry) answer = AnyProvider(std::move(answer) | retry(*group.retry));
  answer = shaped_by(std::move(answer), group.shape, made_, before_, model);
  if (group.cache)
    answer = AnyProvider(std::move(answer) |
                         cached(cache_of(made_, before_, group, model), cache_scope(group, model)));
  return answer;
}

/// A group of one is that one: nothing stands between, unless it is hedged by itself.
AnyProvider RouteBuilder::balanced(GroupConfig const& group, ModelConfig const& model,
                                   std::string const& pool, std::vector<AnyProvider> members) {
  if (members.size() == 1 && !group.hedge) return members.front();
  AnyFallback chain(std::move(members));
  auto const hedged = [&](auto tried) {
    if (!group.hedge) return AnyProvider(std::move(tried));
    return AnyProvider(Hedge(std::move(tried), hedge_of(group, pool)));
  };
  if (!group.balance) return hedged(std::move(chain));
  std::vector<Candidate> candidates;
  for (auto const& member : group.members) candidates.push_back(candidate(member, model));
  return hedged(AnyBalance(*group.balance, std::move(chain), std::move(candidates),
                           group.failover ? goes_on : never_goes_on));
}

/// What a target costs is its own affair; of anything else it is not known who will answer.
Candidate RouteBuilder::candidate(RouteConfig const& route, ModelConfig const& model) {
  auto const* const target = std::get_if<TargetConfig>(&route.is);
  return Candidate{
      .name = route.name,
      .weight = route.weight,
      .price = target != nullptr ? price_of(*target, model) : price_today(model.price.value_or(PriceCard())),
      .load = load_of(model.name, route.name)};
}

Price RouteBuilder::price_of(TargetConfig const& target, ModelConfig const& model) const {
  return facts_of(provider(target.provider), target, model, upstream_model(target, model)).price;
}

AnyProvider RouteBuilder::build(WhenConfig const& when, ModelConfig const& model) {
  AnyProvider then = build(when.then.front(), model);
  if (when.otherwise.empty()) return AnyProvider(When(when.condition, std::move(then)));
  return AnyProvider(When(when.condition, std::move(then), build(when.otherwise.front(), model)));
}

template <class Make>
auto RouteBuilder::with_leaf(ProviderConfig const& config, Secret const& key, Make&& make) {
  auto const transport = made_.transports.find(config.name);
  return with_provider(config, key, transport == made_.transports.end() ? nullptr : &transport->second,
                       fetched_for(config), make);
}

/// Behind one type, so that what stands around it is compiled once.
AnyProvider RouteBuilder::leaf_of(ProviderConfig const& config, Secret const& key) {
  return with_leaf(config, key, [](auto leaf) { return AnyProvider(std::move(leaf)); });
}

void RouteBuilder::note_pattern(ModelConfig const& model, std::string const& pattern) {
  constexpr Clocks patience{.connect = std::chrono::seconds(2),
                            .first_token = std::chrono::seconds(5),
                            .between_tokens = std::chrono::seconds(5),
                            .whole = std::chrono::seconds(5)};
  each_target(model.route, [&](TargetConfig const& target) {
    auto const own_price = target.price ? target.price : model.price;
    made_.pattern_targets.push_back(
        PatternTarget{model.name, pattern, target.provider, target.model, own_price});
    ProviderConfig const& config = provider(target.provider);
    bool const is_known =
        std::any_of(made_.backends.begin(), made_.backends.end(),
                    [&](Backend const& backend) { return backend.provider == config.name; });
    if (is_known) return;
    Secret const key = config.api_keys.empty() ? Secret() : config.api_keys.front();
    with_leaf(config, key, [&](auto leaf) {
      if constexpr (Serves<decltype(leaf), ModelOffersRequest>)
        made_.backends.push_back(Backend{config.name, Backend::Lister(std::move(leaf) | timeouts(patience))});
    });
  });
}

PassthroughRouter::Target RouteBuilder::passthrough_to(ProviderConfig const& config) {
  using Target = PassthroughRouter::Target;
  Secret const key = config.api_keys.empty() ? Secret() : config.api_keys.front();
  auto bare = with_leaf(config, key, [](auto leaf) -> std::optional<Target> {
    if constexpr (requires { Passthrough(leaf); }) return Target(Passthrough(std::move(leaf)));
    else return std::nullopt;
  });
  // The configuration has seen to it that there is one.
  Target target(*std::move(bare) | timeouts(config.timeouts));
  if (!config.limits.none())
    target = Target(std::move(target) | limited({limit_of(config.name, "", config.limits)}));
  target = Target(std::move(target) |
                  breakers({breaker_of(config, "", 0, scope_around(config, scope_of_key)),
                            breaker_of(config, "passthrough", 0, scope_around(config, scope_of_model))}));
  if (config.bulkhead)
    target = Target(std::move(target) | bulkhead(places_of("provider " + config.name, *config.bulkhead)));
  return target;
}

AnyProvider RouteBuilder::build(TargetConfig const& target, ModelConfig const& model) {
  ProviderConfig const& config = provider(target.provider);
  std::string const asked = upstream_model(target, model);
  auto const limits = limits_of(config, target, model);
  bool const by_pattern = NamePattern::is_one(model.name);
  auto const places = places_of(config, target, asked);
  if (!limits && places.empty() && config.api_keys.size() < 2 && !by_pattern) {
    Secret const key = config.api_keys.empty() ? Secret() : config.api_keys.front();
    auto const guards = breakers({breaker_of(config, "", 0, scope_around(config, scope_of_key)),
                                  breaker_of(config, asked, 0, scope_around(config, scope_of_model))});
    return AnyProvider(ForModel(
        leaf_of(config, key) | counted() | timeouts(config.timeouts) | guards | retry(config.retry), asked));
  }
  AnyProvider answer = keyed(config, asked, limits);
  for (auto const& narrow : places) answer = AnyProvider(std::move(answer) | bulkhead(narrow));
  return under_its_name(AnyProvider(std::move(answer) | retry(config.retry)), target, model);
}

/// One leaf for each key, with a breaker for the key and one for this model with it: what one key is refused does not
/// keep calls from the others. What the target itself does wrong is one breaker's affair, around all keys.
AnyProvider RouteBuilder::keyed(ProviderConfig const& config, std::string const& model,
                                std::optional<LimitedLayer> const& limits) {
  std::vector<AnyProvider> members;
  std::vector<Candidate> candidates;
  std::vector<Secret> keys = config.api_keys;
  if (keys.empty()) keys.emplace_back();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto leaf = AnyProvider(leaf_of(config, keys[i]) | counted() | timeouts(config.timeouts));
    if (limits) leaf = AnyProvider(std::move(leaf) | *limits);
    if (keys.size() < 2)
      return AnyProvider(std::move(leaf) |
                         breakers({breaker_of(config, "", 0, scope_around(config, scope_of_key)),
                                   breaker_of(config, model, 0, scope_around(config, scope_of_model))}));
    members.emplace_back(std::move(leaf) |
                         breakers({breaker_of(config, "", i + 1, scope_of_key),
                                   breaker_of(config, model, i + 1, scope_of_model_of_key)}));
    std::string name = config.name + "/" + model + "#" + std::to_string(i + 1);
    auto load = load_of(config.name, name);
    candidates.push_back(Candidate{.name = std::move(name), .load = std::move(load)});
  }
  AnyBalance balance(config.key_balance, AnyFallback(std::move(members)), std::move(candidates),
                     another_key_may_do);
  return AnyProvider(std::move(balance) | breaker(breaker_of(config, model, 0, scope_of_target)));
}

/// What all targets of a provider show.
FetchedCredentials RouteBuilder::fetched_for(ProviderConfig const& config) const {
  auto const found = made_.fetched.find(config.name);
  return found == made_.fetched.end() ? FetchedCredentials() : found->second;
}

ProviderConfig const& RouteBuilder::provider(std::string const& name) const {
  return *find_provider(made_.config.providers, name);
}

/// Those of the target and of its provider, as far as there are any.
std::optional<LimitedLayer> RouteBuilder::limits_of(ProviderConfig const& config, TargetConfig const& target,
                                                    ModelConfig const& model) {
  LimitTicket::LimitList limits;
  if (!target.limits.none())
    limits.push_back(limit_of(config.name, upstream_model(target, model), target.limits));
  if (!config.limits.none()) limits.push_back(limit_of(config.name, "", config.limits));
  if (limits.empty()) return std::nullopt;
  return limited(std::move(limits), [price_of = made_.price_of, name = model.name, provider = config.name](
                                        std::string_view upstream, Usage const& usage) {
    return price_of(Billed{.model = name,
                           .provider = provider,
                           .upstream_model = upstream,
                           .started_at = moment_now().utc},
                    usage)
        .cost;
  });
}

/// One for a provider's model, or for a provider as a whole; what is used of it lives on over reloads.
std::shared_ptr<TargetLimit> RouteBuilder::limit_of(std::string const& provider, std::string const& model,
                                                    Limits const& limits) {
  auto const is_it = [&](NamedLimit const& l) { return l.provider == provider && l.model == model; };
  for (auto const& here : made_.target_limits)
    if (is_it(here) && here.limits == limits) return here.limit;
  auto const is_taken = [&](NamedLimit const& old) {
    return std::any_of(made_.target_limits.begin(), made_.target_limits.end(),
                       [&](NamedLimit const& l) { return l.limit == old.limit; });
  };
  std::string subject = model.empty() ? "provider " + provider : "target " + provider + "/" + model;
  std::shared_ptr<TargetLimit> limit;
  if (before_ != nullptr)
    for (auto const& old : before_->target_limits)
      if (is_it(old) && !is_taken(old) && (!limit || old.limits == limits)) limit = old.limit;
  if (limit) {
    limit->state.change(limits, moment_now(), std::move(subject));
  } else {
    limit = std::make_shared<TargetLimit>(limits, moment_now(), std::move(subject));
    limit->on_notice = [on_limit = made_.on_limit](LimitNotice const& notice) {
      if (notice.first && on_limit) on_limit(notice);
    };
  }
  made_.target_limits.push_back(NamedLimit{provider, model, limits, limit});
  return limit;
}

/// One for a provider's model, whichever routes lead there; without a model: for all of them. `key` counts from 1 where
/// there are several, 0 is every key. Its state lives on over reloads.
std::shared_ptr<BreakerState> RouteBuilder::breaker_of(ProviderConfig const& config, std::string const& model,
                                                       std::size_t key, BreakerScope scope) {
  BreakerOptions options = config.breaker;
  options.scope = scope;
  auto const find = [&](std::vector<NamedBreaker> const& all) -> std::shared_ptr<BreakerState> {
    for (auto const& b : all)
      if (b.provider == config.name && b.model == model && b.key == key && b.state->options() == options)
        return b.state;
    return nullptr;
  };
  if (auto here = find(made_.breakers)) return here;
  auto state = before_ != nullptr ? find(before_->breakers) : nullptr;
  if (!state) state = std::make_shared<BreakerState>(options);
  made_.breakers.push_back(NamedBreaker{config.name, model, key, state});
  return state;
}

/// How often answers of a model were gone on with, by whichever of its groups.
std::shared_ptr<ResumeCounts> RouteBuilder::resumes_of(std::string const& model) {
  auto& counts = made_.resumes[model];
  if (counts) return counts;
  if (before_ != nullptr)
    if (auto const old = before_->resumes.find(model); old != before_->resumes.end()) counts = old->second;
  if (!counts) counts = std::make_shared<ResumeCounts>();
  return counts;
}

/// What is known of one of several that a pool (a model, or a provider with several keys) spreads its calls over.
std::shared_ptr<TargetLoad> RouteBuilder::load_of(std::string const& pool, std::string const& target) {
  auto const find = [&](std::vector<NamedLoad> const& all) -> std::shared_ptr<TargetLoad> {
    for (auto const& l : all)
      if (l.pool == pool && l.target == target) return l.load;
    return nullptr;
  };
  if (auto here = find(made_.loads)) return here;
  auto load = before_ != nullptr ? find(before_->loads) : nullptr;
  if (!load) load = std::make_shared<TargetLoad>();
  made_.loads.push_back(NamedLoad{pool, target, load});
  return load;
}

}  // namespace lowart::server
