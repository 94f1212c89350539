#include <lowart/model/rare.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace lowart::rare_test {
namespace {

TEST(Rare, ReadsAsNothingUntilItIsWritten) {
  Rare<std::string> text;
  EXPECT_EQ(*text, "");
  text.edit() = "said";
  EXPECT_EQ(*text, "said");
  EXPECT_EQ(text->size(), 4U);
  EXPECT_EQ(*Rare<std::string>(), "") << "what one says is not said by the others";
}

TEST(Rare, IsCopiedAsAValue) {
  Rare<std::string> first;
  first.edit() = "one";
  Rare<std::string> second = first;
  second.edit() += " more";
  EXPECT_EQ(*first, "one");
  first = second;
  EXPECT_EQ(*first, "one more");
  first = Rare<std::string>();
  EXPECT_EQ(*first, "");
  Rare<std::string> const third = std::move(second);
  EXPECT_EQ(*third, "one more");
}

TEST(Rare, IsComparedAsAValue) {
  Rare<std::string> written, untouched;
  EXPECT_TRUE(written == untouched);
  written.edit();
  EXPECT_TRUE(written == untouched);
  written.edit() = "x";
  EXPECT_FALSE(written == untouched);
}

}  // namespace
}  // namespace lowart::rare_test
