/// Requests drawn at random: what is read is written with nothing lost, and reads as it did.

#include <lowart/dialect/responses_request_decode.hpp>
#include <lowart/dialect/responses_request_encode.hpp>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace lowart::responses_property_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
namespace json = boost::json;

/// Draws requests of the Responses dialect.
class Draw {
 public:
  explicit Draw(std::uint32_t seed) : random_(seed) {}

  json::object request() {
    json::object body{{"model", "m"}};
    if (chance(3)) body["instructions"] = text();
    if (chance(5)) body["input"] = text();
    else body["input"] = list(8, [this] { return item(); });
    if (chance(2)) body["tools"] = list(3, [this] { return tool(); });
    if (chance(3)) body["tool_choice"] = choice();
    if (chance(3)) body["text"] = with_more({{"format", format()}, {"verbosity", "low"}});
    if (chance(3)) body["reasoning"] = with_more({{"effort", "low"}, {"summary", "auto"}});
    if (chance(3)) body["temperature"] = 0.25 * static_cast<double>(below(9));
    if (chance(3)) body["top_p"] = 0.125;
    if (chance(3)) body["max_output_tokens"] = below(100'000);
    if (chance(3)) body["top_logprobs"] = 1 + below(20);
    if (chance(3)) body["parallel_tool_calls"] = chance(2);
    if (chance(3)) body["stream"] = true;
    if (chance(3)) body["user"] = text();
    if (chance(3)) body["include"] = json::array{"reasoning.encrypted_content", "file_search_call.results"};
    return with_more(std::move(body));
  }

 private:
  std::uint32_t below(std::uint32_t n) { return random_() % n; }
  bool chance(std::uint32_t one_in) { return below(one_in) == 0; }
  /// Texts that differ, so that a lost one is missed; with what needs an escape.
  std::string text() {
    static constexpr std::string_view tails[] = {"",     "\n\"", "\\u", "\xC3\xA4", "\xF0\x9F\x98\x80",
                                                 "\x01", "{}[]"};
    return "t" + std::to_string(++texts_) + std::string(tails[below(7)]);
  }
  template <class F>
  json::array list(std::uint32_t most, F draw) {
    json::array all;
    for (std::uint32_t n = 1 + below(most); n > 0; --n) all.push_back(draw());
    return all;
  }
  json::object with_more(json::object object) {
    if (chance(4))
      object["new_" + std::to_string(below(3))] = json::array{text(), json::object{{"x", text()}}, 1.5};
    return object;
  }
  json::object named(json::object object) {
    if (chance(2)) object["id"] = text();
    if (chance(2)) object["status"] = "completed";
    return with_more(std::move(object));
  }

  json::value item() {
    switch (below(9)) {
      case 0: return message("user");
      case 1: return message(chance(2) ? "system" : "developer");
      case 2:
      case 3: return named({{"type", "message"}, {"role", "assistant"}, {"content", said()}});
      case 4: return reasoning();
      case 5:
        return named(
            {{"type", "function_call"}, {"call_id", text()}, {"name", text()}, {"arguments", text()}});
      case 6:
        return named(
            {{"type", "custom_tool_call"}, {"call_id", text()}, {"name", text()}, {"input", text()}});
      case 7: return result();
      default: return json::object{{"type", "computer_call"}, {"action", json::object{{"x", text()}}}};
    }
  }
  json::object message(std::string_view role) {
    json::value content =
        chance(2) ? json::value(json::string(text())) : json::value(list(3, [this] { return part(); }));
    return named({{"type", "message"}, {"role", role}, {"content", std::move(content)}});
  }
  json::value said() {
    if (chance(3)) return json::string(text());
    return list(3, [this]() -> json::value {
      if (chance(4)) return with_more({{"type", "refusal"}, {"refusal", text()}});
      json::object part{{"type", "output_text"}, {"text", text()}};
      if (chance(3))
        part["annotations"] = json::array{json::object{{"type", "url_citation"}, {"url", text()}}};
      if (chance(3)) part["logprobs"] = json::array{};
      return with_more(std::move(part));
    });
  }
  json::object part() {
    switch (below(5)) {
      case 0: return with_more({{"type", "input_image"}, {"image_url", text()}, {"detail", "low"}});
      case 1: return with_more({{"type", "input_file"}, {"file_url", text()}});
      case 2:
        return with_more(
            {{"type", "input_file"}, {"file_data", "data:a/b;base64," + text()}, {"filename", text()}});
      case 3: return {{"type", "input_unknown"}, {"x", text()}};
      default: return with_more({{"type", "input_text"}, {"text", text()}});
    }
  }
  json::object reasoning() {
    json::object item{{"type", "reasoning"}, {"summary", json::array{}}};
    auto const texts = [this](std::string_view type) {
      return list(2, [&] { return json::object{{"type", type}, {"text", text()}}; });
    };
    if (chance(2)) item["summary"] = texts("summary_text");
    if (chance(4)) item["content"] = texts("reasoning_text");
    if (chance(2)) item["encrypted_content"] = text();
    return named(std::move(item));
  }
  json::object result() {
    json::value output =
        chance(2) ? json::value(json::string(text())) : json::value(list(3, [this] { return part(); }));
    bool const custom = chance(3);
    return named({{"type", custom ? "custom_tool_call_output" : "function_call_output"},
                  {"call_id", text()},
                  {"output", std::move(output)}});
  }
  json::object tool() {
    if (chance(3)) return {{"type", "mcp"}, {"server_label", text()}};
    if (chance(3))
      return with_more({{"type", "custom"}, {"name", text()}, {"format", json::object{{"type", "text"}}}});
    json::object function{
        {"type", "function"}, {"name", text()}, {"parameters", json::object{{"x", text()}}}};
    if (chance(2)) function["strict"] = chance(2);
    if (chance(2)) function["description"] = text();
    return with_more(std::move(function));
  }
  json::value choice() {
    switch (below(5)) {
      case 0: return "required";
      case 1: return with_more({{"type", "function"}, {"name", text()}});
      case 2: return json::object{{"type", "custom"}, {"name", text()}};
      case 3:
        return json::object{
            {"type", "allowed_tools"}, {"mode", "auto"}, {"tools", list(3, [this] { return tool(); })}};
      default: return json::object{{"type", "file_search"}};
    }
  }
  json::object format() {
    switch (below(3)) {
      case 0: return {{"type", "text"}};
      case 1: return {{"type", "grammar"}, {"x", text()}};
      default:
        return with_more(
            {{"type", "json_schema"}, {"name", text()}, {"schema", json::object{{"y", text()}}}});
    }
  }

  std::mt19937 random_;
  int texts_{0};
};

/// Each text and number of a document with the name it has, in an order of their own.
void leaves_of(json::value const& value, std::string const& name, std::vector<std::string>& out) {
  if (value.is_object()) {
    for (auto const& member : value.get_object()) leaves_of(member.value(), std::string(member.key()), out);
  } else if (value.is_array()) {
    for (auto const& element : value.get_array()) leaves_of(element, name, out);
  } else if (value.is_number()) {
    out.push_back(name + "=" + std::to_string(value.to_number<double>()));
  } else {
    out.push_back(name + "=" + json::serialize(value));
  }
}
std::vector<std::string> leaves_of(json::value const& value) {
  std::vector<std::string> all;
  leaves_of(value, "", all);
  // A string and a list of one text say the same; so do a message that names its type and one that does not.
  for (std::string& leaf : all)
    for (std::string_view const name : {"content=", "input=", "text="})
      if (leaf.starts_with(name)) leaf = "said " + leaf.substr(name.size());
  std::erase_if(all, [](std::string const& leaf) {
    return leaf.starts_with("type=") || leaf.starts_with("role=") || leaf.starts_with("model=");
  });
  std::sort(all.begin(), all.end());
  return all;
}

TEST(ResponsesProperty, WhatIsReadIsWrittenWithNothingLost) {
  for (std::uint32_t seed = 1; seed <= 500; ++seed) {
    auto const request = Draw(seed).request();
    std::string const body = json::serialize(request);
    auto const read = decode_responses(body);
    ASSERT_TRUE(read) << seed << ": " << read.error().message() << body;
    Losses losses(MayDrop::nothing);
    auto const written = encode_responses(*read, "m", losses);
    ASSERT_TRUE(written) << seed;
    auto const again = decode_responses(*written);
    ASSERT_TRUE(again) << seed << *written;
    ASSERT_EQ(*again, *read) << seed << "\n" << body << "\n" << *written;
    ASSERT_EQ(leaves_of(json::parse(*written)), leaves_of(request)) << seed << "\n"
                                                                    << body << "\n"
                                                                    << *written;
  }
}

}  // namespace
}  // namespace lowart::responses_property_test
