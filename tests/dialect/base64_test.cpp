// base64 in both alphabets: what is written is read again, and base64url has one spelling only.

#include <lowart/dialect/base64.hpp>

#include <gtest/gtest.h>

#include <string>

namespace lowart::base64_test {
namespace {

using namespace lowart::dialect;

TEST(Base64, WritesTheCasesOfTheRfc) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foo"), "Zm9v");
  EXPECT_EQ(to_base64("foob"), "Zm9vYg==");
  EXPECT_EQ(to_base64url("fo"), "Zm8");
  EXPECT_EQ(to_base64url("\xfb\xff"), "-_8");
}

TEST(Base64, ReadsWhatItWrote) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    EXPECT_EQ(from_base64(to_base64url(bytes)), bytes);
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
    bytes.push_back(static_cast<char>(i * 7));
  }
}

TEST(Base64, OfUrlsHasOneSpellingForEachText) {
  EXPECT_EQ(from_base64url("Zm8"), "fo");
  for (char const* other : {"Zm8=", "Zm9", "Zm-", "+/8", "Zh", "Z", "Zm 8", "Zm8\n", "Zm9v="})
    EXPECT_FALSE(from_base64url(other)) << other;
  EXPECT_EQ(from_base64url("Zg"), "f");
  EXPECT_EQ(from_base64url(""), "");
}

}  // namespace
}  // namespace lowart::base64_test
