#include "provider_probe.hpp"

#include "catalogue.hpp"
#include "snapshot.hpp"

#include <lowart/gateway/local_call.hpp>
#include <lowart/provider/collect.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <cctype>
#include <utility>

namespace lowart::server {

namespace {

using Clock = std::chrono::steady_clock;

std::chrono::milliseconds since(Clock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
}

/// On one line, of a bounded length, without what a terminal would obey: it is a stranger's text.
std::string one_line(std::string_view text, std::size_t longest = 300) {
  std::string line;
  for (char const c : text.substr(0, longest))
    line += std::iscntrl(static_cast<unsigned char>(c)) != 0 ? ' ' : c;
  return text.size() > longest ? line + " ..." : line;
}

std::string told(Error const& error) {
  std::string const& theirs = error.upstream_message();
  bool const says_more = !theirs.empty() && error.message().find(theirs) == std::string::npos;
  return one_line(error.message() + (says_more ? ": " + theirs : ""));
}

bool is_offered(std::vector<ModelOffer> const& offers, std::string const& model) {
  return std::any_of(offers.begin(), offers.end(), [&](ModelOffer const& o) { return o.id == model; });
}

std::string first_of(std::vector<ModelOffer> const& offers) {
  constexpr std::size_t most = 3;
  std::string names;
  for (std::size_t i = 0; i < std::min(most, offers.size()); ++i)
    names.append(names.empty() ? "" : ", ").append(one_line(offers[i].id));
  return offers.size() > most ? names + " ..." : names;
}

bool says(std::string_view text, std::string_view word) {
  auto const same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

/// The setting with the credentials that the provider shows, or would show.
std::string credentials_of(ProviderConfig const& provider) {
  switch (provider.type) {
    case ProviderType::vertex: return provider.service_account ? "'service_account'" : "'access_token'";
    case ProviderType::azure_openai: return provider.entra ? "'entra'" : "'api_key'";
    case ProviderType::bedrock:
      return provider.api_keys.empty() ? "'access_key_id', 'secret_access_key' and 'session_token'"
                                       : "'api_key'";
    default: return "'api_key'";
  }
}

/// A credential was refused: which one, and what may be wrong with it. Services answer so for another region, too.
std::string key_advice(ProviderConfig const& provider, std::string const& said) {
  std::string const credentials = credentials_of(provider);
  bool const is_key = credentials == "'api_key'";
  bool const shows_none = is_key && provider.api_keys.empty();
  std::string advice = shows_none            ? "it wants a key: set "
                       : says(said, "expir") ? "these credentials have expired: get new ones for "
                                             : "it does not take these credentials: look at ";
  advice.append(credentials);
  Vendor const* const vendor = provider.vendor;
  if (is_key && vendor != nullptr && !vendor->key_variable.empty())
    advice.append(" (").append(vendor->key_variable).append(")");
  if (!provider.aws.region.empty())
    advice.append("; 'region' is ")
        .append(provider.aws.region)
        .append(": models are enabled in each by itself");
  if (vendor != nullptr) {
    std::string const others = other_regions(*vendor);
    if (!others.empty())
      advice.append("; or the key is one of another region: try the vendor ").append(others);
    advice.append("; keys are told of at ").append(vendor->docs);
  }
  return advice;
}

/// A host with the name of a region or of a resource in it is unknown where that is wrong.
std::string connect_advice(ProviderConfig const& provider, std::string const& message) {
  if (says(message, "resolved")) {
    std::string parts;
    if (provider.vendor != nullptr)
      for (auto const& name : placeholders_in(provider.vendor->base_url))
        parts.append(", '").append(name).append("'");
    return "DNS does not know the host: check it in 'base_url' (" + provider.base_url + ")" + parts +
           ", and this machine's name service";
  }
  if (says(message, "TLS") || says(message, "certificate"))
    return "TLS: check that 'base_url' says https where the server does, 'ca_file' for a private authority, "
           "and this "
           "machine's clock";
  return "nobody answers there: check host and port of 'base_url' (" + provider.base_url +
         "), that the server runs, and firewalls";
}

/// What the person at the terminal can do. `model` is empty for the list.
std::string advice_for(Error const& error, ProviderConfig const& provider, std::string const& model,
                       std::vector<ModelOffer> const& offers) {
  if (error.code() == Errc::upstream_auth)
    return key_advice(provider, error.message() + " " + error.upstream_message());
  if (error.code() == Errc::rate_limited || error.upstream_status() == 429)
    return "a rate limit or a quota: wait and try again, or look at the account's limits and credit";
  if (error.code() == Errc::quota_exceeded || error.upstream_status() == 402)
    return "the account has no quota left: look at its credit and billing";
  if (error.upstream_status() == 404 && model.empty())
    return "no list of models is there: check the path of 'base_url' (" + provider.base_url +
           "); some servers have none";
  if (error.upstream_status() == 404)
    return "there is no model '" + model + "', or 'base_url' is wrong (" + provider.base_url + ")" +
           (offers.empty() ? "" : "; it has " + first_of(offers)) + "; choose with --model";
  switch (error.code()) {
    case Errc::connect_failed: return connect_advice(provider, error.message());
    case Errc::connect_timeout:
      return "no connection in time: check the host of 'base_url', proxies and firewalls, or raise "
             "'timeouts.connect'";
    case Errc::first_token_timeout:
    case Errc::between_tokens_timeout:
    case Errc::whole_timeout: return "too slow: raise 'timeouts', or ask a smaller model with --model";
    case Errc::malformed_reply:
    case Errc::connection_lost:
      return "that is not how the protocol '" + std::string(name_of(provider.type)) +
             "' answers: check 'type' and 'base_url' (" + provider.base_url + ")";
    case Errc::upstream_failed:
      return "the provider's own trouble: try again later, or another model with --model";
    case Errc::upstream_rejected:
      if (!offers.empty() && !is_offered(offers, model))
        return "its list has no model '" + model + "'; it has " + first_of(offers) + "; choose with --model";
      return "it refuses the request: what it says tells why; another model may do (--model)";
    default: return "see what it says";
  }
}

/// Only the provider, with a model for every name: one attempt, nothing in its way.
Config config_of(ProviderConfig provider) {
  provider.retry.attempts = 1;
  provider.limits = {};
  provider.bulkhead.reset();
  ModelConfig any;
  any.name = "*";
  any.doors = doors_of(provider.type);
  TargetConfig target;
  target.provider = provider.name;
  RouteConfig route;
  route.name = provider.name + "/";
  route.is = std::move(target);
  any.route.members.push_back(std::move(route));
  Config config;
  config.providers.push_back(std::move(provider));
  config.models.push_back(std::move(any));
  return config;
}

/// The model to chat with: the one that is said, or the best one that is offered.
std::string choose(ProbeOptions const& options, std::vector<ModelOffer> const& offers) {
  if (!options.model.empty()) return options.model;
  for (auto const& candidate : options.candidates)
    if (is_offered(offers, candidate)) return candidate;
  if (!options.candidates.empty()) return options.candidates.front();
  return offers.empty() ? std::string() : offers.front().id;
}

class Probe {
 public:
  Probe(Snapshot& snapshot, ProbeOptions const& options) : snapshot_(snapshot), options_(options) {}

  Task<void> run(asio::any_io_executor executor) {
    if (!snapshot_.backends.empty()) co_await list(executor);
    std::string const model = choose(options_, offers_);
    if (model.empty()) {
      steps_.push_back({"chat", false, {}, "no model to ask is known", "say which one with --model"});
      co_return;
    }
    co_await chat(executor, model);
  }
  std::vector<ProbeStep> take() && { return std::move(steps_); }

 private:
  ProviderConfig const& provider() const { return snapshot_.config.providers.front(); }

  Task<void> list(asio::any_io_executor executor) {
    LocalCall call(executor);
    ModelOffersRequest const request;
    auto const begin = Clock::now();
    Result<ModelOffers> offers = co_await snapshot_.backends.front().list(request, call);
    ProbeStep step{"model list", offers.has_value(), since(begin), {}, {}};
    if (offers) {
      offers_ = offers->models();
      step.said = std::to_string(offers_.size()) + " models: " + first_of(offers_);
    } else {
      step.said = told(offers.error());
      step.advice = advice_for(offers.error(), provider(), {}, offers_);
    }
    steps_.push_back(std::move(step));
  }

  Task<void> chat(asio::any_io_executor executor, std::string model) {
    constexpr std::int64_t enough = 256;  // for models that think first, too
    LocalCall call(executor);
    ChatRequest request(model);
    request.add(Role::user, "Reply with the one word: ready");
    request.edit().max_tokens = enough;
    auto const begin = Clock::now();
    Result<ChatReply> reply = co_await snapshot_.answer->inner()(request, call);
    if (!reply) {
      failed(model, since(begin), reply.error());
      co_return;
    }
    Result<Answer> answer = co_await collect(*reply, call);
    if (!answer) {
      failed(model, since(begin), answer.error());
      co_return;
    }
    std::string const text = one_line(answer->text(), 60);
    steps_.push_back({"chat",
                      true,
                      since(begin),
                      model + " says " + (text.empty() ? "nothing within the limit" : "\"" + text + "\""),
                      {}});
  }

  void failed(std::string const& model, std::chrono::milliseconds took, Error const& error) {
    steps_.push_back(
        {"chat", false, took, model + ": " + told(error), advice_for(error, provider(), model, offers_)});
  }

  Snapshot& snapshot_;
  ProbeOptions const& options_;
  std::vector<ModelOffer> offers_;
  std::vector<ProbeStep> steps_;
};

}  // namespace

Result<std::vector<ProbeStep>> probe(ProviderConfig provider, ProbeOptions const& options) {
  asio::io_context loop(1);
  // Nothing is recorded: the router is asked below the meter, so that no journal is needed.
  auto snapshot =
      build_snapshot(config_of(std::move(provider)), nullptr, net::KeyHash(), JournalSink(nullptr), {}, {});
  if (!snapshot) return fail(snapshot.error());
  Probe probe(**snapshot, options);
  asio::co_spawn(loop, [&] { return probe.run(loop.get_executor()); }, asio::detached);
  loop.run();
  return std::move(probe).take();
}

}  // namespace lowart::server
