#include <lowart/gateway/content_keeper.hpp>

#include <lowart/dialect/openai_chat_request.hpp>
#include <lowart/gateway/keep_content.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lowart::content_keeper_test {
namespace {

Redactor all() {
  Redactor redactor;
  for (auto const* name : {"email", "phone", "card", "key"}) redactor.add(*Redactor::kind_named(name));
  return redactor;
}

TEST(Redactor, ReplacesWhatIsUsual) {
  Redactor const redactor = all();
  std::vector<std::pair<std::string, std::string>> const texts{
      {"write to Ann.Lee+x@mail.example.com.", "write to [email]."},
      {"a@b.co,c@d.co", "[email],[email]"},
      {"call +44 20 7946 0958 now", "call [phone] now"},
      {"(555) 123-4567", "([phone]"},
      {"1-555-123-4567", "[phone]"},
      {"13812345678", "[phone]"},
      {"card 4111 1111 1111 1111!", "card [card]!"},
      {"5500-0000-0000-0004", "[card]"},
      {"sk-lw-0123456789abcdef0123", "[key]"},
      {"key=AKIAIOSFODNN7EXAMPLE.", "key=[key]."},
      {"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest", "[key]\nrest"},
      {"-----BEGIN PRIVATE KEY-----\nMIIE", "[key]"}};
  for (auto const& [text, wanted] : texts) EXPECT_EQ(redactor.redact(text), wanted) << text;
}

TEST(Redactor, LeavesWhatIsNone) {
  Redactor const redactor = all();
  for (std::string const text : {"", "@", "a@b", "at 2026-11-30 17:05:00.123456", "4111 1111 1111 1112",
                                 "order 1234567890", "sk-short", "x = 3.14159265358979", "127.0.0.1:8080",
                                 "the pk-thing", "1,000,000,000 tokens", "-----BEGIN CERTIFICATE-----"})
    EXPECT_EQ(redactor.redact(text), text);
}

TEST(Redactor, TakesPatternsAndBearsTextsMadeToHurt) {
  Redactor redactor = all();
  EXPECT_TRUE(redactor.add("EMP-([0-9]{4})", "[staff $1]"));
  EXPECT_TRUE(redactor.add("(a+)+b", "[evil]"));
  EXPECT_TRUE(redactor.add("x*", ""));
  EXPECT_FALSE(redactor.add("(unclosed", "x"));
  EXPECT_EQ(redactor.redact("EMP-1234 and aab"), "[staff 1234] and [evil]");
  for (std::size_t const before : {500U, 511U, 512U, 1020U, 1024U, 3000U})  // wherever a window ends
    EXPECT_EQ(redactor.redact(std::string(before, '.') + "EMP-1234EMP-5678"),
              std::string(before, '.') + "[staff 1234][staff 5678]");
  for (std::string const piece : {"a", "1 ", "@", "a@", "-", "(", "sk-", "-----BEGIN ", "\xff", "+1-"}) {
    std::string text;
    while (text.size() < 2'000) text += piece;
    EXPECT_FALSE(redactor.redact(text).empty());
  }
}

RequestContent keep(std::string const& body, std::string_view answered = "", std::size_t most = 1000) {
  return ContentKeeper(all(), most)(dialect::decode_openai_chat(body), answered);
}

TEST(ContentKeeper, KeepsWhatIsNewInARequestAndMarksWhatIsNoText) {
  EXPECT_EQ(
      keep(
          R"({"model":"m","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"hi"}]})")
          .asked,
      R"([{"role":"system","content":"Be kind."},{"role":"user","content":"hi"}])");
  auto const later =
      keep(R"({"model":"m","messages":[{"role":"user","content":"one"},{"role":"assistant","content":"a"},
    {"role":"user","content":[{"type":"text","text":"mail a@b.co"},
    {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]})",
           "ok, c@d.co");
  EXPECT_EQ(later.asked, R"([{"role":"user","content":"mail [email]\n[image]"}])");
  EXPECT_EQ(later.answered, "ok, [email]");
  EXPECT_EQ(keep("{", "text").asked, "") << "what cannot be read is not kept";
}

TEST(ContentKeeper, CutsWithAMarkAndNeverThroughAPatternOrACharacter) {
  std::string const body = R"({"model":"m","messages":[{"role":"user","content":")" + std::string(96, 'x') +
                           " a@b.example.com" + std::string(2000, 'y') +
                           R"("},{"role":"user","content":"z"}]})";
  auto const kept = keep(body, std::string(99, 'x') + "\xC3\xA9" + std::string(900, 'x'), 100);
  EXPECT_EQ(kept.asked.find("@"), std::string::npos) << kept.asked;
  EXPECT_NE(kept.asked.find("[cut: it had 2112 bytes]"), std::string::npos) << kept.asked;
  EXPECT_EQ(kept.asked.find("\"z\""), std::string::npos) << "nothing behind what was cut";
  EXPECT_EQ(kept.answered, std::string(99, 'x') + "[cut: it had 1001 bytes]");
}

TEST(ReplyText, IsFoundInAWholeReplyOfAnyDialect) {
  for (auto const* reply :
       {R"({"choices":[{"message":{"role":"assistant","content":"hi\u0021"}}],"usage":{}})",
        R"({"content":[{"type":"text","text":"hi!"}]})", R"({"message":{"content":"hi!"}})",
        R"({"candidates":[{"content":{"parts":[{"text":"hi!"}]}}]})",
        R"({"output":[{"type":"message","content":[{"type":"output_text","text":"hi!"}]}]})"}) {
    std::string text;
    append_reply_text(reply, text);
    EXPECT_EQ(text, "hi!") << reply;
  }
  std::string text;
  append_reply_text(std::string(100'000, '['), text);
  append_reply_text("{\"text\":\"\\x\"", text);
  EXPECT_EQ(text, "");
}

}  // namespace
}  // namespace lowart::content_keeper_test
