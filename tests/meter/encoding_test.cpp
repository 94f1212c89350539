/// The encodings against tokens made by the reference, and the properties that hold for any text.

#include <gtest/gtest.h>

#include <cstdint>
#include <lowart/meter/encoding.hpp>
#include <lowart/meter/token_counter.hpp>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace lowart::encoding_test {
namespace {

using lowart::cl100k_base;
using lowart::Encoding;
using lowart::encoding_for_model;
using lowart::o200k_base;
using lowart::TokenCounter;

struct Golden {
  std::string_view text;
  std::vector<std::uint32_t> o200k;
  std::vector<std::uint32_t> cl100k;
};

std::vector<Golden> const& golden() {
  static std::vector<Golden> const all{
#include "golden_tokens.inc"
  };
  return all;
}

std::vector<std::uint32_t> encoded(Encoding const& encoding, std::string_view text) {
  std::vector<std::uint32_t> tokens;
  encoding.encode(text, tokens);
  return tokens;
}

std::string repeated(std::string_view unit, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += unit;
  return text;
}

TEST(Encoding, GivesTheTokensOfTheReference) {
  ASSERT_GT(golden().size(), 250U);
  for (Golden const& example : golden()) {
    EXPECT_EQ(encoded(o200k_base(), example.text), example.o200k) << example.text;
    EXPECT_EQ(encoded(cl100k_base(), example.text), example.cl100k) << example.text;
  }
}

TEST(Encoding, CountsWhatItEncodes) {
  for (Golden const& example : golden()) {
    EXPECT_EQ(o200k_base().count(example.text), example.o200k.size()) << example.text;
    EXPECT_EQ(cl100k_base().count(example.text), example.cl100k.size()) << example.text;
  }
}

TEST(Encoding, DoesNotDependOnWhereInABufferTheTextLies) {
  for (std::size_t before = 0; before < 40; ++before) {
    std::string const text = "  Hello wonderful worlds, it's fine!\n\nOk";
    std::string const shifted = std::string(before, 'Q') + "\n" + text;
    EXPECT_EQ(o200k_base().count(std::string_view{shifted}.substr(before + 1)), o200k_base().count(text));
  }
}

TEST(Encoding, AppendsToWhatIsThere) {
  std::vector<std::uint32_t> tokens{7};
  o200k_base().encode("Hello", tokens);
  EXPECT_EQ(tokens.size(), 2U);
  EXPECT_EQ(tokens.front(), 7U);
}

TEST(Encoding, CountsLongRunsInLinearTime) {
  // The figures are the reference's. Quadratic time would need hours here.
  EXPECT_EQ(o200k_base().count(std::string(100'000, 'a')), 12'500U);
  EXPECT_EQ(cl100k_base().count(std::string(100'000, 'a')), 12'500U);
  EXPECT_EQ(cl100k_base().count(std::string(100'000, ' ')), 782U);
  EXPECT_EQ(o200k_base().count(std::string(100'000, ' ') + "x"), 783U);
  EXPECT_EQ(o200k_base().count(std::string(100'000, '\n')), 6'250U);
  EXPECT_EQ(o200k_base().count(repeated("ab", 50'000)), 25'000U);
  EXPECT_EQ(o200k_base().count(repeated("\u3000", 30'000) + "x"), 1'878U);
  EXPECT_EQ(o200k_base().count(std::string(4'000'000, 'a')), 500'000U);
}

TEST(Encoding, CountsWrongUtf8AsReplacementCharacters) {
  struct Case {
    std::string_view wrong;
    std::string_view repaired;
  };
  for (auto const& [wrong, repaired] : std::vector<Case>{
           {"\xFF", "\uFFFD"},
           {"a\x80z", "a\uFFFDz"},
           {"\xE2\x82", "\uFFFD"},                  // cut off: one part
           {"\xE2\x82x", "\uFFFDx"},                // broken off by another character
           {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},  // a surrogate
           {"\xC0\xAF", "\uFFFD\uFFFD"},            // overlong
           {"\xF0\x9F\x98\xF0\x9F\x98\x80", "\uFFFD\U0001F600"},
           {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},  // over U+10FFFF
       }) {
    EXPECT_EQ(encoded(o200k_base(), wrong), encoded(o200k_base(), repaired)) << repaired;
    EXPECT_EQ(o200k_base().count(wrong), o200k_base().count(repaired)) << repaired;
  }
}

TEST(Encoding, MayBeUsedByManyThreadsAtOnce) {
  std::string const text = repeated("The quick brown fox; él salta 漢字 42! ", 200);
  std::size_t const expected = cl100k_base().count(text);
  std::vector<std::size_t> counts(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t& count : counts) threads.emplace_back([&] { count = cl100k_base().count(text); });
  }
  EXPECT_EQ(counts, std::vector<std::size_t>(4, expected));
}

TEST(EncodingForModel, KnowsTheFamilies) {
  for (std::string_view const model :
       {"gpt-4o", "gpt-4o-mini-2024-07-18", "gpt-4.1-nano", "gpt-4.5-preview", "gpt-5", "gpt-5.1-codex",
        "gpt-oss-120b", "chatgpt-4o-latest", "o1", "o1-mini", "o3", "o4-mini", "openai/gpt-4o",
        "ft:gpt-4o-mini:org::id"}) {
    EXPECT_EQ(encoding_for_model(model), &o200k_base()) << model;
  }
  for (std::string_view const model :
       {"gpt-4", "gpt-4-turbo", "gpt-4-32k-0613", "gpt-3.5-turbo", "gpt-35-turbo", "text-embedding-3-small",
        "text-embedding-ada-002", "ft:gpt-3.5-turbo:org"}) {
    EXPECT_EQ(encoding_for_model(model), &cl100k_base()) << model;
  }
  for (std::string_view const model :
       {"", "gpt", "gpt-40", "o11", "claude-sonnet-4", "llama3", "o200k", "demo"}) {
    EXPECT_EQ(encoding_for_model(model), nullptr) << model;
  }
}

TEST(TokenCounter, CountsTheSameHoweverTheTextIsCut) {
  std::mt19937 random{3};
  std::string whole;
  for (Golden const& example : golden()) whole += example.text;
  whole += "\xE2\x82 broken \xFF\xF0\x9F" + std::string(3000, 'w') + repeated(" \n", 300) + "日" +
           std::string(700, 'A');
  for (Encoding const* encoding : {&o200k_base(), &cl100k_base()}) {
    std::size_t const expected = encoding->count(whole);
    for (std::size_t const longest : {1U, 2U, 7U, 100U, 5000U}) {
      TokenCounter counter{*encoding};
      for (std::size_t at = 0; at < whole.size();) {
        std::size_t const size = std::min<std::size_t>(1 + random() % longest, whole.size() - at);
        counter.feed(std::string_view{whole}.substr(at, size));
        at += size;
      }
      EXPECT_EQ(counter.count(), expected) << encoding->name() << " in parts of up to " << longest;
    }
  }
}

TEST(TokenCounter, TellsTheCountOfEveryPrefix) {
  std::string const text = "It's 12345 tokens\u00e9, \U0001F600 isn't it?\n\n  Yes.\r\n";
  TokenCounter counter{o200k_base()};
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(counter.count(), o200k_base().count(std::string_view{text}.substr(0, size)));
    counter.feed(std::string_view{text}.substr(size, 1));
  }
  EXPECT_EQ(counter.count(), o200k_base().count(text));
}

TEST(TokenCounter, IsLinearForOneLongWordFedByteByByte) {
  TokenCounter counter{o200k_base()};
  for (int i = 0; i < 1'000'000; ++i) counter.feed("a");
  EXPECT_EQ(counter.count(), 125'000U);
}

}  // namespace
}  // namespace lowart::encoding_test
