#include "offered_models.hpp"

#include "config_readers.hpp"
#include "event_log.hpp"
#include "model_facts.hpp"

#include <lowart/gateway/local_call.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

namespace lowart::server {

namespace {

constexpr std::chrono::minutes keeps{5};
constexpr std::chrono::seconds pause_after_failure{30};

std::size_t stars_in(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '*'));
}

}  // namespace

std::optional<std::string> client_name(std::string_view pattern, std::string_view model,
                                       std::string_view offered) {
  if (model.empty() && name_matches(pattern, offered)) return std::string(offered);
  bool const one_star_each = stars_in(model) == 1 && stars_in(pattern) == 1;
  if (!one_star_each || !name_matches(model, offered)) return std::nullopt;
  std::string name(pattern);
  name.replace(name.find('*'), 1, NamePattern(std::string(model)).star_in(offered));
  return name;
}

bool OfferedModels::is_asked(net::ServerRequest const& request, Snapshot const& snapshot) {
  return !snapshot.backends.empty() && Doors::asks_for_models(request) &&
         known_key(snapshot.keys, request).has_value();
}

Task<OfferedModels::List> OfferedModels::list(std::shared_ptr<Snapshot> snapshot) {
  ask_where_due(snapshot);
  while (waits_for_a_first_answer()) {
    boost::system::error_code ignored;
    co_await heard_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_return merged(*snapshot);
}

void OfferedModels::ask_where_due(std::shared_ptr<Snapshot> const& snapshot) {
  if (snapshot->revision > revision_) {
    revision_ = snapshot->revision;
    by_provider_.clear();
  }
  auto const now = std::chrono::steady_clock::now();
  for (Backend& backend : snapshot->backends) {
    Heard& heard = by_provider_[backend.provider];
    if (heard.asking || now < heard.again_at) continue;
    heard.asking = true;
    asio::co_spawn(
        executor_, [self = shared_from_this(), snapshot, &backend]() { return self->ask(snapshot, backend); },
        asio::detached);
  }
}

/// Nobody waits for its end: who is gone meanwhile loses nothing, and its clocks bound it.
Task<void> OfferedModels::ask(std::shared_ptr<Snapshot> snapshot, Backend& backend) {
  LocalCall call(executor_);
  ModelOffersRequest const request;
  Result<ModelOffers> offers = co_await backend.list(request, call);
  backend.state->store(offers ? 1 : 0, std::memory_order_relaxed);
  if (!offers)
    log_event(Level::warning, "model_list_failed",
              {{"provider", backend.provider}, {"error", offers.error().message()}});
  if (snapshot->revision == revision_) {
    Heard& heard = by_provider_[backend.provider];
    heard.asking = false;
    heard.failed = !offers;
    auto const now = std::chrono::steady_clock::now();
    heard.again_at = offers ? now + keeps : now + pause_after_failure;
    heard.answered = heard.answered || offers;
    if (offers) heard.models = offers->models();
  }
  heard_.cancel();  // wakes all who wait; each looks for itself
}

bool OfferedModels::waits_for_a_first_answer() const {
  return std::any_of(by_provider_.begin(), by_provider_.end(), [](auto const& entry) {
    return entry.second.asking && !entry.second.answered && !entry.second.failed;
  });
}

OfferedModels::List OfferedModels::merged(Snapshot const& snapshot) const {
  List list;
  list.cards = snapshot.models;
  // Where a card stands that a pattern led to; no place: its name stands in the file, which has told of it.
  std::map<std::string, std::optional<std::size_t>> places;
  for (ModelCard const& card : list.cards) places.emplace(card.id, std::nullopt);
  for (PatternTarget const& target : snapshot.pattern_targets) {
    auto const heard = by_provider_.find(target.provider);
    if (heard == by_provider_.end()) continue;
    for (ModelOffer const& offer : heard->second.models) {
      auto name = client_name(target.pattern, target.model, offer.id);
      if (!name) continue;
      auto const known = places.find(*name);
      if (known != places.end() && !known->second) continue;
      // Another pattern, or a plain name, may say more of it: then that route's targets tell.
      Route const* const route = snapshot.answer->inner().find(*name);
      if (route == nullptr || route->model != target.route) continue;
      ModelFacts facts = facts_of(*find_provider(snapshot.config.providers, target.provider), offer);
      if (target.price) facts.price = price_today(*target.price);
      if (known != places.end()) {
        ModelCard& card = list.cards[*known->second];
        card.facts = common(card.facts, facts);
        continue;
      }
      places.emplace(*name, list.cards.size());
      list.cards.push_back(ModelCard{std::move(*name), target.provider, route->doors, std::move(facts)});
    }
  }
  for (auto const& [provider, heard] : by_provider_)
    if (heard.failed || !heard.answered)
      list.missing.append(list.missing.empty() ? "" : ", ").append(provider);
  return list;
}

}  // namespace lowart::server
