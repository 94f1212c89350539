// Error, Secret, Usage and money: the words everyone uses.
#include <lowart/core/error.hpp>
#include <lowart/core/money.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>
#include <lowart/core/usage.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <set>
#include <string>
#include <type_traits>

namespace lowart::words_test {
namespace {

using namespace std::chrono_literals;

TEST(Error, CarriesWhatAPolicyAndAClientNeed) {
  Error const error = Error(Errc::rate_limited, "ours", Origin::upstream)
                          .with_sent(Sent::yes)
                          .with_retryable(true)
                          .with_upstream_status(429)
                          .with_retry_after(3s)
                          .with_upstream_message("theirs")
                          .with_upstream_body("{}")
                          .with_param("model");
  EXPECT_EQ(error.code(), Errc::rate_limited);
  EXPECT_EQ(error.origin(), Origin::upstream);
  EXPECT_EQ(error.sent(), Sent::yes);
  EXPECT_TRUE(error.retryable());
  EXPECT_EQ(error.upstream_status(), 429);
  EXPECT_EQ(error.retry_after(), 3s);
  EXPECT_EQ(error.message(), "ours");
  EXPECT_EQ(error.upstream_message(), "theirs");
  EXPECT_EQ(error.upstream_body(), "{}");
  EXPECT_EQ(error.param(), "model");
}

TEST(Error, PromisesNothingByDefault) {
  Error const error(Errc::internal);
  EXPECT_FALSE(error.retryable());
  EXPECT_EQ(error.sent(), Sent::nothing);
  EXPECT_LT(error.retry_after().count(), 0);
  static_assert(!std::is_aggregate_v<Error>, "an aggregate is destroyed twice by g++ 12 next to co_await");
}

TEST(Errc, EachCodeHasItsOwnNameAndAStatus) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Errc::internal); ++i) {
    auto const code = static_cast<Errc>(i);
    names.insert(to_string(code));
    EXPECT_GE(http_status(Error(code)), 400) << to_string(code);
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Errc::internal) + 1);
}

TEST(Result, FailsWithAnError) {
  auto const divide = [](int a, int b) -> Result<int> {
    if (b == 0) return fail(Errc::invalid_request, "by zero", Origin::client);
    return a / b;
  };
  EXPECT_EQ(divide(6, 3).value(), 2);
  EXPECT_EQ(divide(6, 0).error().message(), "by zero");
}

TEST(Secret, ShowsItselfOnlyWhenAsked) {
  Secret secret(std::string("sk-123"));
  EXPECT_EQ(secret.reveal(), "sk-123");
  EXPECT_TRUE(secret.equals("sk-123"));
  EXPECT_FALSE(secret.equals("sk-124"));
  EXPECT_FALSE(secret.equals("sk-1234"));
  EXPECT_FALSE(secret.equals("sk-12"));
  EXPECT_FALSE(secret.equals(""));
  EXPECT_TRUE(Secret().equals(""));
  EXPECT_FALSE(Secret().equals("x"));
}

TEST(Secret, IsEmptyAfterItMoved) {
  Secret a(std::string("a long secret that lives on the heap, not in the string itself"));
  Secret b = std::move(a);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_FALSE(b.empty());
  Secret c = b;
  b = std::move(c);
  EXPECT_EQ(b.reveal().substr(0, 6), "a long");
}

template <class T>
concept Comparable = requires(T const& a, T const& b) { a == b; };
static_assert(!Comparable<Secret>);

TEST(Secret, ComesFromTheEnvironment) {
  ::setenv("LOWART_TEST_SECRET", "hidden", 1);
  EXPECT_EQ(env_secret("LOWART_TEST_SECRET").reveal(), "hidden");
  ::unsetenv("LOWART_TEST_SECRET");
  EXPECT_TRUE(env_secret("LOWART_TEST_SECRET").empty());
}

TEST(NanoUsd, SaturatesInsteadOfWrapping) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ((NanoUsd(most) + NanoUsd(1)).count(), most);
  EXPECT_EQ((NanoUsd(-most) + NanoUsd(-most)).count(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ((NanoUsd(2) + NanoUsd(3)).count(), 5);
  EXPECT_LT(NanoUsd(2), NanoUsd(3));
}

TEST(Usage, TellsNotReportedFromZero) {
  Usage usage;
  EXPECT_TRUE(usage.empty());
  EXPECT_EQ(usage.get(UsageClass::reasoning), std::nullopt);
  usage.set(UsageClass::reasoning, 0);
  EXPECT_EQ(usage.get(UsageClass::reasoning), 0);
  EXPECT_FALSE(usage.empty());
  usage.set(UsageClass::reasoning, -5);
  EXPECT_EQ(usage.get(UsageClass::reasoning), std::nullopt);
}

TEST(Usage, ReplacesAndSumsDisjointClasses) {
  Usage usage;
  usage.set(UsageClass::input, 10);
  usage.set(UsageClass::input, 7);
  usage.set(UsageClass::cache_read, 100);
  usage.set(UsageClass::output, 3);
  usage.set(UsageClass::reasoning, 40);
  EXPECT_EQ(usage.input_total(), 107);
  EXPECT_EQ(usage.output_total(), 43);
  EXPECT_EQ(usage.total(), 150);
}

}  // namespace
}  // namespace lowart::words_test
