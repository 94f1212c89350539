#include <lowart/net/siphash.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::net::siphash_test {
namespace {

/// What CPython 3.11 hashes bytes to, which does so by SipHash-1-3, with its secret set to zeros (PYTHONHASHSEED=0).
TEST(SipHash, IsThatOfAnotherProgram) {
  std::string bytes;
  for (std::size_t i = 0; i < 63; ++i) bytes.push_back(static_cast<char>(i));
  for (auto const& [size, hash] : {std::pair<std::size_t, std::uint64_t>{1, 0x68a914128e01e473},
                                   {7, 0x2f098ab0c751325a},
                                   {8, 0xead411e67ebe2eea},
                                   {9, 0x75927f9d95124362},
                                   {15, 0xf30eb725bb91c9ea},
                                   {16, 0x8972188433a5c5b7},
                                   {49, 0x23cece041d7866b0},
                                   {63, 0x385d3e39e5f37359}})
    EXPECT_EQ(siphash({0, 0}, std::string_view(bytes).substr(0, size)), hash) << size;
}

TEST(SipHash, DependsOnBothHalvesOfItsKey) {
  EXPECT_NE(siphash({0, 0}, "text"), siphash({1, 0}, "text"));
  EXPECT_NE(siphash({0, 0}, "text"), siphash({0, 1}, "text"));
}

}  // namespace
}  // namespace lowart::net::siphash_test
