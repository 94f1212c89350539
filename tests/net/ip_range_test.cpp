#include <lowart/net/ip_range.hpp>

#include <gtest/gtest.h>

#include <string>

namespace lowart::net::ip_range_test {
namespace {

bool contains(std::string_view range, std::string_view address) {
  auto const parsed = IpRange::parse(range);
  EXPECT_TRUE(parsed) << range << ": " << (parsed ? "" : parsed.error().message());
  auto const one = IpAddress::parse(address);
  EXPECT_TRUE(one) << address;
  return parsed && one && parsed->contains(*one);
}

TEST(IpRange, HoldsWhatBeginsWithItsPrefix) {
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.200"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(contains("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(contains("192.0.2.7", "192.0.2.6"));
  EXPECT_TRUE(contains("2001:db8::/32", "2001:db8:ffff::1"));
  EXPECT_FALSE(contains("2001:db8::/32", "2001:db9::1"));
  EXPECT_TRUE(contains("2001:db8::1", "2001:db8::1"));
}

TEST(IpRange, KeepsTheFamiliesApart) {
  EXPECT_TRUE(contains("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(contains("0.0.0.0/0", "::1"));
  EXPECT_FALSE(contains("::/0", "203.0.113.9"));
  EXPECT_TRUE(contains("::/0", "fe80::1%eth0"));
}

TEST(IpRange, TakesAMappedAddressForOneOfIpv4) {
  EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
  EXPECT_TRUE(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
  EXPECT_TRUE(contains("::ffff:192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(IpRange::parse("::ffff:0.0.0.0/80"));
}

TEST(IpAddress, IsNothingElse) {
  for (std::string const text : {"", "1.2.3", "1.2.3.4.5", "01.2.3.4", "::g", "1.2.3.4 ", "localhost"})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0x", 9)));
  EXPECT_FALSE(IpAddress::parse(std::string(1000, ':')));
  EXPECT_TRUE(IpAddress::parse("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"));
}

TEST(IpRange, SaysWhatIsWrong) {
  auto const why = [](std::string_view text) {
    auto const range = IpRange::parse(text);
    EXPECT_FALSE(range) << text;
    return range ? std::string() : range.error().message();
  };
  for (auto const* text : {"", "/8", "10.0.0", "example.org", "10.0.0.0/8/8", "fe80::1%eth0"}) why(text);
  for (auto const* text : {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/-1", "::/129"})
    EXPECT_NE(why(text).find("prefix"), std::string::npos) << text;
  EXPECT_NE(why("10.1.0.0/8").find("bits behind the prefix"), std::string::npos);
  EXPECT_NE(why("x").find("write 10.0.0.0/8"), std::string::npos);
}

TEST(PeerRanges, AllowAnybodyWhereThereAreNone) {
  PeerRanges const none;
  EXPECT_TRUE(none.allow("192.0.2.1:80"));
  EXPECT_TRUE(none.allow("unix"));
}

TEST(PeerRanges, LookAtTheAddressOfAPeer) {
  PeerRanges some;
  ASSERT_TRUE(some.add("127.0.0.1"));
  ASSERT_TRUE(some.add("::1"));
  EXPECT_TRUE(some.allow("127.0.0.1:51234"));
  EXPECT_TRUE(some.allow("[::1]:51234"));
  EXPECT_FALSE(some.allow("127.0.0.2:51234"));
  EXPECT_FALSE(some.allow("unix"));
  EXPECT_FALSE(some.allow(""));
  ASSERT_TRUE(some.add("unix"));
  EXPECT_TRUE(some.allow("unix"));
  EXPECT_FALSE(some.add("nowhere"));
}

}  // namespace
}  // namespace lowart::net::ip_range_test
