#pragma once
/// OfferedModels: what stands behind the patterns of a configuration, as the providers themselves list it.

#include "snapshot.hpp"

#include <lowart/core/task.hpp>

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::server {

/// What a client asks for to get `offered` from a target: nullopt where no name leads there. `pattern` is the model's
/// name in the file, `model` the target's (empty: the client's name goes on as it is).
std::optional<std::string> client_name(std::string_view pattern, std::string_view model,
                                       std::string_view offered);

/// The lists of models of all providers that patterns lead to, asked for at once and remembered for five minutes; for
/// thirty seconds where a provider did not answer. A list that is older is shown while the new one is on its way; only
/// the first one is waited for.
///
/// One for each event loop, used on its thread only.
class OfferedModels : public std::enable_shared_from_this<OfferedModels> {
 public:
  explicit OfferedModels(asio::any_io_executor executor)
      : executor_(std::move(executor)), heard_(executor_, std::chrono::steady_clock::time_point::max()) {}

  /// Whether the request is for the list of models, from a key that is known, and that is not all in the configuration.
  static bool is_asked(net::ServerRequest const& request, Snapshot const& snapshot);
  /// What there is to ask for by name, and who did not say what they have.
  struct List {
    std::vector<ModelCard> cards;
    std::string missing;  ///< Names of providers, with commas.
  };
  /// Known after the first answers of the providers, or what became of them (5 s at most).
  Task<List> list(std::shared_ptr<Snapshot> snapshot);

 private:
  struct Heard {
    std::vector<ModelOffer> models;
    TimePoint again_at{};
    bool answered{false};  ///< At least once.
    bool failed{false};    ///< The last time.
    bool asking{false};
  };

  void ask_where_due(std::shared_ptr<Snapshot> const& snapshot);
  Task<void> ask(std::shared_ptr<Snapshot> snapshot, Backend& backend);
  bool waits_for_a_first_answer() const;
  List merged(Snapshot const& snapshot) const;

  asio::any_io_executor executor_;
  asio::steady_timer heard_;  ///< Never rings: cancelled, it wakes those who wait when somebody has answered.
  std::map<std::string, Heard, std::less<>> by_provider_;
  std::uint64_t revision_{0};
};

}  // namespace lowart::server
