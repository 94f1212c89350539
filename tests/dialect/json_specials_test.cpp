#include <lowart/dialect/json_specials.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <random>
#include <string>
#include <string_view>

namespace lowart::json_specials_test {
namespace {

using lowart::dialect::JsonSpecials;

bool is_special(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

// From any place behind what was found last, in a copy without slack: a read outside of it is an ASan report.
TEST(JsonSpecials, FindsWhatALookAtEachByteFinds) {
  std::mt19937 random(5);
  std::string_view const others = "ab \x7F\x80\xFF!#[]";
  for (std::size_t size = 0; size <= 260; ++size) {
    for (unsigned const rarity : {2U, 20U, 500U}) {
      std::string drawn(size, 'a');
      for (char& c : drawn)
        c = random() % rarity == 0 ? "\"\\\x1F\0"[random() % 4] : others[random() % others.size()];
      auto const exact = std::make_unique<char[]>(size);
      drawn.copy(exact.get(), size);
      std::string_view const text(exact.get(), size);
      JsonSpecials specials(text);
      for (std::size_t from = 0, expected = 0; from <= size; from = expected + random() % 90) {
        expected = from;
        while (expected < size && !is_special(text[expected])) ++expected;
        auto const found = specials.next(text.data() + from);
        ASSERT_EQ(found.at - text.data(), static_cast<std::ptrdiff_t>(expected)) << size << " from " << from;
        ASSERT_EQ(found.is_quote, expected < size && text[expected] == '"');
      }
    }
  }
}

TEST(JsonSpecials, EndsAtOnceInNothing) {
  JsonSpecials specials{std::string_view()};
  auto const found = specials.next(nullptr);
  EXPECT_EQ(found.at, nullptr);
  EXPECT_FALSE(found.is_quote);
}

}  // namespace
}  // namespace lowart::json_specials_test
