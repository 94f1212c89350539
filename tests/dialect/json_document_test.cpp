#include <lowart/dialect/json_document.hpp>
#include <lowart/dialect/openai_chat_request_decode.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace lowart::dialect::json_document_test {
namespace {

/// Every value of a text with its key, as scans find them that know of no document.
void scanned(JsonMember const& value, std::vector<std::string>& found) {
  auto const each = [&](JsonMember const& m) {
    found.push_back(std::string(m.key) + ":" + std::string(m.value));
    scanned(m, found);
  };
  if (value.kind == JsonKind::object) EXPECT_EQ(scan_object(value.value, each), JsonScan::ok);
  if (value.kind == JsonKind::array) EXPECT_EQ(scan_array(value.value, each), JsonScan::ok);
}
void noted(JsonNode const& node, std::vector<std::string>& found) {
  node.for_each_inside([&](JsonNode const& inner) {
    JsonMember const m = inner.member();
    found.push_back(std::string(m.key) + ":" + std::string(m.value));
    noted(inner, found);
  });
}

TEST(JsonDocument, FindsWhatScansFind) {
  for (std::string_view const text :
       {R"({})", R"([])", R"("a")", R"( {"a" : 1 , "b":[ ] } )",
        R"({"a":{"b":[{"c":null},[[1,2.5e3]],"x"]},"a":true})", R"(["\u00e9","\\",{"k\u0065y":"\"}"}])",
        R"({"":[{},{},[{}]],"z":-0.1})"}) {
    JsonDocument const document(text);
    ASSERT_FALSE(document.error()) << text;
    ASSERT_FALSE(document.has_too_many_values());
    JsonMember const root = document.root();
    std::vector<std::string> by_scan, by_note;
    scanned(root, by_scan);
    noted(*root.node, by_note);
    EXPECT_EQ(by_note, by_scan) << text;
  }
}

TEST(JsonDocument, SaysWhereATextIsBroken) {
  for (std::string_view const text :
       {R"({"a":1,})", R"([1 2])", R"({"a")", "", R"("\x")", R"({} {})", "[\xff]"})
    EXPECT_EQ(JsonDocument(text).error(), first_json_error(text)) << text;
}

/// A list of so many values, itself included, in two bytes each.
std::string values(std::size_t count) {
  std::string text = "[";
  for (std::size_t i = 1; i < count; ++i) text.append("1,");
  text.back() = ']';
  return text;
}

TEST(JsonDocument, KeepsABoundedNumberOfValues) {
  EXPECT_FALSE(JsonDocument(values(JsonDocument::most_values)).has_too_many_values());
  std::string const many = values(JsonDocument::most_values + 1);
  EXPECT_TRUE(JsonDocument(many).has_too_many_values());
  JsonDocument const nested(many.substr(0, many.size() - 1) + ",[[{}]]]");
  EXPECT_TRUE(nested.has_too_many_values());
  EXPECT_FALSE(nested.error());
  EXPECT_TRUE(JsonDocument(many + "]").error()) << "validated to its end";
}

TEST(JsonDocument, ARequestOfTooManyValuesIsRefusedInWords) {
  std::string const body = R"({"messages":[],"metadata":)" + values(JsonDocument::most_values) + "}";
  auto const request = decode_openai_chat(body);
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().code(), Errc::invalid_request);
  EXPECT_NE(request.error().message().find("more than 2097152 JSON values"), std::string::npos)
      << request.error().message();
}

}  // namespace
}  // namespace lowart::dialect::json_document_test
