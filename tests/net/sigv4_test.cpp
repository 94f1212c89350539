// Signatures of AWS: cases of its published test suite, and requests as another implementation signed them.

#include <lowart/net/sigv4.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace lowart::sigv4_test {
namespace {

using namespace lowart::net;
using Field = SigV4Request::Field;

constexpr std::string_view time_of_suite = "20150830T123600Z";
constexpr SigV4Scope suite{.access_key_id = "AKIDEXAMPLE",
                           .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                           .region = "us-east-1",
                           .service = "service"};

std::string authorization(std::string_view method, std::string_view path, std::string_view query,
                          std::vector<Field> fields, std::string_view body = {}, SigV4Scope scope = suite) {
  std::vector<std::string_view> const pieces{body.substr(0, body.size() / 2), body.substr(body.size() / 2)};
  SigV4Request const request{
      .method = method, .path = path, .query = query, .fields = fields, .body = pieces};
  return sigv4_authorization(request, scope, time_of_suite);
}
std::string_view signature_in(std::string_view authorization) {
  return authorization.substr(authorization.find("Signature=") + 10);
}
std::vector<Field> with(std::vector<Field> more) {
  more.emplace_back("Host", "example.amazonaws.com");
  more.emplace_back("X-Amz-Date", time_of_suite);
  return more;
}

TEST(SigV4, SignsTheCasesOfThePublishedSuite) {
  EXPECT_EQ(authorization("GET", "/", "", with({})),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=host;x-amz-date, "
            "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_EQ(signature_in(authorization("GET", "/", "Param2=value2&Param1=value1", with({}))),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
  EXPECT_EQ(
      signature_in(authorization(
          "POST", "/", "", with({{"Content-Type", "application/x-www-form-urlencoded"}}), "Param1=value1")),
      "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
}

TEST(SigV4, TakesBlanksOfFieldsTogether) {
  std::string_view const signature = "6ff6bc3cebca8811504dc903f3a072c310d9f48f8ee5c0b08115052209439e1b";
  EXPECT_EQ(signature_in(authorization("GET", "/", "", with({{"My-Header1", "  a   b   c  "}}))), signature);
  EXPECT_EQ(signature_in(authorization("GET", "/", "", with({{"my-header1", "a b c"}}))), signature);
}

TEST(SigV4, EncodesThePathOfAModelASecondTimeAndSignsTheTokenOfASession) {
  constexpr SigV4Scope bedrock{.access_key_id = "AKIDEXAMPLE",
                               .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                               .region = "eu-central-1",
                               .service = "bedrock"};
  std::string const signed_by_us =
      authorization("POST",
                    "/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Ainference-profile%2F"
                    "eu.anthropic.claude-sonnet-4-20250514-v1%3A0/converse-stream",
                    "",
                    {{"x-amz-security-token", "TOKEN/with+signs=="},
                     {"content-type", "application/json"},
                     {"host", "bedrock-runtime.eu-central-1.amazonaws.com"},
                     {"x-amz-date", time_of_suite}},
                    R"({"messages":[]})", bedrock);
  EXPECT_EQ(signed_by_us,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-central-1/bedrock/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "
            "Signature=7326a650883b214d00331bffe5a94636177c5a013a1f86faa2b7f64fbd7f473e");
}

TEST(SigV4, LooksAtPathsQueriesAndFieldsAsAwsDoes) {
  EXPECT_EQ(authorization("GET", "//a/./b/../c//", "", with({})),
            authorization("GET", "/a/c/", "", with({})));
  EXPECT_EQ(authorization("GET", "/a/../..", "", with({})), authorization("GET", "/", "", with({})));
  EXPECT_NE(authorization("GET", "/a", "", with({})), authorization("GET", "/a/", "", with({})));
  EXPECT_EQ(authorization("GET", "/", "b=%C3%A9&a", with({})),
            authorization("GET", "/", "a=&b=\xC3\xA9", with({})));
  EXPECT_EQ(authorization("GET", "/", "", with({{"x", "2"}, {"X", " 1"}})),
            authorization("GET", "/", "", with({{"x", "2,1"}})));
}

TEST(SigV4, AnyChangeOfWhatIsSignedChangesTheSignature) {
  std::string const was = authorization("POST", "/a", "b=c", with({}), "body");
  EXPECT_NE(authorization("PUT", "/a", "b=c", with({}), "body"), was);
  EXPECT_NE(authorization("POST", "/b", "b=c", with({}), "body"), was);
  EXPECT_NE(authorization("POST", "/a", "b=d", with({}), "body"), was);
  EXPECT_NE(authorization("POST", "/a", "b=c", with({}), "bodY"), was);
  EXPECT_NE(authorization("POST", "/a", "b=c", with({{"c", "d"}}), "body"), was);
  SigV4Scope other = suite;
  other.secret_access_key = "another";
  EXPECT_NE(authorization("POST", "/a", "b=c", with({}), "body", other), was);
}

TEST(SigV4, WritesTheTimeOfTheSignature) {
  EXPECT_EQ(sigv4_time(1'440'938'160'000'000), time_of_suite);
  EXPECT_EQ(sigv4_time(1'440'938'160'999'999), time_of_suite);
  EXPECT_EQ(sigv4_time(0), "19700101T000000Z");
  EXPECT_EQ(sigv4_time(1'767'225'599'000'000), "20251231T235959Z");
}

}  // namespace
}  // namespace lowart::sigv4_test
