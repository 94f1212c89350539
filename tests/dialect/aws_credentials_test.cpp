// The answers of those who give AWS credentials: which are taken, for how long, and what is said of the others.

#include <lowart/dialect/aws_credentials.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>

namespace lowart::aws_credentials_reply_test {
namespace {

using namespace std::chrono_literals;
using dialect::read_aws_credentials;
using dialect::read_aws_refusal;

constexpr std::int64_t now = 1'800'000'000'000'000;  // 2027-01-15T08:00:00Z

std::string flat(std::string_view end, std::string_view more = "") {
  return std::string(R"({"AccessKeyId":"ASIA1","SecretAccessKey":"s/+=","Token":"t/+=")")
      .append(more)
      .append(end.empty() ? "" : R"(,"Expiration":)")
      .append(end)
      .append("}");
}
std::string of_sts(std::string_view end) {
  return std::string(R"({"AssumeRoleWithWebIdentityResponse":{"AssumeRoleWithWebIdentityResult":)")
      .append(
          R"({"Audience":"a","Credentials":{"AccessKeyId":"ASIA2","SecretAccessKey":"s","SessionToken":"t",)")
      .append(R"("Expiration":)")
      .append(end)
      .append(R"(}},"ResponseMetadata":{"RequestId":"r"}}})");
}

TEST(AwsCredentialsReply, IsReadAsAMetadataEndpointWritesIt) {
  auto const read =
      read_aws_credentials(flat(R"("2027-01-15T09:00:00Z")", R"(,"Code":"Success","Type":"AWS-HMAC")"), now);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->access_key_id, "ASIA1");
  EXPECT_EQ(read->secret_access_key.reveal(), "s/+=");
  EXPECT_EQ(read->session_token.reveal(), "t/+=");
  EXPECT_EQ(read->life, 1h);
}

TEST(AwsCredentialsReply, IsReadAsStsWritesIt) {
  for (std::string const end : {"1800000900", "1.8000009E9", "1800000900.5", R"("2027-01-15T08:15:00Z")"}) {
    auto const read = read_aws_credentials(of_sts(end), now);
    ASSERT_TRUE(read) << end << read.error().message();
    EXPECT_EQ(read->access_key_id, "ASIA2");
    EXPECT_EQ(read->session_token.reveal(), "t");
    EXPECT_EQ(read->life, 15min) << end;
  }
}

TEST(AwsCredentialsReply, LivesAQuarterOfAnHourOrADayWhereItsEndIsNotToldOrFar) {
  EXPECT_EQ(read_aws_credentials(flat(""), now)->life, 15min);
  EXPECT_EQ(read_aws_credentials(flat(R"("9999-01-01T00:00:00Z")"), now)->life, 24h);
}

TEST(AwsCredentialsReply, IsRefusedWithWhatIsMissing) {
  auto const why = [](std::string const& body) {
    auto const read = read_aws_credentials(body, now);
    return read ? std::string("taken") : read.error().message();
  };
  EXPECT_EQ(why("<ErrorResponse>"), "it is not JSON");
  EXPECT_EQ(why("{}"), "it has no usable 'AccessKeyId'");
  EXPECT_EQ(why("[]"), "it has no usable 'AccessKeyId'");
  EXPECT_EQ(why(R"({"AccessKeyId":"A/B"})"), "it has no usable 'AccessKeyId'");
  EXPECT_EQ(why(R"({"AccessKeyId":"A"})"), "it has no usable 'SecretAccessKey'");
  EXPECT_EQ(why(R"({"AccessKeyId":"A","SecretAccessKey":"s","Token":"a\r\nb"})"),
            "its session token is not usable");
  EXPECT_EQ(why(R"({"Code":"AssumeRoleUnauthorizedAccess"})"), "its Code is AssumeRoleUnauthorizedAccess");
  EXPECT_EQ(why(R"({"Code":"a\nb"})"), "its Code is odd");
  for (std::string const end : {R"("soon")", "-1", "1e99", "true"})
    EXPECT_NE(why(flat(end)), "its credentials have ended already; check this machine's clock") << end;
  EXPECT_EQ(why(flat(R"("soon")")), "its 'Expiration' is no time");
  EXPECT_EQ(why(flat("1e99")), "its 'Expiration' is no time");
  EXPECT_EQ(why(flat(R"("2027-01-15T08:00:00Z")")),
            "its credentials have ended already; check this machine's clock");
  EXPECT_EQ(why(R"({"AssumeRoleWithWebIdentityResponse":{"AssumeRoleWithWebIdentityResult":{}}})"),
            "it has no usable 'AccessKeyId'");
}

TEST(AwsRefusal, TellsItsCodeAndItsText) {
  auto const sts =
      read_aws_refusal(R"({"Error":{"Code":"AccessDenied","Message":"Not authorized","Type":"Sender"}})");
  EXPECT_EQ(sts.words, "AccessDenied");
  EXPECT_EQ(sts.text, "Not authorized");
  auto const container = read_aws_refusal(R"({"code":"InvalidToken","message":"no","HttpErrorCode":400})");
  EXPECT_EQ(container.words, "InvalidToken");
  EXPECT_EQ(container.text, "no");
  auto const odd = read_aws_refusal(R"({"Error":{"Code":"no such\ncode"}})" + std::string(600, ' '));
  EXPECT_EQ(odd.words, "");
  EXPECT_EQ(odd.text.size(), 500U);
}

}  // namespace
}  // namespace lowart::aws_credentials_reply_test
