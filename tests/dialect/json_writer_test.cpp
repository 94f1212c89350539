#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/json_writer.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect::json_writer_test {
namespace {

TEST(JsonWriter, PutsCommasAndGivesTheStringBackWhenTheOutermostEnds) {
  std::string out = "data: ";
  JsonWriter w(out);
  w.begin_object().text("a", "x").begin_list("b").count(1).count(-20).flag(true).null().end_list();
  w.begin_object("c").end_object().raw("d", "[ ]");
  EXPECT_EQ(w.size(), out.find("[ ]") + 3);
  w.end_object();
  EXPECT_EQ(out, R"(data: {"a":"x","b":[1,-20,true,null],"c":{},"d":[ ]})");
  EXPECT_EQ(w.size(), out.size());
  out.append("\n");
  JsonWriter(out).begin_list().end_list();
  EXPECT_EQ(out.substr(out.size() - 4), "}\n[]");
}

TEST(JsonWriter, WritesValuesThatStandInNothing) {
  std::string out;
  JsonWriter w(out);
  w.text("a").count(7);
  EXPECT_EQ(out, R"("a",7)");
  w.key("b").raw("{}").members_of(R"({ "c" : 1 , "\n":"x"})");
  EXPECT_EQ(out, R"("a",7,"b":{},"c":1,"\n":"x")");
}

TEST(JsonWriter, GoesOnWhereItWasMovedTo) {
  std::string out;
  auto const begun = [&] {
    JsonWriter w(out);
    w.begin_object().text("a", std::string(1000, 'x'));
    return w;
  };
  JsonWriter w = begun();
  w.reserve(5000);
  w.text("b", "y").end_object();
  EXPECT_EQ(out, R"({"a":")" + std::string(1000, 'x') + R"(","b":"y"})");
}

/// The text as it must be written, byte by byte.
std::string slowly(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const n = utf8_sequence(text, at);
    char escape[6];
    bool const special = static_cast<unsigned char>(text[at]) < 0x20 || text[at] == '"' || text[at] == '\\';
    if (n == 0) out.append(replacement_character);
    else if (special) out.append(escape, static_cast<std::size_t>(write_escape(escape, text[at]) - escape));
    else out.append(text.substr(at, n));
    at += n == 0 ? 1 : n;
  }
  return out + "\"";
}

// Texts of every length around the pieces that are looked at, plain but for one place.
TEST(JsonWriter, EscapesWhateverStandsAnywhere) {
  for (std::string_view const special :
       {"x", "\"", "\\", "\n", "\x1f", "\x7f", "\xc3\xa9", "\xff", "\xe2\x82", "\n\n\xff\""})
    for (std::size_t size = 0; size < 70; size += size < 36 ? 1 : 9)
      for (std::size_t at = 0; at <= size; ++at) {
        std::string const text = std::string(at, 'a').append(special).append(size - at, 'b');
        std::string out;
        JsonWriter(out).begin_object().text("k", text).text(std::string_view(text), "").end_object();
        ASSERT_EQ(out, R"({"k":)" + slowly(text) + "," + slowly(text) + R"(:""})") << size << " " << at;
        ASSERT_FALSE(first_json_error(out));
      }
}

TEST(JsonWriter, JoinsTheLinesOfWhatIsCarried) {
  std::string out = "\n";
  JsonWriter(out, JsonLines::joined).begin_object().raw("a", "[1,\r\n2]").text("b", "\n").end_object();
  EXPECT_EQ(out, "\n{\"a\":[1,  2],\"b\":\"\\n\"}");
}

}  // namespace
}  // namespace lowart::dialect::json_writer_test
