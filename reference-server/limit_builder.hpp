#pragma once
/// LimitBuilder: makes the limits of keys, users, teams, models and types, and takes over what is used of them.

#include "snapshot.hpp"

#include <lowart/meter/encoding.hpp>
#include <lowart/meter/price.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

/// Under what a key of a file is looked up: where the file has its hash only, that is all there is.
inline net::Sha256 digest_under(net::KeyHash const& hash, KeyConfig const& key) {
  return key.text.empty() ? key.digest : hash(key.text.reveal());
}

/// Notes in a snapshot whom there are limits for. `before` may be null.
class LimitBuilder {
 public:
  LimitBuilder(Snapshot& made, Snapshot const* before) : made_(made), before_(before) {
    Config const& config = made_.config;
    for (auto const& user : config.users)
      add(LimitSubject::Kind::user, user.name, user.limits, keys_that(&KeyConfig::user, user.name));
    for (auto const& team : config.teams)
      add(LimitSubject::Kind::team, team.name, team.limits, keys_that(&KeyConfig::team, team.name));
    for (auto const& model : config.models) {
      std::vector<std::string> names{model.name};
      names.insert(names.end(), model.aliases.begin(), model.aliases.end());
      add(LimitSubject::Kind::model, model.name, model.limits, std::move(names));
    }
    for (auto const& type : config.model_types) add(LimitSubject::Kind::type, type.name, type.limits, {});
    if (before_ == nullptr) return;
    for (auto const& key : before_->config.keys)
      keys_before_.emplace(key.digest, before_->keys.by_digest(digest_under(before_->keys.hash(), key)));
  }

  /// The entry that a key of the file had before, whether the file has its text or its hash; null: none.
  KeyEntry const* entry_before(KeyConfig const& key) const {
    auto const found = keys_before_.find(key.digest);
    return found == keys_before_.end() ? nullptr : found->second;
  }

  /// Null where it has none. What a key has used stays with the key itself, whatever its name is now.
  std::shared_ptr<LimitState> of_key(KeyConfig const& key) {
    std::string subject = "key " + key.name;
    auto const* const old = entry_before(key);
    auto state = old == nullptr ? nullptr : old->limits;
    if (key.limits.none()) return nullptr;
    if (state) state->change(key.limits, now_, std::move(subject));
    else state = std::make_shared<LimitState>(key.limits, now_, std::move(subject));
    made_.subjects.push_back({LimitSubject::Kind::key, key.name, {key.name}, state});
    return state;
  }
  /// One for all keys of a user in a team; null where the key is nobody's.
  std::shared_ptr<KeyOwner const> owner_of(KeyConfig const& key) {
    if (key.user.empty() && key.team.empty()) return nullptr;
    auto& place = owners_[{key.user, key.team}];
    if (place) return place;
    KeyOwner owner{.user = key.user, .team = key.team};
    if (auto state = find(made_, LimitSubject::Kind::user, key.user))
      owner.limits.push_back(std::move(state));
    if (auto state = find(made_, LimitSubject::Kind::team, key.team))
      owner.limits.push_back(std::move(state));
    return place = std::make_shared<KeyOwner const>(std::move(owner));
  }
  LimitRules rules() {
    LimitRules rules;
    rules.on_notice = made_.on_limit;
    for (std::size_t i = 0; i < model_type_count; ++i)
      rules.types[i] =
          find(made_, LimitSubject::Kind::type, std::string(to_string(static_cast<ModelType>(i))));
    for (auto const& model : made_.config.models) {
      auto const known = std::make_shared<LimitRules::Model const>(facts_of(model));
      rules.models_are_limited = rules.models_are_limited || known->limits != nullptr;
      rules.models.add(model.name, known);
      for (auto const& alias : model.aliases) rules.models.add(alias, known);
    }
    return rules;
  }

 private:
  static constexpr std::array<std::string_view, 5> words{"key ", "user ", "team ", "model ", "type "};

  static std::shared_ptr<LimitState> find(Snapshot const& in, LimitSubject::Kind kind,
                                          std::string const& name) {
    for (auto const& subject : in.subjects)
      if (subject.kind == kind && subject.name == name) return subject.state;
    return nullptr;
  }
  void add(LimitSubject::Kind kind, std::string const& name, Limits const& limits,
           std::vector<std::string> records) {
    if (limits.none()) return;
    std::string subject(words[static_cast<std::size_t>(kind)]);
    subject.append(name);
    auto state = before_ != nullptr ? find(*before_, kind, name) : nullptr;
    if (state) state->change(limits, now_, std::move(subject));
    else state = std::make_shared<LimitState>(limits, now_, std::move(subject));
    made_.subjects.push_back({kind, name, std::move(records), std::move(state)});
  }
  std::vector<std::string> keys_that(std::string KeyConfig::* whose, std::string const& name) const {
    std::vector<std::string> keys;
    for (auto const& key : made_.config.keys)
      if (key.*whose == name) keys.push_back(key.name);
    return keys;
  }
  LimitRules::Model facts_of(ModelConfig const& model) {
    LimitRules::Model known;
    known.limits = find(made_, LimitSubject::Kind::model, model.name);
    known.output = output_of(model.name);
    struct Target {
      std::string provider;
      std::string model;
    };
    auto targets = std::make_shared<std::vector<Target>>();
    each_target(model.route, [&](TargetConfig const& target) {
      targets->push_back({target.provider, target.model.empty() ? model.name : target.model});
    });
    if (!targets->empty()) known.encoding = encoding_for_model(targets->front().model);
    known.costs = [targets, name = model.name, price_of = made_.price_of](Usage const& usage) {
      NanoUsd most;
      std::int64_t const now = moment_now().utc;
      for (Target const& target : *targets)
        most = std::max(most, price_of(Billed{.model = name,
                                              .provider = target.provider,
                                              .upstream_model = target.model,
                                              .started_at = now},
                                       usage)
                                  .cost);
      return most;
    };
    return known;
  }
  std::shared_ptr<OutputEstimate> output_of(std::string const& model) {
    auto& place = made_.outputs[model];
    if (before_ != nullptr)
      if (auto const old = before_->outputs.find(model); old != before_->outputs.end()) place = old->second;
    if (!place) place = std::make_shared<OutputEstimate>();
    return place;
  }

  Snapshot& made_;
  Snapshot const* before_;
  std::map<net::Sha256, KeyEntry const*> keys_before_;  ///< By the keys' SHA-256.
  LimitTime now_{moment_now()};
  std::map<std::pair<std::string, std::string>, std::shared_ptr<KeyOwner const>> owners_;
};

}  // namespace lowart::server
