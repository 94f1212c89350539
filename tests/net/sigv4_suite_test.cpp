// Signatures of AWS against its published suite of cases, which is not kept here: LOWART_SIGV4_SUITE names its folder.

#include <lowart/net/sigv4.hpp>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::sigv4_suite_test {
namespace {

using namespace lowart::net;
namespace fs = std::filesystem;

std::string text_of(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A request.txt: lines of a head, of which one that begins with a blank continues the one before, and a body.
struct Request {
  std::string method, path, query, body;
  std::vector<std::pair<std::string, std::string>> fields;

  explicit Request(std::string const& text) {
    std::size_t const end = std::min(text.find("\n\n"), text.size());
    if (end < text.size()) body = text.substr(end + 2);
    std::size_t at = std::min(text.find('\n'), end);
    read_line(text.substr(0, at));
    while (at < end) {
      std::size_t const next = std::min(text.find('\n', ++at), end);
      std::string const line = text.substr(at, next - at);
      std::size_t const colon = line.find(':');
      if (line.starts_with(' ')) fields.back().second.append(line);
      else if (colon != line.npos) fields.emplace_back(line.substr(0, colon), line.substr(colon + 1));
      at = next;
    }
  }
  /// The target may hold blanks.
  void read_line(std::string const& line) {
    std::size_t const first = line.find(' '), last = line.rfind(' ');
    method = line.substr(0, first);
    path = line.substr(first + 1, last - first - 1);
    std::size_t const mark = path.find('?');
    if (mark == path.npos) return;
    query = path.substr(mark + 1);
    path.resize(mark);
  }
};

/// One folder of the suite. False: it asks for what this signer does not do, the path of S3 as it stands.
bool check(fs::path const& folder) {
  boost::json::object const context = boost::json::parse(text_of(folder / "context.json")).as_object();
  if (!context.at("normalize").as_bool()) return false;
  auto const& credentials = context.at("credentials").as_object();
  auto const text = [](boost::json::object const& from, std::string_view name) -> std::string {
    auto const* const value = from.if_contains(name);
    return value == nullptr ? std::string() : std::string(value->as_string());
  };
  Request request(text_of(folder / "request.txt"));
  std::string time = text(context, "timestamp");
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  request.fields.emplace_back("X-Amz-Date", time);
  auto const* const omit = context.if_contains("omit_session_token");
  std::string const token = text(credentials, "token");
  if (!token.empty() && (omit == nullptr || !omit->as_bool()))
    request.fields.emplace_back("X-Amz-Security-Token", token);
  if (context.at("sign_body").as_bool()) {
    std::string sum;
    append_hex(sum, sha256(request.body));
    request.fields.emplace_back("x-amz-content-sha256", sum);
  }
  std::string const id = text(credentials, "access_key_id"), secret = text(credentials, "secret_access_key");
  std::string const region = text(context, "region"), service = text(context, "service");
  SigV4Scope const scope{
      .access_key_id = id, .secret_access_key = secret, .region = region, .service = service};
  std::vector<SigV4Request::Field> const fields(request.fields.begin(), request.fields.end());
  std::vector<std::string_view> const body{request.body};
  SigV4Request const signed_one{
      .method = request.method, .path = request.path, .query = request.query, .fields = fields, .body = body};
  std::string const canonical = sigv4::canonical_request(signed_one).text;
  EXPECT_EQ(canonical, text_of(folder / "header-canonical-request.txt"));
  EXPECT_EQ(sigv4::string_to_sign(canonical, sigv4::credential_scope(scope, time), time),
            text_of(folder / "header-string-to-sign.txt"));
  std::string const value = sigv4_authorization(signed_one, scope, time);
  EXPECT_TRUE(value.ends_with("Signature=" + text_of(folder / "header-signature.txt"))) << value;
  std::string const sent = text_of(folder / "header-signed-request.txt");
  EXPECT_NE(sent.find("Authorization:" + value), sent.npos) << value;
  return true;
}

TEST(SigV4Suite, SignsEveryCaseThatIsNotOfS3AsPublished) {
  char const* const folder = std::getenv("LOWART_SIGV4_SUITE");
  if (folder == nullptr) GTEST_SKIP() << "LOWART_SIGV4_SUITE names no folder with AWS's suite of signatures";
  ASSERT_TRUE(fs::is_directory(folder)) << "LOWART_SIGV4_SUITE: there is no folder " << folder;
  int passed = 0, left_out = 0;
  for (auto const& entry : fs::directory_iterator(folder)) {
    if (!fs::exists(entry.path() / "header-canonical-request.txt")) continue;
    SCOPED_TRACE(entry.path().filename().string());
    ++(check(entry.path()) ? passed : left_out);
  }
  EXPECT_GT(passed, 0) << "no case of the suite's v4 folder in " << folder;
  std::printf("%d cases compared, %d of S3's paths left out\n", passed, left_out);
}

}  // namespace
}  // namespace lowart::sigv4_suite_test
