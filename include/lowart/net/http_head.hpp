#pragma once
/// Strict, restartable parsers of HTTP/1.1 request heads and response heads (RFC 9110, RFC 9112).

#include <lowart/net/http_message.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lowart::net {

/// The head of a request, as views into the buffer it was parsed from. About 1.1 KB.
class RequestHead : public MessageHead {
 public:
  std::string_view method() const noexcept { return view(method_); }
  /// As it came: "/v1/models?limit=2", "http://host/path" or "*".
  std::string_view target() const noexcept { return view(target_); }
  /// The target's path, still percent-encoded; "/" when an absolute target has none; "*" for "*".
  std::string_view path() const noexcept { return path_.size == 0 ? "/" : view(path_); }
  /// What follows the first "?", without it.
  std::string_view query() const noexcept { return view(query_); }
  /// Whom the request is for: the authority of an absolute target, otherwise Host (RFC 9112 3.2.2).
  std::string_view host() const noexcept { return authority_.size != 0 ? view(authority_) : view(host_); }
  /// The client waits for "100 Continue" before it sends the body. Never set for HTTP/1.0.
  bool expect_continue() const noexcept { return seen(saw_continue) && minor_version_ == 1; }
  BodyKind body() const noexcept {
    if (chunked()) return BodyKind::chunked;
    return content_length_ != 0 ? BodyKind::length : BodyKind::none;
  }

 private:
  friend HeadResult parse_request_head(std::string_view, RequestHead&, HeadLimits const&) noexcept;

  HeadResult read(char const* end, HeadLimits const& limits) noexcept;
  HeadResult read_method(char const* end, HeadLimits const& limits) noexcept;
  HeadResult read_target(char const* end, HeadLimits const& limits) noexcept;
  HeadResult read_version(char const* end) noexcept;
  HeadResult refuse_target(char c) noexcept;
  bool split_target() noexcept;

  Span method_, target_, authority_, path_, query_;
};

/// The head of a response. About 1.1 KB.
class ResponseHead : public MessageHead {
 public:
  /// 100 to 999.
  int status() const noexcept { return status_; }
  /// The peer's own words; may be empty.
  std::string_view reason() const noexcept { return view(reason_); }
  /// How the body of the answer to a request of this method ends (RFC 9112 6.3).
  BodyKind body(std::string_view request_method) const noexcept {
    if (request_method == "HEAD" || status_ < 200 || status_ == 204 || status_ == 304) return BodyKind::none;
    if (chunked()) return BodyKind::chunked;
    if (!seen(saw_length)) return BodyKind::until_close;
    return content_length_ != 0 ? BodyKind::length : BodyKind::none;
  }
  /// Whether the connection can carry another request once the body is read.
  bool reusable_after(std::string_view request_method) const noexcept {
    return keep_alive() && status_ != 101 && body(request_method) != BodyKind::until_close;
  }

 private:
  friend HeadResult parse_response_head(std::string_view, ResponseHead&, HeadLimits const&) noexcept;

  HeadResult read(char const* end, HeadLimits const& limits) noexcept;
  HeadResult read_status_line(char const* end) noexcept;

  Span reason_;
  std::uint16_t status_ = 0;
};

/// Parses the request head at the start of `buffer`, which holds every byte received so far and not yet
/// consumed. After need_more, append to the buffer (it may move) and call again with the same `out`:
/// nothing is scanned twice. After done or error the next call begins a new head. The answer depends on
/// the bytes only, not on how they were split. Refuses whatever two readers could frame differently.
[[nodiscard]] HeadResult parse_request_head(std::string_view buffer, RequestHead& out,
                                            HeadLimits const& limits = {}) noexcept;

/// The same for a response. Strict about framing, tolerant about the reason phrase. An error means that
/// the peer does not speak HTTP/1.1; its status is 502.
[[nodiscard]] HeadResult parse_response_head(std::string_view buffer, ResponseHead& out,
                                             HeadLimits const& limits = {}) noexcept;

inline HeadResult parse_request_head(std::string_view buffer, RequestHead& out,
                                     HeadLimits const& limits) noexcept {
  out.resume(buffer.data());
  std::size_t const most = std::min<std::size_t>(limits.head_bytes, 65535);
  HeadResult const result = out.read(buffer.data() + std::min(buffer.size(), most), limits);
  if (!result.need_more() || buffer.size() < most) return result;
  return out.refuse(431, "the head is too long");
}

inline HeadResult parse_response_head(std::string_view buffer, ResponseHead& out,
                                      HeadLimits const& limits) noexcept {
  out.resume(buffer.data());
  std::size_t const most = std::min<std::size_t>(limits.head_bytes, 65535);
  HeadResult result = out.read(buffer.data() + std::min(buffer.size(), most), limits);
  if (result.need_more() && buffer.size() >= most) result = out.refuse(502, "the head is too long");
  if (result.failed()) result.status = 502;
  return result;
}

inline HeadResult RequestHead::read(char const* end, HeadLimits const& limits) noexcept {
  if (at_ < At::name) {
    if (at_ == At::start) {
      method_ = target_ = authority_ = path_ = query_ = Span();
      char const* const base = fields_.base();
      if (end == base) return more(base);
      if (*base == '\r') {  // RFC 9112 2.2: one empty line before a request is forgiven.
        if (end - base < 2) return more(base);
        if (base[1] != '\n') return refuse(400, "a carriage return stands without a line feed");
        mark_ = 2;
      }
      at_ = At::method;
    }
    if (at_ == At::method) {
      if (auto const result = read_method(end, limits); at_ != At::target) return result;
    }
    if (at_ == At::target) {
      if (auto const result = read_target(end, limits); at_ != At::version) return result;
    }
    if (auto const result = read_version(end); at_ != At::name) return result;
  }
  HeadResult const result = read_fields(end, limits);
  if (!result.done()) return result;
  if (seen(saw_second_host)) return refuse(400, "there is more than one Host");
  if (minor_version_ == 1 && !seen(saw_host)) return refuse(400, "there is no Host");
  if (seen(saw_host) && !is_host_and_port(view(host_))) return refuse(400, "Host is not a host and port");
  if (minor_version_ == 1 && seen(saw_expect) && !seen(saw_continue))
    return refuse(417, "the only expectation that can be met is 100-continue");
  return result;
}

inline HeadResult RequestHead::read_method(char const* end, HeadLimits const& limits) noexcept {
  char const* const from = fields_.base() + mark_;
  auto const most = static_cast<std::ptrdiff_t>(limits.method_bytes);
  char const* const p = skip<token_class>(from, end - from > most ? from + most + 1 : end);
  if (p - from > most) return refuse(501, "the method is not known");
  if (p == end) return more(from);
  if (*p != ' ' || p == from) {
    if (*p == '\r' && p == from) return refuse(400, "there is more than one empty line before the request");
    if (*p == '\n') return refuse(400, "a line ends without a carriage return");
    return refuse(400, "the request line does not begin with a method and a space");
  }
  method_ = span(from, p);
  if (method() == "CONNECT") return refuse(501, "CONNECT is not supported");
  at_ = At::target;
  mark_ = scanned_ = static_cast<std::uint32_t>(p + 1 - fields_.base());
  return {};
}

inline HeadResult RequestHead::read_target(char const* end, HeadLimits const& limits) noexcept {
  char const* const from = fields_.base() + mark_;
  auto const most = static_cast<std::ptrdiff_t>(limits.target_bytes);
  char const* const p = skip<target_class>(here(), end - from > most ? from + most + 1 : end);
  if (p - from > most) return refuse(414, "the request target is too long");
  if (p == end) return more(p);
  if (*p != ' ' || p == from) return refuse_target(*p);
  target_ = span(from, p);
  if (!split_target()) return refuse(400, "the request target is not a path, an absolute URL or *");
  at_ = At::version;
  mark_ = scanned_ = static_cast<std::uint32_t>(p + 1 - fields_.base());
  return {};
}

inline HeadResult RequestHead::refuse_target(char c) noexcept {
  if (c == '#') return refuse(400, "the request target has a fragment");
  if (c == '\r') return refuse(400, "the request line has no HTTP version");
  if (c == '\n') return refuse(400, "a line ends without a carriage return");
  if (c == ' ') return refuse(400, "the request line has more than one space before its target");
  return refuse(400, "the request target has a forbidden character");
}

inline bool RequestHead::split_target() noexcept {
  std::string_view const all = target();
  if (!percent_triplets_are_whole(all)) return false;
  std::string_view rest = all;
  if (rest.front() != '/') {
    if (all == "*") {
      path_ = target_;
      return method() == "OPTIONS";
    }
    auto const colon = all.find("://");
    if (colon == std::string_view::npos) return false;
    auto const scheme = all.substr(0, colon);
    if (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https")) return false;
    rest = all.substr(colon + 3);
    auto const authority = rest.substr(0, rest.find_first_of("/?"));
    if (!is_host_and_port(authority)) return false;
    authority_ = span(authority.data(), authority.data() + authority.size());
    rest.remove_prefix(authority.size());
  }
  auto const question = std::min(rest.find('?'), rest.size());
  path_ = span(rest.data(), rest.data() + question);
  if (question != rest.size()) query_ = span(rest.data() + question + 1, rest.data() + rest.size());
  return true;
}

inline HeadResult RequestHead::read_version(char const* end) noexcept {
  static constexpr std::string_view expected = "HTTP/1.1\r\n";
  char const* const from = fields_.base() + mark_;
  auto const have = std::min(static_cast<std::size_t>(end - from), expected.size());
  if (std::string_view(from, have) != expected.substr(0, have)) {
    bool other = false;
    for (std::size_t i = 0; i < have; ++i) {
      if (from[i] == '\n' && i < 9) return refuse(400, "a line ends without a carriage return");
      bool const digit = from[i] >= '0' && from[i] <= '9';
      if (i == 5 || i == 7 ? !digit : from[i] != expected[i])
        return refuse(400, "the request line does not end with an HTTP version");
      other |= (i == 5 && from[i] != '1') || (i == 7 && from[i] > '1');
      if (i == 7 && other) return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken");
    }
  }
  if (have < expected.size()) return more(from);
  minor_version_ = static_cast<std::uint8_t>(from[7] - '0');
  begin_fields(from + expected.size());
  return {};
}

inline HeadResult ResponseHead::read(char const* end, HeadLimits const& limits) noexcept {
  if (at_ < At::name) {
    if (at_ == At::start) {
      reason_ = Span();
      status_ = 0;
    }
    if (auto const result = read_status_line(end); at_ != At::name) return result;
  }
  HeadResult const result = read_fields(end, limits);
  if (!result.done()) return result;
  // RFC 9112 6.1 and 6.3: a body there is read by some and not by others.
  if ((status_ < 200 || status_ == 204) && (chunked() || content_length_ != 0))
    return refuse(502, "a response that cannot have a body announces one");
  return result;
}

inline HeadResult ResponseHead::read_status_line(char const* end) noexcept {
  static constexpr std::string_view pattern = "HTTP/1.x sss";
  char const* const from = fields_.base();
  if (at_ == At::start) {
    auto const have = std::min(static_cast<std::size_t>(end - from), pattern.size());
    for (std::size_t i = 0; i < have; ++i) {
      char const c = from[i];
      bool fits = c == pattern[i];
      if (i == 7) fits = c == '0' || c == '1';
      if (i > 8) fits = c >= (i == 9 ? '1' : '0') && c <= '9';
      if (!fits)
        return refuse(502,
                      i < 9 ? "the answer is not HTTP/1.0 or HTTP/1.1" : "the status is not three digits");
    }
    if (have < pattern.size()) return more(from);
    minor_version_ = static_cast<std::uint8_t>(from[7] - '0');
    status_ = static_cast<std::uint16_t>((from[9] - '0') * 100 + (from[10] - '0') * 10 + (from[11] - '0'));
    mark_ = scanned_ = static_cast<std::uint32_t>(pattern.size());
    at_ = At::reason;
  }
  char const* const reason = from + mark_;
  if (reason != end && *reason != ' ' && *reason != '\r')
    return refuse(502, "the status is not three digits");
  char const* const p = skip<value_class>(here(), end);
  if (p == end || (*p == '\r' && end - p < 2)) return more(p);
  if (*p != '\r')
    return refuse(
        502, *p == '\n' ? "a line ends without a carriage return" : "the reason has a control character");
  if (p[1] != '\n') return refuse(502, "a carriage return stands without a line feed");
  reason_ = span(reason + (p != reason ? 1 : 0), p);
  begin_fields(p + 2);
  return {};
}

}  // namespace lowart::net
