#pragma once
/// Snapshot: one configuration at work: immutable, swapped whole.

#include "config.hpp"
#include "fetched_credentials.hpp"
#include "identity/oidc_login.hpp"
#include "price_table.hpp"

#include <lowart/gateway/doors.hpp>
#include <lowart/gateway/journal_sink.hpp>
#include <lowart/gateway/limit_rules.hpp>
#include <lowart/meter/metered.hpp>
#include <lowart/model/model_offers.hpp>
#include <lowart/net/http_client.hpp>
#include <lowart/policy/answer_cache.hpp>
#include <lowart/policy/breaker_state.hpp>
#include <lowart/policy/bulkhead.hpp>
#include <lowart/policy/hedge_decision.hpp>
#include <lowart/policy/limited.hpp>
#include <lowart/policy/passthrough_router.hpp>
#include <lowart/policy/resume.hpp>
#include <lowart/policy/router.hpp>
#include <lowart/policy/shape.hpp>
#include <lowart/policy/target_load.hpp>
#include <lowart/provider/any_provider.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace lowart::server {

/// A breaker and whom it guards, for metrics.
struct NamedBreaker {
  std::string provider;
  std::string model;   ///< Empty: all that are asked with the key.
  std::size_t key{0};  ///< Which of its provider's keys, from 1; 0: the only one, or all of them.
  std::shared_ptr<BreakerState> state;
};
/// What a target may be asked, and how much of that is used.
struct NamedLimit {
  std::string provider;
  std::string model;  ///< Empty: all of the provider.
  Limits limits;
  std::shared_ptr<TargetLimit> limit;
};
/// One whom limits are set for.
struct LimitSubject {
  enum class Kind : std::uint8_t { key, user, team, model, type };
  Kind kind{};
  std::string name;                  ///< As the configuration has it.
  std::vector<std::string> records;  ///< Under which names records tell of it: its keys, or its models.
  std::shared_ptr<LimitState> state;
};
/// How busy and how slow one of a balanced pool is.
struct NamedLoad {
  std::string pool;  ///< The model, or the provider with several keys.
  std::string target;
  std::shared_ptr<TargetLoad> load;
};
/// Places that calls wait for.
struct NamedBulkhead {
  std::string name;  ///< "provider NAME", "target PROVIDER/MODEL", or a pool's as NamedHedge has it.
  BulkheadOptions options;
  std::shared_ptr<BulkheadPlaces> places;
};
/// What is learned of the targets of a group that is hedged.
struct NamedHedge {
  std::string pool;  ///< A model, a group within one, or "group NAME", which all models share that use it.
  std::vector<std::string> targets;
  std::shared_ptr<HedgeState> state;
};

/// A provider whose own list of models tells what a pattern stands for.
struct Backend {
  using Lister = AnyProviderOf<ModelOffersRequest>;
  std::string provider;
  Lister list;
  std::shared_ptr<std::atomic<int>> state{
      std::make_shared<std::atomic<int>>(-1)};  ///< 1: it answered, 0: not, -1: never asked.
};
/// A target that a pattern leads to.
struct PatternTarget {
  std::string route;    ///< The model in the file.
  std::string pattern;  ///< That, or an alias of it.
  std::string provider;
  std::string model;               ///< As the target has it; may be empty.
  std::optional<PriceCard> price;  ///< Its own or its model's; unset: the catalogue's.
};
/// Answers that are kept.
struct NamedCache {
  std::string name;                  ///< The model's; numbered where it has several.
  std::vector<std::string> answers;  ///< Who answers: when that changes, what they said is forgotten.
  std::shared_ptr<AnswerCache> cache;
};

/// What a request meets. A request keeps the snapshot it began with.
struct Snapshot {
  using Answer = Metered<Router, CountingSink<JournalSink>>;
  using Passthroughs = Metered<PassthroughRouter, JournalSink>;

  Config config;
  std::uint64_t revision{1};
  Keyring keys;
  std::vector<ModelCard> models;  ///< Those with a name of their own.
  std::vector<PatternTarget> pattern_targets;
  std::vector<Backend> backends;  ///< That pattern_targets name and that have a list.
  std::vector<NamedBreaker> breakers;
  std::vector<NamedLimit> target_limits;
  std::vector<LimitSubject> subjects;  ///< All of the file that have limits, but targets.
  std::map<std::string, std::shared_ptr<OutputEstimate>> outputs;  ///< What answers have had, by model.
  PriceLookup price_of;                                            ///< By `prices` and `volumes`.
  std::function<void(LimitNotice const&)> on_limit;                ///< Any thread.
  std::vector<NamedLoad> loads;
  std::vector<NamedHedge> hedges;
  std::map<std::string, std::shared_ptr<ResumeCounts>> resumes;  ///< By model.
  std::map<std::string, std::shared_ptr<ShapeCounts>> shapes;    ///< By model.
  std::vector<NamedCache> caches;
  std::vector<NamedBulkhead> bulkheads;
  std::shared_ptr<PriceTable const> prices;
  std::shared_ptr<MonthVolumes> volumes;
  std::unordered_map<std::string, net::HttpTransport> transports;  ///< By provider name.
  std::unordered_map<std::string, FetchedCredentials>
      fetched;                      ///< By provider name, of those that fetch some.
  std::shared_ptr<OidcLogin> oidc;  ///< Null: there is no identity provider.
  std::shared_ptr<Answer> answer;
  std::shared_ptr<Passthroughs> passthrough;
};

/// Builds a snapshot. Keys are looked up by `hash`; those of accounts are taken over from `before`. What must outlast a reload (limits in use, breaker states, warm connections) is taken over
/// from `before`, which may be null.
Result<std::shared_ptr<Snapshot>> build_snapshot(Config config, Snapshot const* before,
                                                 net::KeyHash const& hash, JournalSink sink,
                                                 std::function<void(Error const&)> on_sink_failure,
                                                 std::function<void(LimitNotice const&)> on_limit);

/// What the clocks of this machine show.
LimitTime moment_now();

}  // namespace lowart::server
