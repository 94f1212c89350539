/// The backtracking encoder against the definition: merge the pair with the lowest rank until none is left.

#include <gtest/gtest.h>

#include <cstdint>
#include <lowart/meter/bpe.hpp>
#include <lowart/meter/encoding.hpp>
#include <lowart/meter/pretokenizer.hpp>
#include <lowart/meter/utf8.hpp>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::bpe_test {
namespace {

using lowart::PiecePattern;
using lowart::PieceScanner;

/// The rank of a run of bytes, asked from the encoding: a text that is one token has that token as rank.
class Ranks {
 public:
  std::uint32_t of(std::string const& bytes) {
    auto const [found, fresh] = known_.try_emplace(bytes, no_token);
    if (fresh) {
      lowart::o200k_base().encode(bytes, tokens_);
      if (tokens_.size() == 1) found->second = tokens_.front();
      tokens_.clear();
    }
    return found->second;
  }
  static constexpr std::uint32_t no_token = 0xFFFFFFFF;

 private:
  std::map<std::string, std::uint32_t> known_;
  std::vector<std::uint32_t> tokens_;
};

std::vector<std::uint32_t> merged_by_definition(Ranks& ranks, std::string_view piece) {
  std::vector<std::string> parts;
  for (char const byte : piece) parts.emplace_back(1, byte);
  for (;;) {
    std::uint32_t lowest = Ranks::no_token;
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      std::uint32_t const rank = ranks.of(parts[i] + parts[i + 1]);
      if (rank < lowest) {
        lowest = rank;
        at = i;
      }
    }
    if (lowest == Ranks::no_token) break;
    parts[at] += parts[at + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  std::vector<std::uint32_t> tokens;
  for (std::string const& part : parts) tokens.push_back(ranks.of(part));
  return tokens;
}

TEST(Bpe, EqualsMergingByDefinition) {
  std::mt19937 random{1};
  Ranks ranks;
  // Lower case ASCII is one piece however long it is, and so is each pair of bytes asked for.
  for (std::string_view const alphabet : {"ab", "etaoinshr", "abcdefghijklmnopqrstuvwxyz", "xyz"}) {
    for (int round = 0; round < 300; ++round) {
      std::string word;
      for (std::size_t size = 1 + random() % 60; size > 0; --size)
        word += alphabet[random() % alphabet.size()];
      std::vector<std::uint32_t> tokens;
      lowart::o200k_base().encode(word, tokens);
      EXPECT_EQ(tokens, merged_by_definition(ranks, word)) << word;
    }
  }
}

template <PiecePattern pattern>
std::vector<std::string> pieces(std::string_view text) {
  auto const* place = reinterpret_cast<unsigned char const*>(text.data());
  auto const* const end = place + text.size();
  PieceScanner<pattern> scanner{end};
  std::vector<std::string> found;
  while (place != end) {
    auto const* const next = scanner.piece_end(place);
    found.emplace_back(place, next);
    place = next;
  }
  return found;
}

using Pieces = std::vector<std::string>;

TEST(PieceScanner, CutsWordsByCaseOnlyForO200k) {
  EXPECT_EQ(pieces<PiecePattern::o200k>("camelCase HTTPServer"), (Pieces{"camel", "Case", " HTTPServer"}));
  EXPECT_EQ(pieces<PiecePattern::cl100k>("camelCase HTTPServer"), (Pieces{"camelCase", " HTTPServer"}));
}

TEST(PieceScanner, GivesBackWhatAGreedyClassTookTooMuch) {
  EXPECT_EQ(pieces<PiecePattern::o200k>("日AB"), (Pieces{"日", "AB"}));
  EXPECT_EQ(pieces<PiecePattern::o200k>("A日Bx"), (Pieces{"A日Bx"}));
  EXPECT_EQ(pieces<PiecePattern::o200k>("!日A"), (Pieces{"!日", "A"}));
  EXPECT_EQ(pieces<PiecePattern::o200k>("\u0301AB"), (Pieces{"\u0301", "AB"}));
  EXPECT_EQ(pieces<PiecePattern::o200k>("\u0301ab"), (Pieces{"\u0301ab"}));
}

TEST(PieceScanner, KeepsContractionsInAnyCase) {
  EXPECT_EQ(pieces<PiecePattern::o200k>("it's IT'LL x'\u017F"), (Pieces{"it's", " IT'LL", " x'\u017F"}));
  EXPECT_EQ(pieces<PiecePattern::cl100k>("it's 'stop"), (Pieces{"it", "'s", " '", "stop"}));
  EXPECT_EQ(pieces<PiecePattern::cl100k>("'stop 'r"), (Pieces{"'s", "top", " '", "r"}));
}

TEST(PieceScanner, LeavesTheLastSpaceToTheNextWord) {
  EXPECT_EQ(pieces<PiecePattern::o200k>("a   b"), (Pieces{"a", "  ", " b"}));
  EXPECT_EQ(pieces<PiecePattern::o200k>("a   1"), (Pieces{"a", "  ", " ", "1"}));
  EXPECT_EQ(pieces<PiecePattern::o200k>("a \n \n  b"), (Pieces{"a", " \n \n", " ", " b"}));
  EXPECT_EQ(pieces<PiecePattern::o200k>("a\t!"), (Pieces{"a", "\t", "!"}));
}

TEST(PieceScanner, TakesSpacesAtTheEndWholeForCl100k) {
  EXPECT_EQ(pieces<PiecePattern::o200k>("a \n "), (Pieces{"a", " \n", " "}));
  EXPECT_EQ(pieces<PiecePattern::cl100k>("a \n "), (Pieces{"a", " \n "}));
}

TEST(PieceScanner, CountsDigitsByThree) {
  EXPECT_EQ(pieces<PiecePattern::o200k>("1234567"), (Pieces{"123", "456", "7"}));
  EXPECT_EQ(pieces<PiecePattern::cl100k>("x12\u0663\u0664"), (Pieces{"x", "12\u0663", "\u0664"}));
}

TEST(PieceScanner, LetsSymbolsTakeLineEndsAndForO200kSlashes) {
  EXPECT_EQ(pieces<PiecePattern::o200k>("{\n\n/x"), (Pieces{"{\n\n/", "x"}));
  EXPECT_EQ(pieces<PiecePattern::cl100k>("{\n\n/x"), (Pieces{"{\n\n", "/x"}));
}

TEST(PieceScanner, TellsWhetherMoreTextCouldMatter) {
  std::string_view const text = "word, ";
  auto const* const begin = reinterpret_cast<unsigned char const*>(text.data());
  PieceScanner<PiecePattern::o200k> scanner{begin + text.size()};
  EXPECT_EQ(scanner.piece_end(begin), begin + 4);
  EXPECT_FALSE(scanner.saw_end());
  EXPECT_EQ(scanner.piece_end(begin + 5), begin + 6);
  EXPECT_TRUE(scanner.saw_end());
}

TEST(Utf8, TellsACutOffCharacterFromAWrongOne) {
  EXPECT_TRUE(lowart::unicode::utf8_step("\xF0\x9F\x98").cut_off);
  EXPECT_FALSE(lowart::unicode::utf8_step("\xF0\x9F!").cut_off);
  EXPECT_TRUE(lowart::unicode::utf8_step("\xF0\x9F\x98\x80").valid);
  EXPECT_EQ(lowart::unicode::utf8_step("\xF0\x9F!").bytes, 2);
  EXPECT_EQ(lowart::unicode::valid_utf8_prefix("0123456789abcdef0123\xC3"), 20U);
}

}  // namespace
}  // namespace lowart::bpe_test
