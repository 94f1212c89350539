#include <lowart/gateway/spool.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>

namespace lowart::spool_test {
namespace {

TEST(Spool, GivesBackWhatItTookWhereverItIsKept) {
  std::mt19937 random(7);
  for (std::size_t const size : {0U, 1U, 1000U, 262144U, 262145U, 1'000'000U}) {
    Spool spool("");
    std::string all;
    while (all.size() < size) {
      std::string piece(std::min<std::size_t>(size - all.size(), 1 + random() % 70'000), ' ');
      for (char& c : piece) c = static_cast<char>(random());
      ASSERT_TRUE(spool.append(piece));
      all += piece;
    }
    EXPECT_EQ(spool.size(), size);
    for (int round = 0; round < 2; ++round) {
      std::string read;
      while (read.size() < size) {
        auto const piece = spool.read(read.size(), 1 + random() % 100'000);
        ASSERT_TRUE(piece) << piece.error().message();
        ASSERT_FALSE(piece->empty());
        read += *piece;
      }
      EXPECT_TRUE(read == all);
    }
  }
}

TEST(Spool, TellsWhatStandsInItsWay) {
  Spool spool("/proc");
  EXPECT_TRUE(spool.append(std::string(Spool::memory_bytes, 'x')));
  EXPECT_FALSE(spool.has_memory_for(1));
  auto const refused = spool.append("y");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::storage_failed);
}

TEST(Spool, LeavesNoFileBehind) {
  std::string name = (std::filesystem::temp_directory_path() / "lowart-spool-test-XXXXXX").string();
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  {
    Spool spool(name);
    ASSERT_TRUE(spool.append(std::string(Spool::memory_bytes + 10, 'x')));
    EXPECT_TRUE(std::filesystem::is_empty(name));
  }
  EXPECT_TRUE(std::filesystem::is_empty(name));
  std::filesystem::remove(name);
}

}  // namespace
}  // namespace lowart::spool_test
