#pragma once
/// ListenAddress: where a server listens: "127.0.0.1:8080", "[::1]:8080", "unix:/run/lowart.sock".

#include <lowart/core/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lowart::net {

struct ListenAddress {
  std::string host;         ///< A numeric address; empty for a Unix socket.
  std::uint16_t port{0};    ///< 0 lets the system choose.
  std::string socket_path;  ///< Of a Unix socket.
  std::string cert_file;    ///< With key_file: TLS.
  std::string key_file;
  std::string
      client_ca_file;  ///< With TLS: authorities for certificates of clients; empty: none is asked for.
  bool client_required{false};  ///< A client without a certificate is not served at all.
  bool shared{false};  ///< This process listens there already: its other loops may join. See HttpServer.

  bool is_unix() const noexcept { return !socket_path.empty(); }
  bool is_tls() const noexcept { return !cert_file.empty(); }
  std::string text() const {
    if (is_unix()) return "unix:" + socket_path;
    bool const v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
  }
};

/// Errc::config_invalid says what an address looks like.
inline Result<ListenAddress> parse_listen_address(std::string_view text) {
  constexpr std::string_view unix_prefix = "unix:";
  constexpr std::size_t longest_path = 107;  // sun_path of unix(7), less its NUL
  auto const wrong = [text](std::string_view why) {
    return fail(Errc::config_invalid, "'" + std::string(text) +
                                          "' is no address to listen on: " + std::string(why) +
                                          "; write 127.0.0.1:8080, [::1]:8080 or unix:/path/to.sock");
  };
  ListenAddress address;
  if (text.starts_with(unix_prefix)) {
    address.socket_path = text.substr(unix_prefix.size());
    if (address.socket_path.empty()) return wrong("the path is empty");
    if (address.socket_path.size() > longest_path) return wrong("a socket's path has at most 107 characters");
    return address;
  }
  auto const colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong("the port is missing");
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos) return wrong("IPv6 addresses stand in brackets");
  address.host = host == "localhost"           ? "127.0.0.1"
                 : host == "*" || host.empty() ? "0.0.0.0"
                                               : std::string(host);
  unsigned port = 0;
  std::string_view const digits = text.substr(colon + 1);
  if (digits.empty() || digits.size() > 5) return wrong("the port is not a number");
  for (char const c : digits) {
    if (c < '0' || c > '9') return wrong("the port is not a number");
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  if (port > 65535) return wrong("ports end at 65535");
  address.port = static_cast<std::uint16_t>(port);
  return address;
}

}  // namespace lowart::net
