#pragma once
/// BaseUrl: where a provider lives, read from configuration and validated once.

#include <lowart/core/result.hpp>
#include <lowart/net/http_chars.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::net {

/// `https://host[:port][/prefix]`, `http://...`, or `unix:/path/to.sock[:/prefix]`.
class BaseUrl {
 public:
  enum class Scheme : std::uint8_t { http, https, unix_socket };

  Scheme scheme() const noexcept { return scheme_; }
  bool tls() const noexcept { return scheme_ == Scheme::https; }
  bool is_unix() const noexcept { return scheme_ == Scheme::unix_socket; }
  /// Lower case name, IPv4 address, or IPv6 address without brackets; empty for a unix socket.
  std::string const& host() const noexcept { return host_; }
  /// 1 to 65535; the scheme's own when none was given; 0 for a unix socket.
  std::uint16_t port() const noexcept { return port_; }
  /// What every target begins with: "" or "/v1"; never ends with a slash.
  std::string const& prefix() const noexcept { return prefix_; }
  /// The file of the unix socket, at most 107 bytes; empty otherwise.
  std::string const& socket_path() const noexcept { return socket_path_; }
  /// The value of Host: IPv6 in brackets, the port only when it is not the scheme's own.
  std::string const& authority() const noexcept { return authority_; }

 private:
  friend Result<BaseUrl> parse_base_url(std::string_view);

  std::string host_, prefix_, socket_path_, authority_;
  std::uint16_t port_ = 0;
  Scheme scheme_ = Scheme::https;
};

/// Reads a base URL. Refuses what a provider's address must not have (user information, query,
/// fragment, dot segments, blanks, non-ASCII) with config_invalid and a sentence that says which.
/// The message quotes no part of the URL, for people put secrets there.
[[nodiscard]] Result<BaseUrl> parse_base_url(std::string_view text);

namespace url {

/// Four decimal numbers of at most 255 without leading zeros.
constexpr bool is_ipv4(std::string_view s) noexcept {
  for (int part = 0; part < 4; ++part) {
    auto const dot = part < 3 ? s.find('.') : s.size();
    if (dot == std::string_view::npos || dot == 0 || dot > 3 || (dot > 1 && s[0] == '0')) return false;
    int number = 0;
    for (char const c : s.substr(0, dot)) {
      if (c < '0' || c > '9') return false;
      number = number * 10 + (c - '0');
    }
    if (number > 255) return false;
    s.remove_prefix(std::min(dot + 1, s.size()));
  }
  return s.empty();
}

/// RFC 4291 section 2.2, without a zone.
constexpr bool is_ipv6(std::string_view s) noexcept {
  bool shortened = false;
  int groups = 0;
  if (s.starts_with(':') && !s.starts_with("::")) return false;
  if (s.size() > 2 && s.ends_with(':') && !s.ends_with("::")) return false;
  while (!s.empty()) {
    if (s.starts_with("::")) {
      if (shortened) return false;
      shortened = true;
      s.remove_prefix(2);
      if (s.starts_with(':')) return false;
      continue;
    }
    if (s.starts_with(':')) s.remove_prefix(1);
    auto const size = std::min(s.find(':'), s.size());
    std::string_view const group = s.substr(0, size);
    if (size == s.size() && group.find('.') != std::string_view::npos) {
      if (!is_ipv4(group)) return false;
      groups += 2;
    } else {
      if (size == 0 || size > 4) return false;
      if (!std::all_of(group.begin(), group.end(), [](char c) { return is_char(hex_class, c); }))
        return false;
      ++groups;
    }
    s.remove_prefix(size);
  }
  return shortened ? groups < 8 : groups == 8;
}

/// A DNS name (letters, digits, hyphens, underscores in labels of 1 to 63 bytes) or an IPv4 address.
constexpr bool is_name(std::string_view s) noexcept {
  if (s.empty() || s.size() > 253) return false;
  std::string_view label;
  for (std::string_view rest = s; !rest.empty();) {
    label = rest.substr(0, rest.find('.'));
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    for (char const c : label)
      if (!is_char(token_class, c) || !is_char(host_class, c) || chars::contains("!$&'*+~%", c)) return false;
    rest.remove_prefix(label.size());
    if (rest == ".") break;  // the root, written out
    if (!rest.empty()) rest.remove_prefix(1);
  }
  // A last label of digits only is an address to every resolver, so it must be a good one.
  bool const number = std::all_of(label.begin(), label.end(), [](char c) { return c >= '0' && c <= '9'; });
  return !number || is_ipv4(s);
}

constexpr std::optional<std::uint16_t> read_port(std::string_view s) noexcept {
  unsigned port = 0;
  if (s.empty() || s.size() > 5) return std::nullopt;
  for (char const c : s) {
    if (c < '0' || c > '9') return std::nullopt;
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  if (port == 0 || port > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

/// What is wrong with a path prefix; empty when nothing is.
constexpr std::string_view fault_of_prefix(std::string_view path) noexcept {
  if (!percent_triplets_are_whole(path)) return "has a % without two hexadecimal digits in its path";
  while (path.ends_with('/')) path.remove_suffix(1);
  while (!path.empty()) {
    path.remove_prefix(1);
    std::string_view const segment = path.substr(0, path.find('/'));
    if (segment.empty()) return "has an empty segment in its path";
    if (segment == "." || segment == "..") return "has a dot segment in its path";
    path.remove_prefix(segment.size());
  }
  return {};
}

/// What is wrong with the text as a whole; empty when nothing is.
constexpr std::string_view fault_of_text(std::string_view text) noexcept {
  if (text.empty()) return "is empty";
  for (char const c : text) {
    if (c == '#') return "must not have a fragment (#)";
    if (c == '?') return "must not have a query (?)";
    if (c == '@') return "must not have user information (@); use the key's own setting";
    if (!is_char(target_class, c)) return "has a blank, a control character or a byte outside ASCII";
  }
  return {};
}

inline tl::unexpected<Error> refuse(std::string_view fault) {
  return fail(Errc::config_invalid, "the base URL " + std::string(fault));
}

}  // namespace url

inline Result<BaseUrl> parse_base_url(std::string_view text) {
  if (auto const fault = url::fault_of_text(text); !fault.empty()) return url::refuse(fault);
  BaseUrl out;
  auto const colon = text.find(':');
  std::string_view const scheme = text.substr(0, std::min(colon, text.size()));
  bool const http = equal_ignoring_case(scheme, "http");
  bool const https = equal_ignoring_case(scheme, "https");
  bool const unix_socket = equal_ignoring_case(scheme, "unix");
  if (colon == std::string_view::npos || !(http || https || unix_socket))
    return url::refuse("must begin with https://, http:// or unix:");
  std::string_view rest = text.substr(colon + 1);
  std::string_view prefix;

  if (unix_socket) {
    if (rest.starts_with("///")) rest.remove_prefix(2);
    auto const second = rest.find(':');
    std::string_view const path = rest.substr(0, second);
    if (second != std::string_view::npos) prefix = rest.substr(second + 1);
    if (second != std::string_view::npos && !prefix.starts_with('/'))
      return url::refuse("has a path after the socket that does not begin with a slash");
    if (path.empty() || path.ends_with('/') || path.starts_with("//"))
      return url::refuse("names no unix socket; write unix:/path/to.sock");
    // sockaddr_un::sun_path holds 108 bytes on Linux, the last one NUL.
    if (path.size() > 107) return url::refuse("has a unix socket path over 107 bytes");
    out.scheme_ = BaseUrl::Scheme::unix_socket;
    out.socket_path_ = path;
    out.authority_ = "localhost";
  } else {
    if (!rest.starts_with("//")) return url::refuse("must have // after its scheme");
    rest.remove_prefix(2);
    auto const slash = std::min(rest.find('/'), rest.size());
    std::string_view authority = rest.substr(0, slash);
    prefix = rest.substr(slash);
    out.scheme_ = https ? BaseUrl::Scheme::https : BaseUrl::Scheme::http;
    std::uint16_t const own_port = https ? 443 : 80;
    bool const bracket = authority.starts_with('[');
    auto const host_end = bracket ? authority.find(']') : authority.find(':');
    if (bracket && host_end == std::string_view::npos)
      return url::refuse("has a bracket that does not close");
    std::string_view const host = bracket ? authority.substr(1, host_end - 1) : authority.substr(0, host_end);
    authority.remove_prefix(std::min(host.size() + (bracket ? 2 : 0), authority.size()));
    if (host.empty()) return url::refuse("has no host");
    if (bracket ? !url::is_ipv6(host) : !url::is_name(host))
      return url::refuse(bracket ? "has a bad IPv6 address" : "has a bad host name");
    out.port_ = own_port;
    if (!authority.empty()) {
      auto const port = authority[0] == ':' ? url::read_port(authority.substr(1)) : std::nullopt;
      if (!port) return url::refuse("has a port that is not a number from 1 to 65535");
      out.port_ = *port;
    }
    out.host_ = host;
    std::transform(out.host_.begin(), out.host_.end(), out.host_.begin(), to_lower);
    out.authority_ = bracket ? "[" + out.host_ + "]" : out.host_;
    if (out.port_ != own_port) out.authority_ += ":" + std::to_string(out.port_);
  }

  if (auto const fault = url::fault_of_prefix(prefix); !fault.empty()) return url::refuse(fault);
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  out.prefix_ = prefix;
  return out;
}

}  // namespace lowart::net
