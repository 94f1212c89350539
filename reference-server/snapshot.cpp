#include "snapshot.hpp"

#include "cloud_config.hpp"
#include "config_readers.hpp"
#include "limit_builder.hpp"
#include "model_facts.hpp"
#include "route_builder.hpp"

#include <lowart/model/name_table.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
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
      if (provider.passthrough) table.emplace(provider.name, builder.passthrough_to(provider));
    return PassthroughRouter(std::move(table));
  }

  std::vector<KeyEntry> keys(LimitBuilder& limits) {
    std::vector<KeyEntry> entries;
    for (auto const& key : made_.config.keys)
      entries.push_back(KeyEntry{key.name, key.digest, limits.of_key(key), key.models, key.admin,
                                 key.priority, key.user, key.team, limits.shared_with(key)});
    return entries;
  }

 private:
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

/// What calls for a model cost: the price of the target that answers, where it has one of its own, or else the model's,
/// or what the catalogue knows of the model that was asked for upstream.
struct ModelPrices {
  struct OfTarget {
    std::string provider;
    std::string model;  ///< Empty: whichever the client names.
    Price price;
  };
  struct OfVendor {
    std::string provider;
    Vendor const* vendor;
  };
  std::optional<Price> usual;
  std::vector<OfTarget> own;
  std::vector<OfVendor> vendors;

  Price of(Billed const& billed) const {
    for (auto const& target : own)
      if (target.provider == billed.provider &&
          (target.model.empty() || name_matches(target.model, billed.upstream_model)))
        return target.price;
    if (usual) return *usual;
    for (auto const& [provider, vendor] : vendors)
      if (provider == billed.provider) return listed_price(vendor, billed.upstream_model);
    return {};
  }
};

ModelPrices prices_of(ModelConfig const& model, std::vector<ProviderConfig> const& providers) {
  ModelPrices prices{.usual = model.price, .own = {}, .vendors = {}};
  bool const by_pattern = NamePattern::is_one(model.name);
  each_target(model.route, [&](TargetConfig const& target) {
    if (auto const* vendor = find_provider(providers, target.provider)->vendor)
      prices.vendors.push_back({target.provider, vendor});
    if (!target.price) return;
    bool const is_clients = target.model.empty() && by_pattern;
    std::string const& own_name = target.model.empty() ? model.name : target.model;
    prices.own.push_back({target.provider, is_clients ? std::string() : own_name, *target.price});
  });
  return prices;
}

PriceLookup price_lookup(Config const& config) {
  auto table = std::make_shared<NameTable<std::shared_ptr<ModelPrices const>>>();
  for (auto const& model : config.models) {
    auto const prices = std::make_shared<ModelPrices const>(prices_of(model, config.providers));
    table->add(model.name, prices);
    for (auto const& alias : model.aliases) table->add(alias, prices);
  }
  return [table](Billed const& billed) {
    auto const* const prices = table->find(billed.model);
    return prices == nullptr ? Price{} : (*prices)->of(billed);
  };
}

/// What the catalogue knows of the model that a call of a vendor's own API names.
PriceLookup passthrough_prices(Config const& config) {
  std::map<std::string, Vendor const*, std::less<>> vendors;
  for (auto const& provider : config.providers)
    if (provider.passthrough && provider.vendor != nullptr) vendors.emplace(provider.name, provider.vendor);
  return [vendors = std::move(vendors)](Billed const& billed) {
    auto const found = vendors.find(billed.provider);
    return found == vendors.end() ? Price{} : listed_price(found->second, billed.upstream_model);
  };
}

}  // namespace

LimitTime moment_now() {
  auto const utc = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::steady_clock::now(),
          std::chrono::duration_cast<std::chrono::microseconds>(utc).count()};
}

Result<std::shared_ptr<Snapshot>> build_snapshot(Config config, Snapshot const* before, JournalSink sink,
                                                 std::function<void(Error const&)> on_sink_failure,
                                                 std::function<void(LimitNotice const&)> on_limit) {
  auto made = std::make_shared<Snapshot>();
  made->on_limit = std::move(on_limit);
  made->config = std::move(config);
  made->revision = before == nullptr ? 1 : before->revision + 1;
  made->prices = price_lookup(made->config);
  Builder builder(*made, before);
  if (auto const connected = builder.connect_providers(); !connected) return fail(connected.error());
  if (auto const connected = builder.connect_token_servers(); !connected) return fail(connected.error());
  auto routes = builder.routes();
  made->answer =
      std::make_unique<Snapshot::Answer>(Router(std::move(routes)), TokenMeter{}, sink, made->prices);
  made->answer->on_sink_failure(on_sink_failure);
  made->passthrough = std::make_unique<Snapshot::Passthroughs>(
      builder.passthroughs(), TokenMeter{}, std::move(sink), passthrough_prices(made->config));
  made->passthrough->on_sink_failure(std::move(on_sink_failure));
  LimitBuilder limits(*made, before);
  auto entries = builder.keys(limits);
  made->keys = Keyring(std::move(entries), limits.rules());
  return made;
}

}  // namespace lowart::server
