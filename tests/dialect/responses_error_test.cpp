#include <lowart/dialect/responses_error.hpp>
#include <lowart/dialect/responses_error_reading.hpp>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <string>
#include <string_view>

namespace lowart::responses_error_test {
namespace {

using namespace lowart;
using namespace lowart::dialect;
namespace json = boost::json;

TEST(ResponsesError, EndsAStreamWithAnEventThatSdksRaise) {
  Error const error(Errc::between_tokens_timeout, "the stream fell silent", Origin::upstream);
  auto const event = responses_error_event(error, 12);
  ASSERT_TRUE(event.starts_with("event: error\ndata: "));
  EXPECT_EQ(json::parse(event.substr(19)),
            json::parse(R"({"type":"error","code":"upstream_between_tokens_timeout",
      "message":"the stream fell silent","param":null,"sequence_number":12,"error":{"type":"server_error",
      "code":"upstream_between_tokens_timeout","message":"the stream fell silent","param":null}})"));
  EXPECT_TRUE(event.ends_with("}\n\n"));
  EXPECT_TRUE(responses_error_event(error, 12, true).starts_with("\n\nevent: error\n"))
      << "the open event is closed";
}

TEST(ResponsesError, NamesTheTypeWhereThereIsNoCode) {
  auto const event = responses_error_event(Error(Errc::invalid_request, "bad", Origin::client), 0);
  EXPECT_EQ(json::parse(event.substr(19)).at("code"), "invalid_request_error");
}

TEST(ResponsesError, AnswersWithTheEnvelopeOfOpenAi) {
  auto const reply = to_responses_error(Error(Errc::rate_limited, "slow down", Origin::gateway));
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(json::parse(reply.body).at("error").at("code"), "rate_limit_exceeded");
}

TEST(ResponsesError, ReadsAProvidersRefusalAndKeepsItsBody) {
  constexpr std::string_view body =
      R"({"error":{"message":"no such model","type":"invalid_request_error","param":"model","code":"model_not_found"}})";
  auto const none = [](std::string_view) { return std::string_view(); };
  auto const error = from_responses_error(400, body, none, 0);
  EXPECT_EQ(error.code(), Errc::upstream_rejected);
  EXPECT_EQ(error.param(), "model");
  EXPECT_EQ(error.upstream_body(), body);
  auto const busy = from_responses_error(
      429, R"({"error":{"message":"x"}})",
      [](std::string_view name) {
        return name == "retry-after-ms" ? std::string_view("1500") : std::string_view();
      },
      0);
  EXPECT_EQ(busy.code(), Errc::rate_limited);
  EXPECT_EQ(busy.retry_after().count(), 1500);
}

}  // namespace
}  // namespace lowart::responses_error_test
