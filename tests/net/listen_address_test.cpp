#include <lowart/net/listen_address.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace lowart::listen_address_test {
namespace {

using namespace lowart;
using namespace lowart::net;

TEST(ListenAddress, ReadsWhatPeopleWrite) {
  struct Case {
    std::string_view text, host;
    std::uint16_t port;
    std::string_view path, again;
  };
  Case const cases[] = {
      {"127.0.0.1:8080", "127.0.0.1", 8080, "", "127.0.0.1:8080"},
      {"localhost:0", "127.0.0.1", 0, "", "127.0.0.1:0"},
      {":80", "0.0.0.0", 80, "", "0.0.0.0:80"},
      {"*:65535", "0.0.0.0", 65535, "", "0.0.0.0:65535"},
      {"[::1]:8080", "::1", 8080, "", "[::1]:8080"},
      {"[::]:1", "::", 1, "", "[::]:1"},
      {"unix:/run/lowart.sock", "", 0, "/run/lowart.sock", "unix:/run/lowart.sock"},
      {"unix:./data/a:b", "", 0, "./data/a:b", "unix:./data/a:b"},
  };
  for (auto const& test : cases) {
    auto const address = parse_listen_address(test.text);
    ASSERT_TRUE(address.has_value()) << test.text;
    EXPECT_EQ(address->host, test.host);
    EXPECT_EQ(address->port, test.port);
    EXPECT_EQ(address->socket_path, test.path);
    EXPECT_EQ(address->is_unix(), !test.path.empty());
    EXPECT_FALSE(address->is_tls());
    EXPECT_EQ(address->text(), test.again);
  }
}

TEST(ListenAddress, SaysWhatIsWrong) {
  struct Case {
    std::string text;
    std::string_view reason;
  };
  Case const cases[] = {
      {"127.0.0.1", "the port is missing"},
      {"127.0.0.1:", "not a number"},
      {"127.0.0.1:http", "not a number"},
      {"127.0.0.1:-1", "not a number"},
      {"127.0.0.1:123456", "not a number"},
      {"127.0.0.1:65536", "end at 65535"},
      {"::1:8080", "brackets"},
      {"[::1]", "brackets"},
      {"unix:", "empty"},
      {"unix:" + std::string(108, 'p'), "107"},
      {"", "the port is missing"},
  };
  for (auto const& test : cases) {
    auto const address = parse_listen_address(test.text);
    ASSERT_FALSE(address.has_value()) << test.text;
    EXPECT_EQ(address.error().code(), Errc::config_invalid);
    EXPECT_NE(address.error().message().find(test.reason), std::string::npos) << address.error().message();
  }
}

}  // namespace
}  // namespace lowart::listen_address_test
