#include <lowart/net/url.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace lowart::url_test {
namespace {

using namespace lowart::net;
using lowart::Errc;

TEST(BaseUrl, GivesThePartsOfAnAddress) {
  struct Case {
    std::string_view text;
    bool tls;
    std::string_view host;
    int port;
    std::string_view prefix, authority;
  };
  for (auto const& c : std::vector<Case>{
           {"https://api.openai.com/v1", true, "api.openai.com", 443, "/v1", "api.openai.com"},
           {"https://api.openai.com", true, "api.openai.com", 443, "", "api.openai.com"},
           {"HTTPS://API.OpenAI.com/V1//", true, "api.openai.com", 443, "/V1", "api.openai.com"},
           {"http://localhost:11434/", false, "localhost", 11434, "", "localhost:11434"},
           {"http://localhost:80", false, "localhost", 80, "", "localhost"},
           {"https://h:80", true, "h", 80, "", "h:80"},
           {"http://127.0.0.1:8000/a/b%20c", false, "127.0.0.1", 8000, "/a/b%20c", "127.0.0.1:8000"},
           {"http://[::1]:8080/v1", false, "::1", 8080, "/v1", "[::1]:8080"},
           {"https://[2001:DB8::1]", true, "2001:db8::1", 443, "", "[2001:db8::1]"},
           {"https://[::ffff:10.0.0.1]:65535", true, "::ffff:10.0.0.1", 65535, "", "[::ffff:10.0.0.1]:65535"},
           {"http://my_service.ns.svc.cluster.local./x", false, "my_service.ns.svc.cluster.local.", 80, "/x",
            "my_service.ns.svc.cluster.local."},
       }) {
    auto const url = parse_base_url(c.text);
    ASSERT_TRUE(url.has_value()) << c.text << ": " << url.error().message();
    EXPECT_EQ(url->tls(), c.tls);
    EXPECT_EQ(url->host(), c.host);
    EXPECT_EQ(url->port(), c.port);
    EXPECT_EQ(url->prefix(), c.prefix);
    EXPECT_EQ(url->authority(), c.authority);
    EXPECT_FALSE(url->is_unix());
    EXPECT_EQ(url->socket_path(), "");
  }
}

TEST(BaseUrl, GivesThePartsOfAUnixSocket) {
  struct Case {
    std::string_view text, path, prefix;
  };
  std::string const longest = "unix:/" + std::string(106, 'a');
  for (auto const& c : std::vector<Case>{
           {"unix:/run/ollama.sock", "/run/ollama.sock", ""},
           {"unix:/run/ollama.sock:/v1/", "/run/ollama.sock", "/v1"},
           {"unix:///run/x.sock:/", "/run/x.sock", ""},
           {"UNIX:./data/x.sock", "./data/x.sock", ""},
           {longest, std::string_view(longest).substr(5), ""},
       }) {
    auto const url = parse_base_url(c.text);
    ASSERT_TRUE(url.has_value()) << c.text << ": " << url.error().message();
    EXPECT_EQ(url->scheme(), BaseUrl::Scheme::unix_socket);
    EXPECT_EQ(url->socket_path(), c.path);
    EXPECT_EQ(url->prefix(), c.prefix);
    EXPECT_EQ(url->authority(), "localhost");
    EXPECT_FALSE(url->tls());
  }
}

TEST(BaseUrl, SaysWhatIsWrong) {
  struct Case {
    std::string text;
    std::string_view because;
  };
  for (auto const& c : std::vector<Case>{
           {"", "is empty"},
           {"api.openai.com", "must begin with"},
           {"api.openai.com:443/v1", "must begin with"},
           {"//api.openai.com", "must begin with"},
           {"ftp://a", "must begin with"},
           {"https:", "must have //"},
           {"https:/a", "must have //"},
           {"https://", "no host"},
           {"https:///v1", "no host"},
           {"https://:443", "no host"},
           {"https://[]", "no host"},
           {"https://a b", "blank"},
           {"https://a\tb", "blank"},
           {"https://a\r\nX: y", "control"},
           {std::string("https://a\0b", 11), "control"},
           {"https://m\xc3\xbcller.de", "outside ASCII"},
           {"https://a/v1?key=x", "query"},
           {"https://a/v1#x", "fragment"},
           {"https://user:secret@a/", "user information"},
           {"https://a\\b", "blank, a control"},
           {"https://a..b", "host name"},
           {"https://.a", "host name"},
           {"https://.", "host name"},
           {"https://-a", "host name"},
           {"https://a-.b", "host name"},
           {"https://a*b", "host name"},
           {"https://a%41", "host name"},
           {"https://a,b", "host name"},
           {"https://" + std::string(64, 'a'), "host name"},
           {"https://256.0.0.1", "host name"},
           {"https://1.2.3", "host name"},
           {"https://01.2.3.4", "host name"},
           {"https://1.2.3.4.5", "host name"},
           {"https://12345", "host name"},
           {"https://a:", "port"},
           {"https://a:0", "port"},
           {"https://a:65536", "port"},
           {"https://a:4294967739", "port"},
           {"https://a:+1", "port"},
           {"https://a:1:2", "port"},
           {"https://a:http", "port"},
           {"https://::1", "no host"},
           {"https://[::1", "bracket"},
           {"https://[::1]x", "port"},
           {"https://[:::]", "IPv6"},
           {"https://[1::2::3]", "IPv6"},
           {"https://[1:2:3:4:5:6:7]", "IPv6"},
           {"https://[1:2:3:4:5:6:7:8:9]", "IPv6"},
           {"https://[1:2:3:4:5:6:7:8::]", "IPv6"},
           {"https://[12345::]", "IPv6"},
           {"https://[::g]", "IPv6"},
           {"https://[1:2:3:4:5:6:7:]", "IPv6"},
           {"https://[:1:2:3:4:5:6:7]", "IPv6"},
           {"https://[::1.2.3]", "IPv6"},
           {"https://[1.2.3.4]", "IPv6"},
           {"https://[fe80::1%eth0]", "IPv6"},
           {"https://a//b", "empty segment"},
           {"https://a/./b", "dot segment"},
           {"https://a/b/..", "dot segment"},
           {"https://a/%2", "hexadecimal"},
           {"unix:", "names no unix socket"},
           {"unix:/run/", "names no unix socket"},
           {"unix:/", "names no unix socket"},
           {"unix://run/x.sock", "names no unix socket"},
           {"unix:/x:v1", "begin with a slash"},
           {"unix:/x:", "begin with a slash"},
           {"unix:/x:/a/../b", "dot segment"},
           {"unix:/" + std::string(107, 'a'), "107 bytes"},
       }) {
    auto const url = parse_base_url(c.text);
    ASSERT_FALSE(url.has_value()) << c.text;
    EXPECT_EQ(url.error().code(), Errc::config_invalid);
    EXPECT_NE(url.error().message().find(c.because), std::string::npos)
        << c.text << ": " << url.error().message();
    EXPECT_EQ(url.error().message().find("secret"), std::string::npos);
  }
}

TEST(BaseUrl, KnowsIpv6AddressesByTheirText) {
  for (auto const* good : {"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1::8", "1:2:3:4:5:6:7::",
                           "::2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4", "::1.2.3.4", "fe80::a:B"})
    EXPECT_TRUE(url::is_ipv6(good)) << good;
  for (auto const* bad :
       {"", ":", "1", "1:", ":1", ":::", "1:::2", "1::2:", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4"})
    EXPECT_FALSE(url::is_ipv6(bad)) << bad;
}

}  // namespace
}  // namespace lowart::url_test
