#pragma once
/// PriceTable: which price a call is billed by, and what that is called in its record.

#include "config.hpp"

#include <lowart/meter/metered.hpp>
#include <lowart/meter/price_card.hpp>
#include <lowart/model/name_table.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

/// A card with what each of its prices is called.
struct NamedCard {
  /// `name` and, where a price has one, its day: "file:gpt-4o@2026-01-01".
  NamedCard(std::string const& name, PriceCard card);
  Priced price(Usage const& usage, PriceFacts const& facts) const noexcept;

  PriceCard card;
  std::vector<std::string> names;  ///< In the order of the card.
};

/// The prices of a configuration. Immutable.
///
/// The price of the target that answers goes first, then its model's, then what the catalogue knows of the model that was
/// asked for upstream. They are called "file:MODEL/PROVIDER", "file:MODEL" and "catalogue:VENDOR/MODEL", with "@" and the
/// day from which they hold, or on which the catalogue's was looked up.
class PriceTable {
 public:
  explicit PriceTable(Config const& config);

  /// Of a call that a model's targets answered. `used_before`: what its model's calls used in the month before it.
  Priced price(Billed const& billed, Usage const& usage, std::int64_t used_before) const;
  /// Of a call of a vendor's own API.
  Priced passed(Billed const& billed, Usage const& usage) const;
  /// The configured model whose use in a month decides on the price of a call for `model`; empty where none does.
  std::string_view volume_of(std::string_view model) const;
  /// Whether some call's price depends on such.
  bool has_volume() const noexcept { return has_volume_; }

 private:
  struct OfTarget {
    std::string provider;
    std::string model;  ///< Empty: whichever the client names.
    NamedCard card;
  };
  struct OfModel {
    std::string name;
    std::optional<NamedCard> usual;
    std::vector<OfTarget> own;
    std::vector<std::string> providers;
    bool has_volume{false};

    NamedCard const* find(Billed const& billed) const;
  };
  static OfModel prices_of(ModelConfig const& model);
  NamedCard const* listed(std::string_view provider, std::string_view upstream_model) const;

  NameTable<std::shared_ptr<OfModel const>> models_;
  std::map<std::string, std::map<std::string, NamedCard, std::less<>>, std::less<>>
      listed_;  ///< By provider.
  bool has_volume_{false};
};

/// How much was used of models in a month, for prices that depend on it. Thread safe. Kept in memory: a server that
/// starts adds what its database has of the month.
class MonthVolumes {
 public:
  /// What is used so far in the month of `when` (UTC microseconds).
  std::int64_t used(std::string_view model, std::int64_t when) const;
  /// Adds to it, and returns what was used before.
  std::int64_t add(std::string_view model, std::int64_t when, std::int64_t tokens);

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::int64_t, std::string>, std::int64_t> tokens_;  ///< By month.
};

/// A sink in front of another: counts what goes into prices that depend on it.
template <UsageSink Sink>
class CountingSink {
 public:
  CountingSink(Sink sink, std::shared_ptr<PriceTable const> prices, std::shared_ptr<MonthVolumes> volumes)
      : sink_(std::move(sink)), prices_(std::move(prices)), volumes_(std::move(volumes)) {}
  Result<void> append(UsageRecord const& record) {
    if (auto const model = prices_->volume_of(record.model); !model.empty())
      volumes_->add(model, record.started_at, record.usage.total());
    return sink_.append(record);
  }

 private:
  Sink sink_;
  std::shared_ptr<PriceTable const> prices_;
  std::shared_ptr<MonthVolumes> volumes_;
};

}  // namespace lowart::server
