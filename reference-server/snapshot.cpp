#include "snapshot.hpp"

#include "cloud_config.hpp"
#include "config_readers.hpp"
#include "key_policy_config.hpp"
#include "limit_builder.hpp"
#include "model_facts.hpp"
#include "route_builder.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <utility>

namespace lowart::server {

namespace {

/// Builds one snapshot out of its parts.
class Builder {
 public:
  Builder(Snapshot& made, Snapshot const* before) : made_(made), before_(before) {}

  Result<void> connect_providers() {
    for (auto const& provider : made_.config.providers) {
      if (provider.type == ProviderType::demo) continue;
      if (auto const* same = transport_before(provider)) {
        made_.transports.emplace(provider.name, *same);
        continue;
      }
      auto transport = net::HttpTransport::make(
          provider.base_url, net::HttpOptions{.ca_file = provider.ca_file, .verify = provider.verify_tls});
      if (!transport)
        return fail(Errc::config_invalid, "provider '" + provider.name + "': " + transport.error().message());
      made_.transports.emplace(provider.name, std::move(*transport));
    }
    return {};
  }

  /// After a reload the first call fetches anew: the credentials may be others.
  Result<void> connect_token_servers() {
    for (auto const& provider : made_.config.providers) {
      auto grant = grant_of(provider);
      auto const& aws = provider.aws.grant;
      if (!grant && !aws) continue;
      auto transport = net::HttpTransport::make(grant ? grant->server : aws->server);
      if (!transport)
        return fail(Errc::config_invalid,
                    "provider '" + provider.name + "', its token server: " + transport.error().message());
      net::AnyTransport server(*std::move(transport));
      FetchedCredentials& fetched = made_.fetched[provider.name];
      if (grant) fetched.token.emplace(std::move(server), *std::move(grant));
      else fetched.aws.emplace(AwsCredentialSource(std::move(server), *aws));
    }
    return {};
  }

  std::vector<Route> routes() {
    std::vector<Route> routes;
    RouteBuilder builder(made_, before_);
    for (auto const& model : made_.config.models) {
      std::string owner;  // the target that stands first
      ModelFacts facts;
      each_target(model.route, [&](TargetConfig const& target) {
        ProviderConfig const& provider = *find_provider(made_.config.providers, target.provider);
        auto const own = facts_of(provider, target, model, target.model.empty() ? model.name : target.model);
        facts = owner.empty() ? own : common(facts, own);
        if (owner.empty()) owner = target.provider;
      });
      routes.push_back(Route{model.name, model.aliases, owner, builder.answer_for(model), model.doors});
      list({model.name, owner, model.doors, facts});
      for (auto const& alias : model.aliases) list({alias, owner, model.doors, facts});
      if (NamePattern::is_one(model.name)) builder.note_pattern(model, model.name);
      for (auto const& alias : model.aliases)
        if (NamePattern::is_one(alias)) builder.note_pattern(model, alias);
    }
    return routes;
  }

  PassthroughRouter passthroughs() {
    PassthroughRouter::Table table;
    RouteBuilder builder(made_, before_);
    for (auto const& provider : made_.config.providers)
      if (provider.passthrough && provider.enabled)
        table.emplace(provider.name, builder.passthrough_to(provider));
    return PassthroughRouter(std::move(table));
  }

  /// The keys of the file, and those of accounts that there were before.
  Keyring keyring(LimitBuilder& limits, net::KeyHash const& hash) {
    std::vector<KeyEntryPtr> entries;
    for (auto const& key : made_.config.keys) entries.push_back(entry_of(key, hash, limits));
    if (before_ == nullptr)
      return Keyring(std::make_shared<KeyTable const>(std::move(entries)),
                     std::make_shared<LimitRules const>(limits.rules()), hash);
    std::set<net::Sha256> present;
    for (auto const& entry : entries) present.insert(entry->digest);
    std::vector<net::Sha256> gone;
    for (auto const& old : before_->config.keys)
      if (auto const digest = digest_under(hash, old); !present.contains(digest)) gone.push_back(digest);
    return before_->keys.with(std::move(entries), std::move(gone)).with_rules(limits.rules());
  }

 private:
  static KeyEntryPtr entry_of(KeyConfig const& key, net::KeyHash const& hash, LimitBuilder& limits) {
    KeyEntry entry;
    entry.name = key.name;
    entry.digest = digest_under(hash, key);
    entry.is_plain = key.text.empty();
    entry.limits = limits.of_key(key);
    entry.models = key.models;
    entry.admin = key.admin;
    entry.priority = key.priority;
    entry.owner = limits.owner_of(key);
    entry.policy = policy_of(key, limits.entry_before(key));
    return std::make_shared<KeyEntry const>(std::move(entry));
  }
  /// Calls that began before a reload hear of what becomes of their key after it.
  static std::shared_ptr<KeyPolicy const> policy_of(KeyConfig const& key, KeyEntry const* old) {
    if (!asks_for_anything(key.policy)) return nullptr;
    auto policy = std::make_shared<KeyPolicy>(key.policy);
    if (old != nullptr && old->policy) policy->live = old->policy->live;
    if (policy->revoke_streams && !policy->live)
      policy->live = std::make_shared<std::atomic<KeyState>>(KeyState::active);
    return policy;
  }
  /// A pattern is no model that one could ask for by its name: what it stands for, its providers tell (OfferedModels).
  void list(ModelCard card) {
    if (!NamePattern::is_one(card.id)) made_.models.push_back(std::move(card));
  }

  net::HttpTransport const* transport_before(ProviderConfig const& now) const {
    if (before_ == nullptr) return nullptr;
    for (auto const& old : before_->config.providers) {
      bool const same = old.name == now.name && old.type == now.type && old.base_url == now.base_url &&
                        old.ca_file == now.ca_file && old.verify_tls == now.verify_tls;
      if (auto const found = before_->transports.find(now.name); same && found != before_->transports.end())
        return &found->second;
    }
    return nullptr;
  }

  Snapshot& made_;
  Snapshot const* before_;
};

PriceLookup price_lookup(std::shared_ptr<PriceTable const> prices, std::shared_ptr<MonthVolumes> volumes) {
  return
      [prices = std::move(prices), volumes = std::move(volumes)](Billed const& billed, Usage const& usage) {
        auto const model = prices->volume_of(billed.model);
        auto const before = model.empty() ? 0 : volumes->used(model, billed.started_at);
        return prices->price(billed, usage, before);
      };
}

}  // namespace

LimitTime moment_now() {
  auto const utc = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::steady_clock::now(),
          std::chrono::duration_cast<std::chrono::microseconds>(utc).count()};
}

Result<std::shared_ptr<Snapshot>> build_snapshot(Config config, Snapshot const* before,
                                                 net::KeyHash const& hash, JournalSink sink,
                                                 std::function<void(Error const&)> on_sink_failure,
                                                 std::function<void(LimitNotice const&)> on_limit) {
  auto made = std::make_shared<Snapshot>();
  made->on_limit = std::move(on_limit);
  made->config = std::move(config);
  made->revision = before == nullptr ? 1 : before->revision + 1;
  made->prices = std::make_shared<PriceTable const>(made->config);
  made->volumes = before == nullptr ? std::make_shared<MonthVolumes>() : before->volumes;
  made->price_of = price_lookup(made->prices, made->volumes);
  Builder builder(*made, before);
  if (auto const connected = builder.connect_providers(); !connected) return fail(connected.error());
  if (auto const connected = builder.connect_token_servers(); !connected) return fail(connected.error());
  auto routes = builder.routes();
  CountingSink<JournalSink> counting(sink, made->prices, made->volumes);
  made->answer = std::make_shared<Snapshot::Answer>(Router(std::move(routes)), TokenMeter{},
                                                    std::move(counting), made->price_of);
  made->answer->on_sink_failure(on_sink_failure);
  made->passthrough = std::make_shared<Snapshot::Passthroughs>(
      builder.passthroughs(), TokenMeter{}, std::move(sink),
      [prices = made->prices](Billed const& billed, Usage const& usage) {
        return prices->passed(billed, usage);
      });
  made->passthrough->on_sink_failure(std::move(on_sink_failure));
  if (made->config.oidc)
    made->oidc = std::make_shared<OidcLogin>(
        *made->config.oidc, [](std::string_view base_url) -> Result<net::AnyTransport> {
          auto transport = net::HttpTransport::make(std::string(base_url));
          if (!transport) return tl::unexpected(std::move(transport).error());
          return net::AnyTransport(*std::move(transport));
        });
  LimitBuilder limits(*made, before);
  made->keys = builder.keyring(limits, hash);
  return made;
}

}  // namespace lowart::server
