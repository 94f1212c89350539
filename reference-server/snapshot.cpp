#include "snapshot.hpp"

#include <lowart/meter/counted.hpp>
#include <lowart/policy/breaker.hpp>
#include <lowart/policy/fallback.hpp>
#include <lowart/policy/for_model.hpp>
#include <lowart/policy/retry.hpp>
#include <lowart/policy/timeouts.hpp>
#include <lowart/provider/anthropic.hpp>
#include <lowart/provider/demo.hpp>
#include <lowart/provider/gemini.hpp>
#include <lowart/provider/openai.hpp>
#include <lowart/provider/openai_responses.hpp>

#include <algorithm>
#include <chrono>
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

  std::vector<Route> routes() {
    std::vector<Route> routes;
    for (auto const& model : made_.config.models) {
      std::vector<AnyProvider> chain;
      for (auto const& target : model.targets) chain.push_back(target_provider(target));
      std::string owner = model.targets.front().provider;
      AnyProvider answer =
          chain.size() == 1 ? chain.front() : AnyProvider(FallbackList<AnyProvider>(std::move(chain)));
      routes.push_back(Route{model.name, model.aliases, owner, std::move(answer), model.doors});
      made_.models.push_back(ModelCard{model.name, owner, model.doors});
      for (auto const& alias : model.aliases) made_.models.push_back(ModelCard{alias, owner, model.doors});
    }
    return routes;
  }

  std::vector<KeyEntry> keys() {
    auto const now = std::chrono::steady_clock::now();
    std::vector<KeyEntry> entries;
    for (auto const& key : made_.config.keys)
      entries.push_back(KeyEntry{key.name, key.digest, limits_of(key, now), key.models});
    return entries;
  }

 private:
  ProviderConfig const& provider(std::string const& name) const {
    auto const& all = made_.config.providers;
    return *std::find_if(all.begin(), all.end(), [&](auto const& p) { return p.name == name; });
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

  AnyProvider target_provider(TargetConfig const& target) {
    ProviderConfig const& config = provider(target.provider);
    auto const wrap = [&](auto leaf) {
      auto bounded = std::move(leaf) | counted() | timeouts(config.timeouts) |
                     breaker(breaker_of(config, target.model)) | retry(config.retry);
      return AnyProvider(ForModel(std::move(bounded), target.model));
    };
    switch (config.type) {
      case ProviderType::demo: return wrap(Demo(config.name));
      case ProviderType::openai: {
        auto options = http_options<OpenAiOptions>(config);
        options.done_required = config.done_required;
        options.repair = config.repair;
        options.variant = config.openai_variant;
        return wrap(OpenAi<net::HttpTransport>(transport_of(config), std::move(options)));
      }
      case ProviderType::openai_responses:
        return wrap(OpenAiResponses<net::HttpTransport>(transport_of(config),
                                                        http_options<OpenAiResponsesOptions>(config)));
      case ProviderType::anthropic: {
        auto options = http_options<AnthropicOptions>(config);
        if (!config.anthropic_version.empty()) options.version = config.anthropic_version;
        options.variant = config.anthropic_variant;
        return wrap(Anthropic<net::HttpTransport>(transport_of(config), std::move(options)));
      }
      case ProviderType::gemini: break;
    }
    return wrap(Gemini<net::HttpTransport>(transport_of(config), http_options<GeminiOptions>(config)));
  }

  net::HttpTransport const& transport_of(ProviderConfig const& config) const {
    return made_.transports.at(config.name);
  }
  template <class Options>
  static Options http_options(ProviderConfig const& config) {
    Options options;
    options.name = config.name;
    options.base_url = config.base_url;
    options.api_key = config.api_key;
    options.may_drop = config.may_drop;
    return options;
  }

  /// One breaker for a provider's model, whichever routes lead there; its state lives on over reloads.
  std::shared_ptr<BreakerState> breaker_of(ProviderConfig const& config, std::string const& model) {
    auto const find = [&](std::vector<NamedBreaker> const& all) -> std::shared_ptr<BreakerState> {
      for (auto const& b : all)
        if (b.provider == config.name && b.model == model && b.state->options() == config.breaker)
          return b.state;
      return nullptr;
    };
    if (auto here = find(made_.breakers)) return here;
    auto state = before_ != nullptr ? find(before_->breakers) : nullptr;
    if (!state) state = std::make_shared<BreakerState>(config.breaker);
    made_.breakers.push_back(NamedBreaker{config.name, model, state});
    return state;
  }

  std::shared_ptr<LimitState> limits_of(KeyConfig const& key, TimePoint now) const {
    if (before_ != nullptr) {
      for (auto const& old : before_->keys.entries()) {
        if (old.digest != key.digest) continue;
        old.limits->change(key.limits, now);
        return old.limits;
      }
    }
    return std::make_shared<LimitState>(key.limits, now);
  }

  Snapshot& made_;
  Snapshot const* before_;
};

PriceLookup price_lookup(Config const& config) {
  auto table = std::make_shared<std::unordered_map<std::string, Price>>();
  for (auto const& model : config.models) {
    table->emplace(model.name, model.price);
    for (auto const& alias : model.aliases) table->emplace(alias, model.price);
  }
  return [table](std::string_view model) {
    auto const found = table->find(std::string(model));
    return found == table->end() ? Price{} : found->second;
  };
}

}  // namespace

Result<std::shared_ptr<Snapshot>> build_snapshot(Config config, Snapshot const* before, JournalSink sink,
                                                 std::function<void(Error const&)> on_sink_failure) {
  auto made = std::make_shared<Snapshot>();
  made->config = std::move(config);
  made->revision = before == nullptr ? 1 : before->revision + 1;
  Builder builder(*made, before);
  if (auto const connected = builder.connect_providers(); !connected) return fail(connected.error());
  auto routes = builder.routes();
  made->answer = std::make_unique<Snapshot::Answer>(Router(std::move(routes)), TokenMeter{}, std::move(sink),
                                                    price_lookup(made->config));
  made->answer->on_sink_failure(std::move(on_sink_failure));
  made->keys = Keyring(builder.keys());
  return made;
}

}  // namespace lowart::server
