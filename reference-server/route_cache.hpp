#pragma once
/// The caches of a snapshot's routes.

#include "config_readers.hpp"
#include "snapshot.hpp"

#include <lowart/model/name_pattern.hpp>
#include <lowart/policy/cache_key.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lowart::server {

/// What is told of a shape.
inline std::string spelled(std::optional<ShapeOptions> const& shape) {
  if (!shape) return "-";
  std::string text = shape->prefix + '\n' + std::to_string(shape->max_tokens.value_or(0)) + '\n';
  text += std::to_string(shape->stop_limit) + (shape->drop_empty_messages ? "d" : "") +
          (shape->merge_user_messages ? "m" : "");
  for (auto const* words : {&shape->strip_tags, &shape->stop})
    for (std::string const& word : *words) text.append("\n").append(word);
  return text;
}

/// Who answers for a group, and to what, as far as it can be told from outside.
inline std::vector<std::string> answerers(GroupConfig const& group, Config const& config) {
  std::vector<std::string> answers{spelled(group.shape)};
  each_part(group, [&](RouteConfig const& part) {
    if (auto const* inner = std::get_if<GroupConfig>(&part.is)) answers.push_back(spelled(inner->shape));
    auto const* target = std::get_if<TargetConfig>(&part.is);
    if (target == nullptr) return;
    ProviderConfig const& provider = *find_provider(config.providers, target->provider);
    std::string answer(name_of(provider.type));
    answer.append(" ").append(provider.base_url).append(" ").append(target->model);
    answers.push_back(std::move(answer));
    answers.push_back(spelled(target->shape));
  });
  return answers;
}

/// A group's cache, with what it holds, where there was the same before. `before` may be null.
inline std::shared_ptr<AnswerCache> cache_of(Snapshot& made, Snapshot const* before, GroupConfig const& group,
                                             ModelConfig const& model) {
  auto const is_here = [&](std::string const& name) {
    return std::any_of(made.caches.begin(), made.caches.end(),
                       [&](NamedCache const& cache) { return cache.name == name; });
  };
  std::string name = model.name;
  for (int i = 2; is_here(name); ++i) name = model.name + "#" + std::to_string(i);
  NamedCache cache{std::move(name), answerers(group, made.config), nullptr};
  if (before != nullptr)
    for (NamedCache const& old : before->caches)
      if (old.name == cache.name && old.answers == cache.answers &&
          old.cache->options() == group.cache->options)
        cache.cache = old.cache;
  if (!cache.cache) cache.cache = std::make_shared<AnswerCache>(group.cache->options);
  return made.caches.emplace_back(std::move(cache)).cache;
}

/// A model has one set of answers for all its names, but for a pattern, whose names are as many models.
inline CacheScope cache_scope(GroupConfig const& group, ModelConfig const& model) {
  CacheScope scope;
  if (!NamePattern::is_one(model.name)) scope.model = model.name;
  scope.shared = group.cache->shared;
  each_condition(group, [&](Condition const& condition) {
    for (HeaderTest const& test : condition.headers) scope.fields.push_back(test.name);
  });
  return scope;
}

}  // namespace lowart::server
