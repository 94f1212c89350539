#pragma once
/// Selections: in which order the targets of a Balance are tried. They decide only: time and randomness are arguments.

#include <lowart/core/clock.hpp>
#include <lowart/meter/price.hpp>
#include <lowart/policy/jitter_source.hpp>
#include <lowart/policy/request_facts.hpp>
#include <lowart/policy/target_load.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>

namespace lowart {

/// What a Selection knows of a target.
struct Candidate {
  std::string name{};  ///< Tells it from its siblings, also after a restart: sticky choices hang on it.
  double weight{1};    ///< Its share, 0 to 1e6. With 0 it is tried only when all others have failed.
  Price price{};       ///< What its tokens cost.
  std::shared_ptr<TargetLoad> load{};  ///< Not null once a Balance has it.
};

/// What a Selection knows of the moment. `random` is new for every call.
struct Moment {
  RequestFacts const& facts;
  TimePoint now;
  std::uint64_t random;
};

/// Places of targets, in the order in which they are to be tried.
class TargetOrder {
 public:
  static constexpr std::size_t most = 64;

  /// All targets as they stand in the file. `size` is at most `most`.
  explicit TargetOrder(std::size_t size) noexcept : size_(size) {
    std::iota(places_.begin(), places_.begin() + static_cast<std::ptrdiff_t>(size), std::uint8_t{0});
  }
  std::size_t size() const noexcept { return size_; }
  std::size_t operator[](std::size_t i) const noexcept { return places_[i]; }
  void swap(std::size_t i, std::size_t j) noexcept { std::swap(places_[i], places_[j]); }
  /// Lowest score first; `score(place)` is a double. Equal ones stay as they stand.
  template <class F>
  void sort_by(F&& score) {
    struct Scored {
      double score;
      std::uint8_t rank;  // of before
      std::uint8_t place;
    };
    std::array<Scored, most> all;
    for (std::size_t i = 0; i < size_; ++i)
      all[i] = {score(std::size_t{places_[i]}), static_cast<std::uint8_t>(i), places_[i]};
    // Not std::stable_sort, which allocates.
    std::sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(size_),
              [](Scored const& a, Scored const& b) {
                return std::tie(a.score, a.rank) < std::tie(b.score, b.rank);
              });
    for (std::size_t i = 0; i < size_; ++i) places_[i] = all[i].place;
  }

 private:
  std::array<std::uint8_t, most> places_;
  std::size_t size_;
};

/// Puts targets in order. Exemplar: Priority. Models: WeightedRandom, LeastInFlight, PowerOfTwo, Cheapest, Sticky,
/// AnySelection. The order comes as the file has it.
template <class S>
concept Selection =
    std::move_constructible<S> && requires(S const& selection, std::span<Candidate const> targets,
                                           Moment const& moment, TargetOrder& order) {
      { selection.arrange(targets, moment, order) } -> std::same_as<void>;
    };

namespace selection {

inline constexpr double last = std::numeric_limits<double>::infinity();

/// The draw of one target in a weighted lottery: the lowest wins. `unit` is uniform in (0, 1]. The k-th lowest of all
/// is the k-th that is drawn by weight without replacement (Efraimidis and Spirakis 2006, A-Res, whose key
/// unit^(1/weight) this is the negative logarithm of).
inline double draw(double unit, double weight) noexcept {
  return weight > 0 ? -std::log(unit) / weight : last;
}

/// The same number for the same text, whichever build or machine: FNV-1a, mixed.
constexpr std::uint64_t hash_of(std::string_view text) noexcept {
  std::uint64_t h = 0xcbf29ce484222325U;
  for (char const c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return mix64(h);
}

/// Shuffles, so that what is sorted afterwards has no favourite among equals.
inline void shuffle(TargetOrder& order, std::uint64_t random) noexcept {
  JitterSource more(random);
  for (std::size_t i = order.size(); i > 1; --i) order.swap(i - 1, more.next() % i);
}

}  // namespace selection

/// As they stand: the first one, and the others when it fails.
struct Priority {
  void arrange(std::span<Candidate const>, Moment const&, TargetOrder&) const noexcept {}
};

/// At random, by weight, without replacement: with weights 3 and 1 the first target is asked first by three calls in
/// four, and who comes next is drawn by weight from the rest.
struct WeightedRandom {
  void arrange(std::span<Candidate const> targets, Moment const& moment, TargetOrder& order) const {
    JitterSource more(moment.random);
    order.sort_by(
        [&](std::size_t i) { return selection::draw(unit_interval(more.next()), targets[i].weight); });
  }
};

/// Fewest calls in flight first, for its weight; among equals at random.
struct LeastInFlight {
  void arrange(std::span<Candidate const> targets, Moment const& moment, TargetOrder& order) const {
    selection::shuffle(order, moment.random);
    order.sort_by([&](std::size_t i) {
      double const weight = targets[i].weight;
      return weight > 0 ? static_cast<double>(targets[i].load->in_flight() + 1) / weight : selection::last;
    });
  }
};

/// Of two targets taken at random the one that costs less (peak EWMA of its latency, for all its calls in flight); the
/// other one then meets a third, and so on. Unlike always taking the best one, this does not send a whole crowd to it at
/// once (Mitzenmacher 2001, "The Power of Two Choices"). Weights do not count, but for 0.
struct PowerOfTwo {
  void arrange(std::span<Candidate const> targets, Moment const& moment, TargetOrder& order) const {
    selection::shuffle(order, moment.random);
    for (std::size_t i = 0; i + 1 < order.size(); ++i)
      if (cost(targets[order[i + 1]], moment.now) < cost(targets[order[i]], moment.now)) order.swap(i, i + 1);
  }

 private:
  static double cost(Candidate const& target, TimePoint now) noexcept {
    return target.weight > 0 ? target.load->cost(now) : selection::last;
  }
};

/// What the request is expected to cost there, lowest first: its price for the estimate of input and output. Among
/// equals at random.
struct Cheapest {
  void arrange(std::span<Candidate const> targets, Moment const& moment, TargetOrder& order) const {
    Usage expected;
    expected.set(UsageClass::input, moment.facts.input_tokens());
    expected.set(UsageClass::output, moment.facts.output_tokens());
    selection::shuffle(order, moment.random);
    order.sort_by([&](std::size_t i) {
      if (!(targets[i].weight > 0)) return selection::last;
      return static_cast<double>(cost(expected, targets[i].price).count());
    });
  }
};

/// What calls have in common that should meet the same target.
enum class StickyBy : std::uint8_t {
  key,           ///< The API key.
  user,          ///< Who is behind the call, in the client's words: RequestFacts::user().
  conversation,  ///< How the conversation begins: RequestFacts::beginning().
  header,        ///< A header field of the client.
};

/// The same target for the same key, user, conversation or header, by weight, as long as it is there: each target
/// draws a number by rendezvous hashing (Thaler and Ravishankar 1998), so that one that comes or goes moves only its
/// own share, and those it loses spread over all others. Calls that have nothing to go by are spread at random.
///
/// For prompt caches: a provider's cache belongs to one account, and often to one machine.
struct Sticky {
  StickyBy by{StickyBy::conversation};
  std::string header{};  ///< In lower case; for StickyBy::header.

  void arrange(std::span<Candidate const> targets, Moment const& moment, TargetOrder& order) const {
    std::string const common = in_common(moment.facts);
    if (common.empty()) return WeightedRandom{}.arrange(targets, moment, order);
    std::uint64_t const hash = selection::hash_of(common);
    order.sort_by([&](std::size_t i) {
      std::uint64_t const meeting = mix64(hash ^ selection::hash_of(targets[i].name));
      return selection::draw(unit_interval(meeting), targets[i].weight);
    });
  }

 private:
  std::string in_common(RequestFacts const& facts) const {
    switch (by) {
      case StickyBy::key: return std::string(facts.key());
      case StickyBy::user: return facts.user();
      case StickyBy::conversation: return facts.beginning();
      case StickyBy::header: break;
    }
    return std::string(facts.header(header));
  }
};

/// A Selection that is known at run time: what a configuration file turns into.
class AnySelection {
 public:
  using Choice = std::variant<Priority, WeightedRandom, LeastInFlight, PowerOfTwo, Cheapest, Sticky>;

  AnySelection() = default;
  explicit AnySelection(Choice choice) : choice_(std::move(choice)) {}

  void arrange(std::span<Candidate const> targets, Moment const& moment, TargetOrder& order) const {
    std::visit([&](auto const& selection) { selection.arrange(targets, moment, order); }, choice_);
  }

 private:
  Choice choice_;
};

static_assert(Selection<AnySelection>);

}  // namespace lowart
