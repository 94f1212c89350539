#include <lowart/model/losses.hpp>

#include <gtest/gtest.h>

namespace lowart::losses_test {
namespace {

using namespace lowart;

TEST(Losses, DropsHintsAndRefusesWhatChangesTheAnswer) {
  Losses losses;
  losses.lose(Weight::hint, "metadata", "cannot be said");
  EXPECT_FALSE(losses.refused());
  losses.lose(Weight::meaning, "top_k", "cannot be said to a provider that speaks openai_chat");
  losses.lose(Weight::meaning, "seed", "cannot be said either");
  ASSERT_TRUE(losses.refused());
  EXPECT_EQ(losses.refused()->code(), Errc::unsupported);
  EXPECT_EQ(losses.refused()->param(), "top_k");
  EXPECT_EQ(losses.refused()->message(),
            "the field 'top_k' cannot be said to a provider that speaks openai_chat");
  EXPECT_EQ(http_status(*losses.refused()), 400);
  EXPECT_EQ(losses.header(), "metadata");
}

TEST(Losses, ObeysTheOperator) {
  Losses strict(MayDrop::nothing);
  strict.lose(Weight::hint, "metadata", "cannot be said");
  EXPECT_TRUE(strict.refused());
  Losses lax(MayDrop::anything);
  lax.lose(Weight::meaning, "top_k", "cannot be said");
  EXPECT_FALSE(lax.refused());
  EXPECT_EQ(lax.header(), "top_k");
}

TEST(Losses, WritesAHeaderOfPlainTextAndOfBoundedLength) {
  Losses losses(MayDrop::anything);
  losses.lose(Weight::hint, "a\r\nb", "");
  losses.lose(Weight::hint, "a\r\nb", "");
  EXPECT_EQ(losses.header(), "a??b");
  for (int i = 0; i < 1000; ++i) losses.lose(Weight::hint, "field" + std::to_string(i), "");
  EXPECT_LE(losses.header().size(), 1024U);
  EXPECT_TRUE(losses.header().ends_with(", ..."));
}

}  // namespace
}  // namespace lowart::losses_test
