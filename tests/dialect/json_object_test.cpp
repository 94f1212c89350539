#include <lowart/dialect/json_object.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace lowart::json_object_test {
namespace {

using lowart::ExtraField;
using lowart::dialect::JsonDocument;
using lowart::dialect::JsonFault;
using lowart::dialect::JsonKind;
using lowart::dialect::JsonMember;
using lowart::dialect::JsonObject;
using lowart::dialect::JsonPath;

std::string spelled(std::vector<ExtraField> const& fields) {
  std::string out;
  for (ExtraField const& field : fields)
    out.append(field.name).append("=").append(field.value.text).append(";");
  return out;
}

TEST(JsonObject, TakesEachMemberOnceAndKeepsTheRestAsItCame) {
  JsonFault fault;
  JsonObject object(R"({"a":"x\n","b":7,"c":true,"d":1.5,"e":null,"f":{ "g" : [ ] }})", "", fault);
  EXPECT_EQ(object.take_text("a"), "x\n");
  EXPECT_EQ(object.take_text("a"), std::nullopt);
  EXPECT_EQ(object.peek("b")->value, "7");
  EXPECT_EQ(object.take_count("b"), 7);
  EXPECT_FALSE(object.peek("b"));
  EXPECT_EQ(object.take_flag("c"), true);
  EXPECT_EQ(object.take_number("d"), 1.5);
  EXPECT_FALSE(object.peek("e"));
  EXPECT_EQ(spelled(object.rest()), R"(e=null;f={ "g" : [ ] };)");
  EXPECT_EQ(object.rest_as_object().text, R"({"e":null,"f":{ "g" : [ ] }})");
  EXPECT_FALSE(object.take("e"));
  EXPECT_EQ(object.take_raw("f").text, R"({ "g" : [ ] })");
  EXPECT_TRUE(object.rest().empty());
  EXPECT_TRUE(object.rest_as_object().empty());
  EXPECT_FALSE(fault.error());
}

TEST(JsonObject, LetsTheLastOfSeveralCountWhateverIsEscaped) {
  JsonFault fault;
  JsonObject object(R"({"a":1,"\u0061":2,"b":3,"q\"":4,"b":5,"\u0071\"":6,"":7,"":8})", "", fault);
  EXPECT_EQ(object.peek("a")->value, "2");
  EXPECT_EQ(object.take_count("a"), 2);
  EXPECT_EQ(object.take_count("a"), std::nullopt);
  EXPECT_EQ(spelled(object.rest()), "b=5;q\"=6;=8;");
  EXPECT_EQ(object.rest_as_object().text, R"({"b":5,"q\"":6,"":8})");
  JsonObject gone(R"({"a":1,"a":null})", "", fault);
  EXPECT_FALSE(gone.take("a"));
  EXPECT_TRUE(gone.rest().empty());
}

// As many as fit in place, one more, and so many that anything quadratic would be felt.
TEST(JsonObject, HoldsAnyNumberOfMembers) {
  for (int const count : {1, 9, 10, 11, 12, 40, 20'000}) {
    std::string text = "{\"a\":0", all;
    for (int i = 0; i < count; ++i) {
      text.append(",\"k").append(std::to_string(i)).append("\":").append(std::to_string(i));
      if (i != 5) all.append("k").append(std::to_string(i)).append("=").append(std::to_string(i)).append(";");
    }
    JsonFault fault;
    text.append(",\"a\":1}");
    JsonObject object(text, "", fault);
    EXPECT_EQ(object.take_count("k5").value_or(5), 5);
    EXPECT_EQ(spelled(object.rest()), all + "a=1;") << count;
    EXPECT_EQ(object.take_count("a"), 1);
  }
}

TEST(JsonObject, KeepsWhatManyDuplicatesLeaveOnce) {
  std::string text = "{\"a\":0";
  for (int i = 1; i <= 50; ++i)
    text.append(",\"a\":").append(std::to_string(i)).append(",\"\\u0062\":0,\"b\":1");
  JsonFault fault;
  text.append("}");
  EXPECT_EQ(spelled(JsonObject(text, "", fault).rest()), "a=50;b=1;");
}

TEST(JsonObject, StaysWholeWhenItIsMoved) {
  JsonFault fault;
  JsonObject first(R"({"\u0061":1,"b":2})", "x", fault);
  JsonObject second(std::move(first));
  EXPECT_EQ(second.take_count("a"), 1);
  EXPECT_EQ(spelled(second.rest()), "b=2;");
  EXPECT_EQ(second.path().text(), "x");
}

TEST(JsonObject, TellsWhereTheFirstFaultIs) {
  std::string_view const text =
      R"({"messages":[{"content":[{"type":"text"},{"na\u006de":{"x":[1,2,"3"]}}]}]})";
  JsonFault fault;
  JsonObject top(text, "", fault);
  EXPECT_EQ(top.path_of("stop").text(), "stop");
  top.take_list("messages", [&](JsonMember const& message, JsonPath const& at) {
    JsonObject object(message.value, at, fault);
    object.take_list("content", [&](JsonMember const& part, JsonPath path) {
      JsonObject inner(part.value, std::move(path), fault);
      auto deeper = inner.take_object("name");
      if (!deeper) return;
      EXPECT_EQ(deeper->path().text(), "messages[0].content[1].name");
      deeper->take_list("x", [&](JsonMember const& element, std::string where) {  // a text, for who wants one
        if (element.kind == JsonKind::string) fault.wrong(std::move(where), "must be a number");
      });
      deeper->wrong("later", "is not told");
    });
  });
  ASSERT_TRUE(fault.error());
  EXPECT_EQ(fault.error()->message(), "'messages[0].content[1].name.x[2]' must be a number");
}

TEST(JsonObject, TellsMembersOfTheWrongKind) {
  auto const fault_of = [](auto take) {
    JsonFault fault;
    JsonObject object(R"({"a":[],"b":"x","c":1e999,"d":1.5})", "tool", fault);
    take(object);
    return fault.error() ? std::string(fault.error()->message()) : std::string();
  };
  EXPECT_EQ(fault_of([](JsonObject& o) { o.take_text("a"); }), "'tool.a' must be a string");
  EXPECT_EQ(fault_of([](JsonObject& o) { o.take_flag("b"); }), "'tool.b' must be true or false");
  EXPECT_EQ(fault_of([](JsonObject& o) { o.take_object("a"); }), "'tool.a' must be an object");
  EXPECT_EQ(fault_of([](JsonObject& o) { o.take_number("c"); }), "'tool.c' is out of range");
  EXPECT_EQ(fault_of([](JsonObject& o) { o.take_count("d"); }), "'tool.d' must be a whole number");
  EXPECT_EQ(fault_of([](JsonObject& o) { o.take_list("b", [](JsonMember const&, JsonPath) {}); }),
            "'tool.b' must be a list");
}

/// What is done with an object, of a text alone and in a document.
template <class F>
void both_ways(std::string_view text, F&& check) {
  JsonFault fault;
  JsonObject scanned(text, "", fault);
  check(scanned);
  JsonDocument const document(text);
  ASSERT_FALSE(document.error());
  JsonObject in_place(document.root(), "", fault);
  check(in_place);
}

TEST(JsonObject, IsTheSameInADocument) {
  both_ways(R"({"a":"x\n","b":7,"":true,"e":null,"f":{ "g" : [ ] },"b":8,"ab":"","text":"t"})",
            [](JsonObject& object) {
              EXPECT_EQ(object.take_text("a"), "x\n");
              EXPECT_EQ(object.take_text("a"), std::nullopt);
              EXPECT_EQ(object.peek("b")->value, "8");
              EXPECT_EQ(object.take_count("b"), 8);
              EXPECT_FALSE(object.peek("b"));
              EXPECT_FALSE(object.take("ba"));
              EXPECT_FALSE(object.take("type"));
              EXPECT_EQ(object.take_flag(""), true);
              EXPECT_EQ(object.need_text("ab"), "");
              EXPECT_EQ(object.take_word("text"), "t");
              EXPECT_FALSE(object.peek("e"));
              EXPECT_EQ(spelled(object.rest()), R"(e=null;f={ "g" : [ ] };)");
              EXPECT_FALSE(object.take("e"));
              EXPECT_TRUE(object.take_object("f")->peek("g"));
              EXPECT_TRUE(object.rest().empty());
            });
}

TEST(JsonObject, ReadsEscapedKeysInADocument) {
  both_ways(R"({"a":1,"\u0061":2,"b":[{"typ\u0065":"\u0074ext","x":{"n\u0065w":1}}],"q\"":4})",
            [](JsonObject& object) {
              EXPECT_EQ(object.take_count("a"), 2);
              JsonFault fault;
              object.take_list("b", [&](JsonMember const& e, JsonPath const& path) {
                JsonObject inner(e, path, fault);
                EXPECT_EQ(inner.need_word("type"), "text");
                EXPECT_EQ(inner.take_object("x")->take_count("new"), 1);
                EXPECT_TRUE(inner.rest().empty());
              });
              EXPECT_EQ(spelled(object.rest()), "q\"=4;");
              EXPECT_FALSE(fault.error());
            });
}

// A bit each is kept of the members in a document: as many as there are bits, and more.
TEST(JsonObject, HoldsAnyNumberOfMembersOfADocument) {
  for (int const count : {1, 62, 63, 64, 65, 200}) {
    std::string text = "{\"a\":{\"b\":[]}", all;
    for (int i = 1; i < count; ++i) {
      text.append(",\"k").append(std::to_string(i)).append("\":").append(std::to_string(i));
      if (i != 5) all.append("k").append(std::to_string(i)).append("=").append(std::to_string(i)).append(";");
    }
    both_ways(text + "}", [&](JsonObject& object) {
      EXPECT_TRUE(object.take_object("a"));
      EXPECT_EQ(object.take_count("k5").value_or(5), 5);
      EXPECT_EQ(spelled(object.rest()), all) << count;
      for (int i = 1; i < count; ++i)
        if (i != 5) EXPECT_EQ(object.take_count("k" + std::to_string(i)), i);
      EXPECT_TRUE(object.rest().empty());
    });
  }
}

TEST(JsonObject, TellsWhatIsMissingOrOfTheWrongKindInADocument) {
  JsonDocument const document(R"({"a":7,"b":null})");
  auto const fault_of = [&](std::string_view name) {
    JsonFault fault;
    JsonObject object(document.root(), "x", fault);
    EXPECT_EQ(object.need_text(name), "");
    return std::string(fault.error()->message());
  };
  EXPECT_EQ(fault_of("a"), "'x.a' must be a string");
  EXPECT_EQ(fault_of("b"), "'x.b' is missing");
  EXPECT_EQ(fault_of("c"), "'x.c' is missing");
}

}  // namespace
}  // namespace lowart::json_object_test
