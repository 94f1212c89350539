#include "litellm/litellm_routes.hpp"

#include "decimal_text.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

namespace lowart::server {

namespace {

namespace json = boost::json;
using Deployments = std::vector<LitellmDeployment const*>;
/// In the order of the file.
using Models = std::vector<std::pair<std::string, Deployments>>;
using Chains = std::map<std::string, std::vector<std::string>>;

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> balances{{
    {"simple-shuffle", "weighted"},
    {"least-busy", "least_in_flight"},
    {"latency-based-routing", "power_of_two"},
    {"usage-based-routing", "power_of_two"},
    {"usage-based-routing-v2", "power_of_two"},
    {"cost-based-routing", "cheapest"},
}};

std::size_t line_of(YAML::Node const& node) { return static_cast<std::size_t>(node.Mark().line + 1); }

/// What calls are spread by: the first of weight, rpm and tpm that the first deployment has. One that says none is asked
/// when all others have failed.
std::vector<std::int64_t> weights_of(Deployments const& deployments) {
  constexpr std::int64_t heaviest = 1'000'000;
  constexpr int decimals = 6;
  for (auto const member : {&LitellmDeployment::weight, &LitellmDeployment::rpm, &LitellmDeployment::tpm}) {
    if ((deployments.front()->*member).empty()) continue;
    std::vector<std::int64_t> weights;
    for (auto const* one : deployments)
      weights.push_back(whole_decimal(one->*member, decimals, INT64_MAX / heaviest).value_or(0));
    std::int64_t common = 0;
    for (auto const weight : weights) common = std::gcd(common, weight);
    for (auto& weight : weights) weight /= std::max<std::int64_t>(common, 1);
    while (*std::ranges::max_element(weights) > heaviest)
      for (auto& weight : weights) weight = weight > 0 ? std::max<std::int64_t>(weight / 10, 1) : 0;
    return weights;
  }
  return {};
}

/// Those that are asked alike: a target, or a group of several.
json::object spread(Deployments const& deployments, std::string_view balance) {
  if (deployments.size() == 1) return deployments.front()->target;
  bool const by_weight = balance == "weighted";
  auto const weights = by_weight ? weights_of(deployments) : std::vector<std::int64_t>();
  json::array targets;
  for (std::size_t i = 0; i < deployments.size(); ++i) {
    json::object target = deployments[i]->target;
    if (!weights.empty() && weights[i] != 1) target["weight"] = weights[i];
    targets.push_back(std::move(target));
  }
  return {{"balance", balance}, {"targets", std::move(targets)}};
}

/// All deployments of a model, by their `order`. Has `targets`.
json::object group_of(Deployments const& deployments, RouteSettings const& settings) {
  std::map<std::int64_t, Deployments> by_order;
  for (auto const* one : deployments) by_order[one->order].push_back(one);
  json::array steps;
  for (auto const& [order, alike] : by_order) steps.push_back(spread(alike, balance_of(settings.strategy)));
  bool const is_one = steps.size() == 1 && steps.front().as_object().contains("targets");
  json::object group = is_one ? steps.front().as_object() : json::object{{"targets", std::move(steps)}};
  if (settings.attempts > 0) group["retry"] = json::object{{"attempts", settings.attempts}};
  return group;
}

/// A group of one target that is tried once is that target.
bool is_plain_target(json::object const& group) {
  return group.size() == 1 && group.at("targets").as_array().size() == 1 &&
         group.at("targets").as_array().front().as_object().contains("provider");
}

Deployments const* find_model(Models const& models, std::string_view name) {
  auto const found = std::ranges::find(models, name, &Models::value_type::first);
  return found == models.end() ? nullptr : &found->second;
}

std::vector<std::string> read_names(YAML::Node const& list, Models const& models, std::string const& setting,
                                    std::vector<ImportNote>& notes) {
  std::vector<std::string> names;
  if (!list.IsSequence()) return names;
  for (auto const& item : list) {
    std::string const name = item.IsScalar() ? item.Scalar() : std::string();
    if (find_model(models, name) != nullptr) names.push_back(name);
    else
      notes.push_back({line_of(item), setting,
                       name.empty() ? "one with settings of its own is not carried over"
                                    : "there is no model '" + name + "'"});
  }
  return names;
}

Chains read_chains(RouteSettings const& settings, Models const& models, std::vector<ImportNote>& notes) {
  Chains chains;
  std::vector<std::string> others =
      read_names(settings.default_fallbacks, models, "default_fallbacks", notes);
  if (settings.fallbacks.IsSequence())
    for (auto const& block : settings.fallbacks) {
      if (!block.IsMap()) continue;
      for (auto const& entry : block) {
        std::string const name = entry.first.Scalar();
        auto names = read_names(entry.second, models, "fallbacks", notes);
        if (name == "*") others = std::move(names);
        else if (find_model(models, name) != nullptr) chains[name] = std::move(names);
        else notes.push_back({line_of(entry.first), "fallbacks", "there is no model '" + name + "'"});
      }
    }
  if (!others.empty())
    for (auto const& [name, deployments] : models) chains.emplace(name, others);
  return chains;
}

/// Those that are asked for a model, it first: the fallbacks of a fallback come behind it.
void follow(Chains const& chains, std::string const& name, std::vector<std::string>& chain) {
  if (std::ranges::find(chain, name) != chain.end()) return;
  chain.push_back(name);
  auto const found = chains.find(name);
  if (found == chains.end()) return;
  for (auto const& next : found->second) follow(chains, next, chain);
}

void add_aliases(YAML::Node const& aliases, LitellmImport& made) {
  if (!aliases.IsMap()) return;
  for (auto const& entry : aliases) {
    std::string const alias = entry.first.Scalar();
    bool const has_settings = entry.second.IsMap();
    YAML::Node const target = has_settings ? member_of(entry.second, "model") : entry.second;
    std::string const name = target.IsScalar() ? target.Scalar() : std::string();
    auto const note = [&](std::string why) {
      made.notes.push_back({line_of(entry.first), "model_group_alias." + alias, std::move(why)});
    };
    auto* const model = made.models.if_contains(name);
    if (model == nullptr) {
      note("there is no model '" + name + "'");
    } else if (made.models.contains(alias)) {
      note("is the name of a model as well, which stays what it is");
    } else {
      json::value& list = model->as_object()["aliases"];
      if (!list.is_array()) list = json::array();
      list.get_array().push_back(json::value(alias));
      if (has_settings && member_of(entry.second, "hidden").IsDefined())
        note("'hidden': lists of models name it here");
    }
  }
}

}  // namespace

std::string_view balance_of(std::string_view strategy) noexcept {
  auto const* const found =
      std::ranges::find(balances, strategy, &std::pair<std::string_view, std::string_view>::first);
  return found == balances.end() ? std::string_view() : found->second;
}

void make_routes(std::vector<LitellmDeployment> const& deployments, RouteSettings const& settings,
                 LitellmImport& made) {
  Models models;
  for (auto const& one : deployments) {
    auto found = std::ranges::find(models, one.model_name, &Models::value_type::first);
    if (found == models.end()) found = models.insert(models.end(), {one.model_name, {}});
    found->second.push_back(&one);
  }
  Chains const chains = read_chains(settings, models, made.notes);
  std::map<std::string, std::vector<std::string>> asked;
  std::map<std::string, int> times;
  for (auto const& [name, own] : models) {
    follow(chains, name, asked[name]);
    for (auto const& one : asked[name]) ++times[one];
  }
  std::map<std::string, json::object> groups;
  for (auto const& [name, own] : models) {
    groups[name] = group_of(own, settings);
    if (times[name] > 1 && !is_plain_target(groups[name])) made.groups[name] = groups[name];
  }
  for (auto const& [name, own] : models) {
    auto const part = [&](std::string const& of) -> json::object {
      if (made.groups.contains(of)) return {{"group", of}};
      return is_plain_target(groups[of]) ? groups[of].at("targets").as_array().front().as_object()
                                         : groups[of];
    };
    if (asked[name].size() == 1 && !made.groups.contains(name)) {
      made.models[name] = groups[name];
      continue;
    }
    json::array targets;
    for (auto const& one : asked[name]) targets.push_back(part(one));
    made.models[name] = json::object{{"targets", std::move(targets)}};
  }
  add_aliases(settings.aliases, made);
}

}  // namespace lowart::server
