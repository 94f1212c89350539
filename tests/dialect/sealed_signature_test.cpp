#include <lowart/dialect/sealed_signature.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace lowart::dialect::sealed_signature_test {
namespace {

constexpr std::array carriers{Dialect::openai_chat, Dialect::openai_responses, Dialect::anthropic,
                              Dialect::gemini};

std::string body_with(std::string const& text) {
  return R"({"model":"m","a":[{"signature":")" + text + R"("}]})";
}

TEST(HoldsSeal, SeesWhatSealMarkedWhoeverMadeItAndWhoeverCarriesIt) {
  for (Dialect const maker : carriers)
    for (Dialect const carrier : carriers) {
      std::string const body = body_with(seal({maker, "EqQBCgIYAhIM"}, carrier));
      EXPECT_EQ(holds_seal(body, carrier), maker != carrier) << to_string(maker) << " " << to_string(carrier);
    }
}

TEST(HoldsSeal, SeesOneThatCameBackToItsMaker) {
  EXPECT_TRUE(holds_seal(body_with("lw1.anthropic.EqQB"), Dialect::anthropic));
  EXPECT_TRUE(holds_seal(body_with(to_base64("lw1.gemini.EqQB")), Dialect::gemini));
}

TEST(HoldsSeal, LooksBehindWhatOnlyLooksLikeOne) {
  for (auto const* text : {"lw1.", "lw1.nobody.x", "lw1", "lw1.anthropic", "lw12.anthropic.x"}) {
    EXPECT_FALSE(holds_seal(body_with(text), Dialect::anthropic)) << text;
    EXPECT_FALSE(holds_seal(body_with(to_base64(text)), Dialect::gemini)) << text;
    EXPECT_TRUE(holds_seal(body_with(text) + body_with("lw1.gemini.x"), Dialect::anthropic)) << text;
  }
  EXPECT_FALSE(holds_seal(body_with("say lw1.gemini.x"), Dialect::anthropic)) << "not at the beginning";
  EXPECT_FALSE(holds_seal(body_with("bHcx!"), Dialect::gemini)) << "no base64";
  EXPECT_FALSE(holds_seal(R"("lw1.gemini.)", Dialect::openai_completions));
  EXPECT_FALSE(holds_seal("", Dialect::anthropic));
}

}  // namespace
}  // namespace lowart::dialect::sealed_signature_test
