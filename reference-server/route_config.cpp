#include "route_config.hpp"

#include "cache_config.hpp"
#include "config_readers.hpp"
#include "limits_config.hpp"
#include "price_config.hpp"
#include "shape_config.hpp"
#include "yaml_reader.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::server {

namespace {

template <class T>
struct Named {
  std::string_view name;
  T value;
};
template <class T, std::size_t N>
std::optional<T> find_named(std::array<Named<T>, N> const& table, std::string_view name) {
  auto const found =
      std::find_if(table.begin(), table.end(), [name](Named<T> const& e) { return e.name == name; });
  return found == table.end() ? std::nullopt : std::optional<T>(found->value);
}
/// "'NAME' is one of a, b, not 'TEXT'"
template <class T, std::size_t N>
std::string not_one_of(std::array<Named<T>, N> const& table, std::string_view name, std::string_view text) {
  std::string message;
  for (auto const& entry : table) message.append(message.empty() ? "" : ", ").append(entry.name);
  return "'" + std::string(name) + "' is one of " + message + ", not '" + std::string(text) + "'";
}

constexpr std::array<Named<StickyBy>, 4> sticky_names{{{"key", StickyBy::key},
                                                       {"user", StickyBy::user},
                                                       {"conversation", StickyBy::conversation},
                                                       {"header", StickyBy::header}}};

using MakeSelection = AnySelection (*)();
constexpr std::array<Named<MakeSelection>, 6> selection_names{
    {{"priority", [] { return AnySelection(Priority{}); }},
     {"weighted", [] { return AnySelection(WeightedRandom{}); }},
     {"least_in_flight", [] { return AnySelection(LeastInFlight{}); }},
     {"power_of_two", [] { return AnySelection(PowerOfTwo{}); }},
     {"cheapest", [] { return AnySelection(Cheapest{}); }},
     {"sticky", [] { return AnySelection(Sticky{}); }}}};

/// The name of a header field, as clients' fields are asked for; empty when it cannot be one.
std::string field_name(std::string name) {
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    bool const fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!fits) return {};
  }
  return name;
}

Sticky read_sticky(YamlMap& map) {
  Sticky sticky;
  std::string by = "conversation";
  map.text("by", by);
  if (auto const known = find_named(sticky_names, by)) sticky.by = *known;
  else map.wrong("by", not_one_of(sticky_names, "by", by));
  if (sticky.by != StickyBy::header) return sticky;
  map.text("header", sticky.header);
  sticky.header = field_name(std::move(sticky.header));
  if (sticky.header.empty()) map.wrong("header", "'by: header' needs a 'header', the name of a field");
  return sticky;
}

TargetConfig read_target(YamlMap& map, RouteParts const& parts) {
  TargetConfig target;
  map.text("provider", target.provider);
  map.text("model", target.model);
  read_rates(map, target.limits);
  read_bulkhead(map, target.bulkhead);
  read_price(map, target.price);
  target.shape = read_shape(map);
  map.flag("enabled", target.enabled);
  map.integer("priority", target.priority, -1'000'000, 1'000'000);
  if (target.provider.empty()) map.wrong("a target needs a 'provider'");
  else if (find_provider(parts.providers, target.provider) == nullptr)
    map.wrong("provider", "no provider '" + target.provider + "' is configured");
  return target;
}

void read_headers(YamlMap& map, std::vector<HeaderTest>& headers) {
  map.each("headers", [&](YamlMap& field) {
    HeaderTest test;
    field.text("name", test.name);
    field.texts("values", test.patterns);
    test.name = field_name(std::move(test.name));
    if (test.name.empty()) field.wrong("name", "a header needs a 'name': letters, digits, - and _");
    if (test.patterns.empty()) test.patterns.emplace_back("*");
    field.finish();
    headers.push_back(std::move(test));
  });
}

Condition read_condition(YamlMap& parent) {
  constexpr std::int64_t most = 1'000'000'000;
  Condition condition;
  auto map = parent.map("when");
  if (!map) return condition;
  read_headers(*map, condition.headers);
  map->texts("keys", condition.keys);
  map->integer("min_input_tokens", condition.min_input_tokens, 0, most);
  map->integer("max_input_tokens", condition.max_input_tokens, 0, most);
  map->flag("streamed", condition.streamed);
  map->flag("tools", condition.tools);
  map->flag("images", condition.images);
  map->finish();
  return condition;
}

std::string too_deep() { return "routes nest at most " + std::to_string(deepest_route) + " deep"; }

RouteConfig read_route(YamlMap& map, RouteParts const& parts, int depth, bool in_balance);

WhenConfig read_when(YamlMap& map, RouteParts const& parts, int depth) {
  WhenConfig when;
  when.condition = read_condition(map);
  if (auto then = map.map("then")) when.then.push_back(read_route(*then, parts, depth + 1, false));
  else map.wrong("a 'when' needs a 'then'");
  if (auto otherwise = map.map("else"))
    when.otherwise.push_back(read_route(*otherwise, parts, depth + 1, false));
  return when;
}

/// How many levels a route has; a target is one.
int levels_of(RouteConfig const& route);
int levels_of(std::vector<RouteConfig> const& routes) {
  int most = 0;
  for (auto const& route : routes) most = std::max(most, levels_of(route));
  return most;
}
int levels_of(RouteConfig const& route) {
  if (auto const* group = std::get_if<GroupConfig>(&route.is)) return 1 + levels_of(group->members);
  if (auto const* when = std::get_if<WhenConfig>(&route.is))
    return 1 + std::max(levels_of(when->then), levels_of(when->otherwise));
  return 1;
}

GroupConfig read_reference(YamlMap& map, RouteParts const& parts, int depth) {
  std::string name;
  map.text("group", name);
  auto const found = std::find_if(parts.groups.begin(), parts.groups.end(),
                                  [&](NamedGroup const& group) { return group.name == name; });
  if (found != parts.groups.end() && depth + levels_of(found->group.members) > deepest_route)
    map.wrong("group", too_deep());
  else if (found != parts.groups.end()) return found->group;
  else map.wrong("group", "no group '" + name + "' stands above this; a group may name those above it only");
  return {};
}

/// What tells a route from its siblings: its provider and model, or those of its parts.
std::string name_of(RouteConfig const& route) {
  auto const all = [](std::vector<RouteConfig> const& members) {
    std::string names;
    for (auto const& member : members) names.append(names.empty() ? "" : ",").append(member.name);
    return names;
  };
  if (auto const* target = std::get_if<TargetConfig>(&route.is))
    return target->provider + "/" + target->model;
  if (auto const* group = std::get_if<GroupConfig>(&route.is)) return "(" + all(group->members) + ")";
  auto const& when = std::get<WhenConfig>(route.is);
  return "when(" + all(when.then) + "|" + all(when.otherwise) + ")";
}

RouteConfig read_route(YamlMap& map, RouteParts const& parts, int depth, bool in_balance) {
  constexpr std::int64_t heaviest = 1'000'000;
  RouteConfig route;
  if (depth > deepest_route) {
    map.wrong(too_deep());
    return route;
  }
  if (map.has("targets")) {
    GroupConfig group = read_group(map, parts, depth);
    if (group.members.empty()) map.wrong("targets", "'targets' names no target");
    route.is = std::move(group);
  } else if (map.has("when")) route.is = read_when(map, parts, depth);
  else if (map.has("group")) route.is = read_reference(map, parts, depth);
  else route.is = read_target(map, parts);
  std::int64_t weight = 1;
  if (in_balance) map.integer("weight", weight, 0, heaviest);
  route.weight = static_cast<double>(weight);
  map.finish();
  route.name = name_of(route);
  return route;
}

/// Calls `f` for every part of a route, in the order of the file.
void each_part(RouteConfig const& route, std::function<void(RouteConfig const&)> const& f) {
  f(route);
  if (auto const* group = std::get_if<GroupConfig>(&route.is))
    for (auto const& member : group->members) each_part(member, f);
  auto const* when = std::get_if<WhenConfig>(&route.is);
  if (when == nullptr) return;
  for (auto const* branch : {&when->then, &when->otherwise})
    for (auto const& part : *branch) each_part(part, f);
}

int priority_of(RouteConfig const& route) {
  auto const* const target = std::get_if<TargetConfig>(&route.is);
  return target == nullptr ? 0 : target->priority;
}
/// Those of one priority stay as they stand. (std::stable_sort asks for memory in a way that is deprecated.)
void sort_by_priority(std::vector<RouteConfig>& routes) {
  auto const before = [](RouteConfig const& a, RouteConfig const& b) {
    return priority_of(a) < priority_of(b);
  };
  for (auto it = routes.begin(); it != routes.end(); ++it)
    std::rotate(std::upper_bound(routes.begin(), it, *it, before), it, it + 1);
}

/// Whether anything is left of a route.
bool keep_in(RouteConfig& route, std::function<bool(TargetConfig const&)> const& keep) {
  if (auto const* target = std::get_if<TargetConfig>(&route.is)) return keep(*target);
  if (auto* group = std::get_if<GroupConfig>(&route.is)) {
    keep_targets(*group, keep);
    return !group->members.empty();
  }
  auto& when = std::get<WhenConfig>(route.is);
  for (auto* branch : {&when.then, &when.otherwise})
    std::erase_if(*branch, [&](RouteConfig& part) { return !keep_in(part, keep); });
  if (!when.then.empty()) return true;
  if (when.otherwise.empty()) return false;
  RouteConfig other = std::move(when.otherwise.front());  // which then answers for both
  route.is = std::move(other.is);
  return true;
}

/// One key's answer must not be another's where they have different targets.
void check_cache(YamlMap& map, GroupConfig const& group) {
  if (!group.cache || !group.cache->shared) return;
  bool by_key = false;
  each_condition(group, [&](Condition const& condition) { by_key = by_key || !condition.keys.empty(); });
  if (by_key) map.wrong("cache", "'shared' would hand answers around a 'when' that looks at 'keys'");
}

}  // namespace

std::optional<AnySelection> read_selection(YamlMap& map) {
  std::string name;
  map.text("balance", name);
  if (name == "sticky") return AnySelection(read_sticky(map));
  if (auto const make = find_named(selection_names, name)) return (*make)();
  if (map.has("balance")) map.wrong("balance", not_one_of(selection_names, "balance", name));
  return std::nullopt;
}

std::optional<ResumeOptions> read_resume(YamlMap& parent) {
  constexpr std::size_t longest = 10'000;
  auto map = parent.map("resume");
  if (!map) return std::nullopt;
  ResumeOptions resume;
  map->integer("times", resume.times, 1, 10);
  map->text("instruction", resume.instruction);
  map->text("seam", resume.seam);
  for (auto const& [name, text] :
       {std::pair("instruction", &resume.instruction), std::pair("seam", &resume.seam)})
    if (text->size() > longest) map->wrong(name, "'" + std::string(name) + "' has at most 10,000 bytes");
  map->finish();
  return resume;
}

GroupConfig read_group(YamlMap& map, RouteParts const& parts, int depth) {
  GroupConfig group;
  group.balance = read_selection(map);
  map.flag("failover", group.failover);
  if (!group.failover && !group.balance)
    map.wrong("failover",
              "without 'failover' and without 'balance' only the first target would ever be asked");
  map.each("targets", [&](YamlMap& item) {
    group.members.push_back(read_route(item, parts, depth + 1, group.balance.has_value()));
  });
  sort_by_priority(group.members);
  if (group.members.size() > TargetOrder::most)
    map.wrong("targets", "a group has at most " + std::to_string(TargetOrder::most) + " targets");
  std::size_t targets = 0;
  each_target(group, [&](TargetConfig const&) { ++targets; });
  if (targets > most_targets) {
    map.wrong("targets",
              "a route has at most " + std::to_string(most_targets) + " targets, its groups' included");
    group.members.resize(1);  // so that groups of groups cannot multiply
  }
  RetryOptions retry;
  read_retry(map, retry);
  if (map.has("retry")) group.retry = retry;
  read_hedge(map, group.hedge);
  read_bulkhead(map, group.bulkhead);
  constexpr std::chrono::milliseconds off{0};
  Clocks clocks{.connect = off, .first_token = off, .between_tokens = off, .whole = off};
  read_timeouts(map, "timeouts", clocks);
  if (map.has("timeouts")) group.timeouts = clocks;
  group.resume = read_resume(map);
  group.shape = read_shape(map);
  group.cache = read_cache(map);
  check_cache(map, group);
  return group;
}

void keep_targets(GroupConfig& group, std::function<bool(TargetConfig const&)> const& keep) {
  std::erase_if(group.members, [&](RouteConfig& member) { return !keep_in(member, keep); });
}

void each_target(GroupConfig const& group, std::function<void(TargetConfig const&)> const& f) {
  each_part(group, [&](RouteConfig const& part) {
    if (auto const* target = std::get_if<TargetConfig>(&part.is)) f(*target);
  });
}

void each_part(GroupConfig const& group, std::function<void(RouteConfig const&)> const& f) {
  for (auto const& member : group.members) each_part(member, f);
}

void each_condition(GroupConfig const& group, std::function<void(Condition const&)> const& f) {
  each_part(group, [&](RouteConfig const& part) {
    if (auto const* when = std::get_if<WhenConfig>(&part.is)) f(when->condition);
  });
}

}  // namespace lowart::server
