#pragma once
/// What clients ask, for tests of what is written of it in another dialect.

#include <lowart/dialect/anthropic_request_decode.hpp>
#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/openai_chat_request.hpp>
#include <lowart/model/losses.hpp>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <string>
#include <string_view>

namespace lowart::testing {

inline Conversation expect_read(Result<Conversation> c) {
  EXPECT_TRUE(c) << (c ? "" : c.error().message());
  return c.value_or(Conversation{});
}
inline Conversation of_chat(std::string_view body) { return expect_read(dialect::decode_openai_chat(body)); }
inline Conversation of_messages(std::string_view body) {
  return expect_read(dialect::decode_anthropic(body));
}

/// "Hi" with further members of a chat request.
inline Conversation hello_with(std::string_view members) {
  return of_chat(R"({"model":"m","messages":[{"role":"user","content":"Hi"}])" + std::string(members) + "}");
}

/// The body that was written, or "refused FIELD".
inline std::string body_or_refusal(Result<std::string> const& body) {
  if (!body) return "refused " + body.error().param();
  EXPECT_FALSE(dialect::first_json_error(*body)) << *body;
  return *body;
}

/// The member of that name; null when there is none.
inline boost::json::value member_of(std::string const& body, std::string_view name) {
  EXPECT_TRUE(body.starts_with("{")) << body;
  auto const value = boost::json::parse(body.starts_with("{") ? body : "{}");
  auto const* const member = value.as_object().if_contains(name);
  return member != nullptr ? *member : boost::json::value(nullptr);
}

}  // namespace lowart::testing
