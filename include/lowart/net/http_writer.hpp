#pragma once
/// HeadWriter: writes the head of a message into a string or a fixed buffer and lets nothing be injected.

#include <lowart/net/http_chars.hpp>

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace lowart::net {

/// The usual reason phrase of a status; empty when there is none.
constexpr std::string_view reason_of(int status) noexcept {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 529: return "Overloaded";
    default: return "";
  }
}

/// Appends a start line, fields and the empty line. Each call writes its line whole or not at all and
/// says which; one refusal makes ok() false for good. Refused are control characters (so CR, LF, NUL) in
/// values, names that are no token, and what does not fit a fixed buffer. The target must outlive it.
class HeadWriter {
 public:
  explicit HeadWriter(std::string& out) noexcept : string_(&out), begin_(out.size()) {}
  explicit HeadWriter(std::span<char> out) noexcept : buffer_(out) {}

  /// "HTTP/1.1 200 OK". The status has three digits, 100 to 999.
  bool write_status_line(int status) { return write_status_line(status, reason_of(status)); }
  bool write_status_line(int status, std::string_view reason) {
    Number const digits(static_cast<std::uint64_t>(status < 0 ? 0 : status));
    return write(status >= 100 && status <= 999 && is_value(reason), "HTTP/1.1 ", digits.text(), " ", reason,
                 "\r\n");
  }
  /// "POST /v1/chat/completions HTTP/1.1". The target must be encoded already.
  bool write_request_line(std::string_view method, std::string_view target) {
    bool const fits = is_all<token_class>(method) && is_all<target_class>(target);
    return write(fits, method, " ", target, " HTTP/1.1\r\n");
  }
  /// "name: value". The value may be empty and may hold bytes above 127, but no control characters.
  bool write_field(std::string_view name, std::string_view value) {
    if (string_ == nullptr && name.size() + value.size() + 4 + copy_slack <= buffer_.size() - size_)
      return write_field_fast(name, value);
    return write(is_all<token_class>(name) && is_value(value), name, ": ", value, "\r\n");
  }
  bool write_field(std::string_view name, std::unsigned_integral auto value) {
    Number const digits(value);
    return write_field(name, digits.text());
  }
  /// Lines known when the program was written ("Server: lowart\r\n"), not looked at again.
  template <std::size_t N>
  bool write_fixed(char const (&lines)[N]) {
    return write(true, std::string_view(lines, N - 1));
  }
  /// The empty line that ends the head.
  bool end() { return write(true, "\r\n"); }

  /// False once any call was refused: do not send what was written.
  bool ok() const noexcept { return ok_; }
  /// What this writer has written so far.
  std::string_view written() const noexcept {
    if (string_ != nullptr) return std::string_view(*string_).substr(begin_);
    return {buffer_.data(), size_};
  }

 private:
  struct Number {
    explicit Number(std::uint64_t value) noexcept
        : size(static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, value).ptr - digits)) {}
    std::string_view text() const noexcept { return {digits, size}; }
    char digits[20];
    std::size_t size;
  };

  /// In one pass over each text, where there is room to write more than they have.
  bool write_field_fast(std::string_view name, std::string_view value) noexcept {
    char* const name_at = buffer_.data() + size_;
    char* const colon = name_at + name.size();
    char* const value_at = colon + 2;
    char* const end = value_at + value.size();
    bool const named = !name.empty() && copy_if_all<token_class>(name_at, name);
    std::memcpy(colon, ": ", 2);
    if (!named || !copy_if_all<value_class>(value_at, value)) return ok_ = false;
    std::memcpy(end, "\r\n", 2);
    size_ += static_cast<std::size_t>(end + 2 - name_at);
    return true;
  }

  template <CharClass Class>
  static bool is_all(std::string_view s) noexcept {
    return !s.empty() && skip<Class>(s.data(), s.data() + s.size()) == s.data() + s.size();
  }
  static bool is_value(std::string_view s) noexcept { return s.empty() || is_all<value_class>(s); }

  template <class... Parts>
  bool write(bool allowed, Parts const&... parts) {
    std::string_view const views[] = {parts...};
    std::size_t size = 0;
    for (auto const view : views) size += view.size();
    if (!allowed || (string_ == nullptr && buffer_.size() - size_ < size)) return ok_ = false;
    for (auto const view : views) append(view);
    return true;
  }
  void append(std::string_view s) {
    if (string_ != nullptr) {
      string_->append(s);
    } else if (!s.empty()) {
      std::memcpy(buffer_.data() + size_, s.data(), s.size());
      size_ += s.size();
    }
  }

  std::string* string_ = nullptr;
  std::span<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace lowart::net
