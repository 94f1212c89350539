#pragma once
/// When: asks one provider or another, by what the request is.

#include <lowart/model/name_pattern.hpp>
#include <lowart/policy/request_facts.hpp>
#include <lowart/provider/capability.hpp>
#include <lowart/provider/provider.hpp>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// A question to a request. Models: Condition, any function of RequestFacts.
template <class T>
concept FactTest = std::predicate<T const&, RequestFacts const&>;

/// A header field that must be there and look like one of the patterns; `*` alone: that is there at all.
struct HeaderTest {
  std::string name;  ///< In lower case.
  std::vector<std::string> patterns;
};

/// What a configuration file can ask of a request. All that is set must hold; nothing set holds always.
struct Condition {
  std::vector<HeaderTest> headers{};
  std::vector<std::string> keys{};                 ///< Names of API keys, or patterns of them: any of these.
  std::optional<std::int64_t> min_input_tokens{};  ///< At least so many, as RequestFacts estimates them.
  std::optional<std::int64_t> max_input_tokens{};  ///< At most so many.
  std::optional<bool> streamed{};
  std::optional<bool> tools{};
  std::optional<bool> images{};

  /// Asks the cheap questions first.
  bool operator()(RequestFacts const& facts) const {
    if (!keys.empty() && !is_like_any(facts.key(), keys)) return false;
    if (min_input_tokens && facts.input_tokens() < *min_input_tokens) return false;
    if (max_input_tokens && facts.input_tokens() > *max_input_tokens) return false;
    if (streamed && facts.streamed() != *streamed) return false;
    auto const fits = [&](HeaderTest const& test) {
      std::string_view const value = facts.header(test.name);
      return !value.empty() && is_like_any(value, test.patterns);
    };
    if (!std::all_of(headers.begin(), headers.end(), fits)) return false;
    if (tools && facts.has_tools() != *tools) return false;
    return !images || facts.has_images() == *images;
  }

 private:
  static bool is_like_any(std::string_view text, std::vector<std::string> const& patterns) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [text](std::string const& pattern) { return name_matches(pattern, text); });
  }
};

/// Stands where a When has no else: refuses with Errc::unsupported, after which a chain goes on.
struct Nobody {
  std::string_view name() const { return "nobody"; }
  template <Request R>
  Task<ReplyOf<R>> operator()(R const&, Call&) {
    co_return fail(Errc::unsupported, "no route of this model takes a request like this one");
  }
};

/// Hands a request on to `Then` when the test holds for it, else to `Else`.
///
/// Errors: those of whoever is asked; unsupported when there is no else. Cost: what the test asks of RequestFacts; no
/// coroutine frame.
///
///     auto answer = When{Condition{.images = true}, sees, reads};
///     auto chain = Fallback{When{[](RequestFacts const& f) { return f.input_tokens() > 100'000; }, long_one}, usual};
template <FactTest T, Provider Then, Provider Else = Nobody>
class When {
 public:
  When(T test, Then then, Else otherwise)
      : test_(std::move(test)), then_(std::move(then)), otherwise_(std::move(otherwise)) {}
  When(T test, Then then)
    requires std::same_as<Else, Nobody>
      : When(std::move(test), std::move(then), Nobody{}) {}

  std::string_view name() const { return "when"; }
  /// Where both serve: which of them it is, the door cannot know. Nobody is no hindrance.
  DoorSet doors() const {
    if constexpr (std::same_as<Else, Nobody>) return doors_of(then_);
    else return doors_of(then_) & doors_of(otherwise_);
  }

  template <Request R>
    requires(Serves<Then, R> && Serves<Else, R>)
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    RequestFacts const facts(request, call);
    if (std::as_const(test_)(facts)) return then_(request, call);
    return otherwise_(request, call);
  }

 private:
  T test_;
  Then then_;
  Else otherwise_;
};

template <class T, class Then, class Else>
When(T, Then, Else) -> When<T, Then, Else>;
template <class T, class Then>
When(T, Then) -> When<T, Then, Nobody>;

}  // namespace lowart
