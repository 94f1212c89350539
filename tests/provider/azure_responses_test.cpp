// The Responses protocol at Azure: its paths, its credentials and its refusals.

#include <lowart/provider/azure_responses.hpp>

#include <lowart/dialect/responses_facts.hpp>
#include <lowart/meter/counted.hpp>
#include <lowart/provider/capability.hpp>
#include <lowart/testing/run.hpp>
#include <lowart/testing/scripted_transport.hpp>

#include "asked.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace lowart::azure_responses_test {
namespace {

using lowart::testing::ScriptedAnswer;
using lowart::testing::ScriptedTransport;

static_assert(!Serves<AzureResponses<>, CountRequest>, "Counted counts for it");

std::string const body = R"({"own":1.0, "model":"m","input":"Hi"})";
std::string const response =
    R"({"id":"r","object":"response","status":"completed","model":"g","output":[{"type":"message","id":"m",)"
    R"("role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hello","annotations":[]}]}],)"
    R"("usage":{"input_tokens":3,"output_tokens":1,"total_tokens":4}})";

AzureResponsesOptions with_key(std::string api_version = "") {
  AzureResponsesOptions options;
  options.api_key = Secret("k");
  options.api_version = std::move(api_version);
  return options;
}

using AskedProvider = lowart::testing::Asked<AzureResponses<ScriptedTransport>, AzureResponsesOptions>;
struct Asked : AskedProvider {
  std::string scratch;

  explicit Asked(ScriptedAnswer answer, AzureResponsesOptions options = with_key())
      : AskedProvider(std::move(answer), std::move(options)) {}
  Result<ChatReply> ask() {
    auto facts = dialect::read_responses_facts(body, scratch);
    EXPECT_TRUE(facts);
    ChatRequest const request = ChatRequest(facts->wire).for_model("dep");
    return AskedProvider::ask(request);
  }
};

TEST(AzureResponses, SendsTheBytesAsTheyCameWithItsKeyAndItsVersion) {
  for (auto const& [version, path] : std::vector<std::array<std::string, 2>>{
           {"", "/responses"}, {"2025-04-01 preview", "/responses?api-version=2025-04-01%20preview"}}) {
    Asked asked(ScriptedAnswer::json(200, response), with_key(version));
    auto const reply = asked.ask();
    ASSERT_TRUE(reply) << reply.error().message();
    EXPECT_EQ(asked.sent().path, path);
    EXPECT_EQ(asked.sent().field("api-key"), "k");
    EXPECT_EQ(asked.sent().field("authorization"), "");
    EXPECT_EQ(asked.sent().body, R"({"own":1.0, "model":"dep","input":"Hi"})");
    EXPECT_EQ(reply->head().dialect, Dialect::openai_responses);
  }
}

TEST(AzureResponses, ShowsATokenOfEntraId) {
  AzureResponsesOptions options;
  TokenGrant grant =
      entra_grant("azure", EntraCredentials{.tenant = "t", .client_id = "c", .client_secret = Secret("s")});
  ScriptedTransport server({ScriptedAnswer::json(200, R"({"access_token":"t-1","expires_in":3600})")});
  options.token = AccessToken(net::AnyTransport(server), std::move(grant));
  Asked asked(ScriptedAnswer::json(200, response), std::move(options));
  ASSERT_TRUE(asked.ask());
  EXPECT_EQ(asked.sent().field("authorization"), "Bearer t-1");
  EXPECT_EQ(asked.sent().field("api-key"), "");
}

TEST(AzureResponses, SaysWhatAzureRefuses) {
  auto const said = [](int status, std::string const& code) {
    Asked asked(ScriptedAnswer::json(status, R"({"error":{"message":"no","code":")" + code + R"("}})"));
    auto const reply = asked.ask();
    return reply ? std::string("answered") : reply.error().message();
  };
  EXPECT_EQ(said(404, "DeploymentNotFound"),
            "the Azure resource has no deployment of this name (status 404)");
  EXPECT_EQ(said(401, "401"),
            "Azure did not accept the credentials (status 401): is it a key of this very resource?");
  EXPECT_EQ(said(400, "content_filter"), "Azure's content filter refused the prompt (status 400)");
}

}  // namespace
}  // namespace lowart::azure_responses_test
