#pragma once
/// RouteConfig: who answers for a model, as a tree of targets, groups and conditions.

#include <lowart/core/call.hpp>
#include <lowart/meter/limits.hpp>
#include <lowart/meter/price.hpp>
#include <lowart/meter/price_card.hpp>
#include <lowart/policy/answer_cache.hpp>
#include <lowart/policy/bulkhead_state.hpp>
#include <lowart/policy/hedge_decision.hpp>
#include <lowart/policy/resume_decision.hpp>
#include <lowart/policy/retry_decision.hpp>
#include <lowart/policy/selection.hpp>
#include <lowart/policy/shape_decision.hpp>
#include <lowart/policy/when.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace lowart::server {

struct ProviderConfig;
class YamlMap;
struct RouteConfig;

/// One model of one provider.
struct TargetConfig {
  std::string provider;
  std::string model;  ///< To ask for; empty: the model's own name, or the client's where that is a pattern.
  Limits limits;
  std::optional<BulkheadOptions> bulkhead;
  std::optional<PriceCard> price;  ///< Unset: the model's.
  std::optional<ShapeOptions> shape;
  bool enabled{true};
  int priority{0};  ///< Before those of higher ones; as they stand where it is the same.
};

/// Where the answers of a group are kept.
struct CacheConfig {
  CacheOptions options;
  bool shared{false};  ///< Between API keys.
  friend bool operator==(CacheConfig const&, CacheConfig const&) = default;
};

/// Several routes, of which one answers.
struct GroupConfig {
  std::vector<RouteConfig> members;
  std::optional<AnySelection> balance;      ///< Unset: in order.
  bool failover{true};                      ///< Whether the next one is asked when one fails.
  std::optional<RetryOptions> retry;        ///< Of the group as a whole.
  std::optional<Clocks> timeouts;           ///< The same; its zeros are clocks that do not run.
  std::optional<BulkheadOptions> bulkhead;  ///< Places for the group's calls.
  std::optional<HedgeOptions> hedge;        ///< Whether the next one is asked beside one that is slow.
  std::string name;                         ///< Of a NamedGroup, which all that refer to it share.
  std::optional<ResumeOptions> resume;      ///< Set: streams that break are gone on with.
  std::optional<ShapeOptions> shape;        ///< Of what all of it is asked.
  std::optional<CacheConfig> cache;         ///< Around all of it.
};

/// One route or another, by what the request is.
struct WhenConfig {
  Condition condition;
  std::vector<RouteConfig> then;       ///< One.
  std::vector<RouteConfig> otherwise;  ///< One or none.
};

struct RouteConfig {
  std::variant<TargetConfig, GroupConfig, WhenConfig> is;
  std::string name;  ///< Tells it from its siblings, also after a restart.
  double weight{1};
};

/// A group that has a name, for models that share it.
struct NamedGroup {
  std::string name;
  GroupConfig group;
};

/// What a route of a file may be made of.
struct RouteParts {
  std::vector<ProviderConfig> const& providers;
  std::vector<NamedGroup> const& groups;  ///< Those that stand above it, so that none can lead to itself.
};

/// How deep routes may nest, and how many targets they may have, those of their groups included.
inline constexpr int deepest_route = 8;
inline constexpr std::size_t most_targets = 256;

/// Reads `balance` and what belongs to it; unset where the block has none.
std::optional<AnySelection> read_selection(YamlMap& map);

/// Reads `resume`; unset where the block has none.
std::optional<ResumeOptions> read_resume(YamlMap& parent);

/// Reads a block with `targets` in it: a model's or a group's. Asks for its own names only.
GroupConfig read_group(YamlMap& map, RouteParts const& parts, int depth = 1);

/// Takes those targets out of a route for which `keep` is false, and what is left without any.
void keep_targets(GroupConfig& group, std::function<bool(TargetConfig const&)> const& keep);
/// Calls `f` for every target of a route, in the order of the file.
void each_target(GroupConfig const& group, std::function<void(TargetConfig const&)> const& f);
/// The same for every route in it, groups and conditions included.
void each_part(GroupConfig const& group, std::function<void(RouteConfig const&)> const& f);
/// The same for every condition.
void each_condition(GroupConfig const& group, std::function<void(Condition const&)> const& f);

}  // namespace lowart::server
