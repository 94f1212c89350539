#pragma once
/// MessageHead: what request heads and response heads share: the fields and what they say of framing.

#include <lowart/net/http_fields.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace lowart::net {

/// Bounds of one head. Going over one is an error with the status given here.
struct HeadLimits {
  std::size_t head_bytes = 32 * 1024;   ///< The whole head, 431; at most 65535 is used.
  std::size_t fields = 100;             ///< Header fields, 431; at most Fields::capacity is used.
  std::size_t target_bytes = 8 * 1024;  ///< The request target, 414. RFC 9110 4.1 asks for 8000.
  std::size_t method_bytes = 32;        ///< The method, 501.
};

/// What a parse came to.
struct HeadResult {
  enum class State : std::uint8_t {
    need_more,  ///< The head is not complete: append bytes to the buffer and call again.
    done,       ///< `consumed` bytes were the head; what follows is the body or the next message.
    error,      ///< Answer with `status` and close; the connection's framing cannot be trusted.
  };
  State state = State::need_more;
  std::uint16_t status = 0;  ///< The HTTP status to answer with (for a response head: 502).
  std::uint32_t consumed = 0;
  std::string_view message;  ///< One sentence saying what is wrong; static text, safe to show.

  bool done() const noexcept { return state == State::done; }
  bool failed() const noexcept { return state == State::error; }
  bool need_more() const noexcept { return state == State::need_more; }
};

/// How the end of a body is known (RFC 9112 section 6.3).
enum class BodyKind : std::uint8_t {
  none,         ///< There is no body.
  length,       ///< content_length() bytes.
  chunked,      ///< Chunked coding, see ChunkedDecoder.
  until_close,  ///< Everything until the peer closes; responses only.
};

constexpr std::string_view to_string(BodyKind kind) noexcept {
  switch (kind) {
    case BodyKind::none: return "none";
    case BodyKind::length: return "length";
    case BodyKind::chunked: return "chunked";
    case BodyKind::until_close: return "until_close";
  }
  return "none";
}

/// The fields of a head and the facts the framing needs. All views point into the parsed buffer.
class MessageHead {
 public:
  Fields const& fields() const noexcept { return fields_; }
  /// 0 or 1, of HTTP/1.x.
  int minor_version() const noexcept { return minor_version_; }
  std::optional<std::uint64_t> content_length() const noexcept {
    return seen(saw_length) ? std::optional(content_length_) : std::nullopt;
  }
  bool chunked() const noexcept { return seen(saw_chunked); }
  /// Whether version and Connection field let the connection live on after this message.
  bool keep_alive() const noexcept {
    return !seen(saw_close) && (minor_version_ == 1 || seen(saw_keep_alive));
  }
  /// An Upgrade field, named by the Connection field as it must be; HTTP/1.0 has none (RFC 9110 7.8).
  bool upgrade() const noexcept {
    return seen(saw_upgrade) && seen(saw_connection_upgrade) && minor_version_ == 1;
  }
  /// The head's bytes moved (a buffer grew, or was copied): all views now point to `base`.
  void rebase(char const* base) noexcept { fields_.rebase(base); }

 protected:
  enum class At : std::uint8_t { start, method, target, version, reason, name, value, finished };
  struct Span {
    std::uint16_t at = 0, size = 0;
  };

  std::string_view view(Span span) const noexcept { return {fields_.base() + span.at, span.size}; }
  Span span(char const* from, char const* to) const noexcept {
    return {static_cast<std::uint16_t>(from - fields_.base()), static_cast<std::uint16_t>(to - from)};
  }

  /// Prepares for a call with the buffer at `base`: a finished parse begins anew, an open one goes on.
  void resume(char const* base) noexcept;
  /// Reads field lines until the empty line, from where the last call stopped.
  HeadResult read_fields(char const* end, HeadLimits const& limits) noexcept;

  char const* here() const noexcept { return fields_.base() + scanned_; }
  HeadResult more(char const* scanned_to) noexcept {
    scanned_ = static_cast<std::uint32_t>(scanned_to - fields_.base());
    return {};
  }
  HeadResult refuse(int status, std::string_view message) noexcept {
    at_ = At::finished;
    return {HeadResult::State::error, static_cast<std::uint16_t>(status), 0, message};
  }
  HeadResult finish(char const* end) noexcept {
    at_ = At::finished;
    return {HeadResult::State::done, 0, static_cast<std::uint32_t>(end - fields_.base()), {}};
  }
  void begin_fields(char const* p) noexcept {
    at_ = At::name;
    mark_ = scanned_ = static_cast<std::uint32_t>(p - fields_.base());
  }

  enum Seen : std::uint16_t {
    saw_length = 1,
    saw_transfer_encoding = 2,
    saw_chunked = 4,
    saw_close = 8,
    saw_keep_alive = 16,
    saw_connection_upgrade = 32,
    saw_upgrade = 64,
    saw_host = 128,
    saw_expect = 256,
    saw_continue = 512,
    saw_second_host = 1024,
  };
  bool seen(Seen what) const noexcept { return (seen_ & what) != 0; }
  void note(Seen what) noexcept { seen_ = static_cast<std::uint16_t>(seen_ | what); }

  Fields fields_;
  std::uint64_t content_length_ = 0;
  std::uint32_t scanned_ = 0;  ///< Bytes before this offset need not be looked at again.
  std::uint32_t mark_ = 0;     ///< Where the current line (or its target) began.
  std::uint32_t colon_ = 0;    ///< Where the current field's name ended.
  std::uint16_t seen_ = 0;
  Span host_;
  At at_ = At::start;
  std::uint8_t minor_version_ = 1;

 private:
  struct Fault {
    int status = 0;
    std::string_view message;
  };
  /// Whether note_field() knows a name of this length.
  static bool is_noted(std::size_t size) noexcept {
    constexpr std::uint32_t sizes = 1U << 4U | 1U << 6U | 1U << 7U | 1U << 10U | 1U << 14U | 1U << 17U;
    return size < 32 && (sizes >> size & 1U) != 0;
  }
  Fault note_field(std::string_view name, std::string_view value) noexcept;
  Fault note_length(std::string_view value) noexcept;
  Fault note_transfer_encoding(std::string_view value) noexcept;
  Fault note_connection(std::string_view list) noexcept;
  HeadResult read_long_line(char const*& p, char const* end, std::size_t most) noexcept;
  HeadResult refuse_name(char const* line, char const* p) noexcept;
  HeadResult refuse_value(char c) noexcept;
};

/// `host [":" port]` of RFC 3986 without user information: a name, an IPv4 address or [IPv6].
constexpr bool is_host_and_port(std::string_view s) noexcept {
  std::size_t at = 0;
  if (!s.empty() && s[0] == '[') {
    auto const close = s.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    for (char const c : s.substr(1, close - 1))
      if (!is_char(hex_class, c) && c != ':' && c != '.') return false;
    if (s.substr(1, close - 1).find(':') == std::string_view::npos) return false;
    at = close + 1;
  } else {
    while (at < s.size() && is_char(host_class, s[at])) ++at;
    if (at == 0 || !percent_triplets_are_whole(s.substr(0, at))) return false;
  }
  if (at == s.size()) return true;
  if (s[at] != ':' || s.size() - at > 6) return false;
  unsigned port = 0;
  for (char const c : s.substr(at + 1)) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  return port <= 65535;
}

inline void MessageHead::resume(char const* base) noexcept {
  fields_.rebase(base);
  if (at_ != At::finished) return;
  fields_.clear();
  content_length_ = 0;
  scanned_ = mark_ = 0;
  seen_ = 0;
  host_ = Span();
  at_ = At::start;
  minor_version_ = 1;
}

inline HeadResult MessageHead::read_fields(char const* end, HeadLimits const& limits) noexcept {
  std::size_t const most = std::min(limits.fields, Fields::capacity);
  char const* const base = fields_.base();
  char const* p = here();
  for (;;) {
    char const* const line = base + mark_;
    bool const begins = at_ == At::name && p == line && fields_.size() < most;
    ShortLine const found = begins ? short_line(p, end) : ShortLine();
    if (found.end != 0) {
      colon_ = mark_ + found.colon;
      p = line + found.end;
    } else {
      if (HeadResult const result = read_long_line(p, end, most); p == nullptr) return result;
    }
    std::string_view const name(base + mark_, colon_ - mark_);
    std::string_view const value = trim_blanks(base + colon_ + 1, p);
    fields_.add(name, value);
    if (is_noted(name.size()))
      if (Fault const fault = note_field(name, value); fault.status != 0)
        return refuse(fault.status, fault.message);
    p += 2;
    begin_fields(p);
  }
}

/// Any line, from wherever in it the last call stopped. `p` becomes the place of its CR LF, or null where the result
/// says all there is to say.
inline HeadResult MessageHead::read_long_line(char const*& p, char const* end, std::size_t most) noexcept {
  char const* at = std::exchange(p, nullptr);
  if (at_ == At::name) {
    char const* const line = fields_.base() + mark_;
    at = skip<token_class>(at, end);
    if (at == end) return more(at);
    if (*at != ':') {
      if (*at != '\r' || at != line) return refuse_name(line, at);
      if (end - at < 2) return more(at);
      return at[1] == '\n' ? finish(at + 2) : refuse(400, "a carriage return stands without a line feed");
    }
    if (at == line) return refuse(400, "a header field has no name");
    if (fields_.size() == most) return refuse(431, "the head has too many header fields");
    colon_ = static_cast<std::uint32_t>(at - fields_.base());
    at_ = At::value;
    ++at;
  }
  at = skip<value_class>(at, end);
  if (at == end || (*at == '\r' && end - at < 2)) return more(at);
  if (*at != '\r') return refuse_value(*at);
  if (at[1] != '\n') return refuse(400, "a carriage return stands without a line feed");
  p = at;
  return {};
}

inline HeadResult MessageHead::refuse_name(char const* line, char const* p) noexcept {
  bool const blank = *p == ' ' || *p == '\t';
  if (blank && p == line) return refuse(400, "a header field is folded over lines");
  if (blank) return refuse(400, "a header field has a blank before its colon");
  if (*p == '\n') return refuse(400, "a line ends without a carriage return");
  if (*p == '\r') return refuse(400, "a header line has no colon");
  return refuse(400, "a header field name has a forbidden character");
}

inline HeadResult MessageHead::refuse_value(char c) noexcept {
  if (c == '\n') return refuse(400, "a line ends without a carriage return");
  return refuse(400, "a header field value has a control character");
}

inline MessageHead::Fault MessageHead::note_field(std::string_view name, std::string_view value) noexcept {
  switch (name.size()) {
    case 4:
      if (equal_ignoring_case(name, "host")) {
        note(seen(saw_host) ? saw_second_host : saw_host);
        host_ = span(value.data(), value.data() + value.size());
      }
      break;
    case 6:
      if (equal_ignoring_case(name, "expect")) {
        note(saw_expect);
        if (equal_ignoring_case(value, "100-continue")) note(saw_continue);
      }
      break;
    case 7:
      if (equal_ignoring_case(name, "upgrade")) note(saw_upgrade);
      break;
    case 10:
      if (equal_ignoring_case(name, "connection")) return note_connection(value);
      break;
    case 14:
      if (equal_ignoring_case(name, "content-length")) return note_length(value);
      break;
    case 17:
      if (equal_ignoring_case(name, "transfer-encoding")) return note_transfer_encoding(value);
      break;
    default: break;
  }
  return {};
}

inline MessageHead::Fault MessageHead::note_length(std::string_view value) noexcept {
  if (seen(saw_length)) return {400, "there is more than one Content-Length"};
  if (seen(saw_transfer_encoding)) return {400, "there are both Content-Length and Transfer-Encoding"};
  note(saw_length);
  if (value.empty()) return {400, "Content-Length is not a decimal number"};
  for (char const c : value)
    if (c < '0' || c > '9') return {400, "Content-Length is not a decimal number"};
  if (value.size() > 18) return {400, "Content-Length is too large a number"};
  for (char const c : value) content_length_ = content_length_ * 10 + static_cast<unsigned>(c - '0');
  return {};
}

inline MessageHead::Fault MessageHead::note_transfer_encoding(std::string_view value) noexcept {
  if (seen(saw_transfer_encoding)) return {400, "there is more than one Transfer-Encoding"};
  if (seen(saw_length)) return {400, "there are both Content-Length and Transfer-Encoding"};
  note(saw_transfer_encoding);
  // Version 1.0 knew no chunks: a peer that says so may frame the body another way (RFC 9112 6.1).
  if (minor_version_ == 0) return {400, "Transfer-Encoding is not allowed in HTTP/1.0"};
  if (equal_ignoring_case(value, "chunked")) {
    note(saw_chunked);
    return {};
  }
  auto const comma = value.rfind(',');
  bool const ends_chunked = comma != std::string_view::npos && has_token(value.substr(comma + 1), "chunked");
  if (ends_chunked && !has_token(value.substr(0, comma), "chunked"))
    return {501, "no Transfer-Encoding but chunked is supported"};
  return {400, "Transfer-Encoding is not chunked"};
}

inline MessageHead::Fault MessageHead::note_connection(std::string_view list) noexcept {
  while (!list.empty()) {
    auto const comma = std::min(list.find(','), list.size());
    std::string_view const option = trim_blanks(list.substr(0, comma));
    char const* const end = option.data() + option.size();
    if (skip<token_class>(option.data(), end) != end) return {400, "Connection is not a list of options"};
    if (equal_ignoring_case(option, "close")) note(saw_close);
    if (equal_ignoring_case(option, "keep-alive")) note(saw_keep_alive);
    if (equal_ignoring_case(option, "upgrade")) note(saw_connection_upgrade);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return {};
}

}  // namespace lowart::net
