#pragma once
/// ChunkedDecoder: takes the chunked coding (RFC 9112 section 7.1) off a body, in place and at any split.

#include <lowart/net/http_chars.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace lowart::net {

enum class ChunkedError : std::uint8_t {
  none,
  bad_size,          ///< No hexadecimal digit where a chunk size must be, or a wrong byte after it.
  size_too_long,     ///< More than 16 digits.
  bad_extension,     ///< A control character in a chunk extension.
  bad_line_end,      ///< A line does not end with CR LF, or a chunk is not as long as it said.
  bad_trailer,       ///< A trailer line that is not `name: value`.
  too_much_framing,  ///< Extensions or trailers are out of proportion to the payload.
};

constexpr std::string_view to_string(ChunkedError error) noexcept {
  switch (error) {
    case ChunkedError::none: return "no error";
    case ChunkedError::bad_size: return "a chunk does not begin with a size in hexadecimal digits";
    case ChunkedError::size_too_long: return "a chunk size has more than 16 digits";
    case ChunkedError::bad_extension: return "a chunk extension has a control character";
    case ChunkedError::bad_line_end: return "a chunk does not end with a carriage return and a line feed";
    case ChunkedError::bad_trailer: return "a trailer line is not a header field";
    case ChunkedError::too_much_framing: return "the chunks have too much framing for their payload";
  }
  return "no error";
}

/// What one call of decode did with the span it was given.
struct ChunkedResult {
  std::size_t payload_bytes = 0;   ///< Payload, now at the front of the span. Valid with an error too.
  std::size_t consumed_bytes = 0;  ///< Bytes that belonged to this body; the rest is the next message's.
  bool done = false;               ///< The body is complete, trailers included.
  ChunkedError error = ChunkedError::none;
};

/// Decodes one body. Feed spans of any size; the payload of all of them together, the error and the
/// end do not depend on where the splits are. Trailers are checked and dropped.
///
/// Framing is bounded: a chunk may spend 16 bytes plus twice its payload freely, the sum beyond that
/// stays under 16 KiB (the rule and numbers of Go's net/http); all trailers together are under 8 KiB.
class ChunkedDecoder {
 public:
  static constexpr std::size_t max_excess = 16 * 1024;
  static constexpr std::size_t max_trailer_bytes = 8 * 1024;

  /// After done or an error it consumes nothing and says the same again; see reset.
  [[nodiscard]] ChunkedResult decode(std::span<char> in_place) noexcept;

  bool done() const noexcept { return at_ == At::done; }
  ChunkedError error() const noexcept { return error_; }
  /// Payload bytes of the open chunk still to come.
  std::uint64_t remaining() const noexcept { return at_ == At::data ? left_ : 0; }
  void reset() noexcept { *this = ChunkedDecoder(); }

 private:
  enum class At : std::uint8_t {
    size,
    size_blank,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer,
    trailer_name,
    trailer_value,
    trailer_lf,
    end_lf,
    done,
    failed,
  };

  static constexpr unsigned hex_value(char c) noexcept {
    return c <= '9' ? static_cast<unsigned>(c - '0') : static_cast<unsigned>((c | 0x20) - 'a' + 10);
  }
  char* take_plain_framing(char* from, char const* end) noexcept;
  ChunkedError take(char c) noexcept;
  ChunkedError take_size(char c) noexcept;
  ChunkedError take_extension(char c) noexcept;
  ChunkedError take_trailer(char c) noexcept;
  ChunkedError end_of_size_line(char c) noexcept;

  std::uint64_t left_ = 0;    // of the chunk: its size so far, then its payload still to come
  std::uint32_t excess_ = 0;  // framing beyond what payload has paid for; in trailers, their bytes
  std::uint8_t digits_ = 0;
  At at_ = At::size;
  ChunkedError error_ = ChunkedError::none;
};

inline ChunkedResult ChunkedDecoder::decode(std::span<char> in_place) noexcept {
  char* const begin = in_place.data();
  char* const end = begin + in_place.size();
  char* from = begin;
  char* to = begin;
  while (from != end && at_ != At::done && at_ != At::failed) {
    if (at_ == At::data) {
      auto const n =
          static_cast<std::size_t>(std::min<std::uint64_t>(left_, static_cast<std::uint64_t>(end - from)));
      if (to != from) std::memmove(to, from, n);
      to += n;
      from += n;
      left_ -= n;
      if (left_ == 0) at_ = At::data_cr;
      continue;
    }
    if (char* const after = take_plain_framing(from, end); after != from) {
      from = after;
    } else if (error_ = take(*from); error_ == ChunkedError::none) {
      ++from;
    }
    if (error_ != ChunkedError::none) at_ = At::failed;
  }
  return {static_cast<std::size_t>(to - begin), static_cast<std::size_t>(from - begin), done(), error_};
}

/// The fast way over what nearly all framing is: the CR LF after a payload, or a whole size line without
/// an extension. Returns `from` when it is anything else, which is then taken byte by byte.
inline char* ChunkedDecoder::take_plain_framing(char* from, char const* end) noexcept {
  if (at_ == At::data_cr && end - from >= 2 && from[0] == '\r' && from[1] == '\n') {
    at_ = At::size;
    return from + 2;
  }
  if (at_ != At::size || digits_ != 0) return from;
  char* p = from;
  std::uint64_t size = 0;
  for (; p != end && p - from < 12 && is_char(hex_class, *p); ++p) size = size << 4 | hex_value(*p);
  // Up to 12 digits cost no more than the 16 bytes every chunk has free, so there is no excess to count.
  if (p == from || end - p < 2 || p[0] != '\r' || p[1] != '\n' || excess_ != 0) return from;
  left_ = size;
  at_ = left_ != 0 ? At::data : At::trailer;
  return p + 2;
}

inline ChunkedError ChunkedDecoder::take(char c) noexcept {
  switch (at_) {
    case At::size:
    case At::size_blank: return take_size(c);
    case At::extension: return take_extension(c);
    case At::size_lf: return end_of_size_line(c);
    case At::data_cr: at_ = At::data_lf; return c == '\r' ? ChunkedError::none : ChunkedError::bad_line_end;
    case At::data_lf: at_ = At::size; return c == '\n' ? ChunkedError::none : ChunkedError::bad_line_end;
    case At::trailer_lf:
      at_ = At::trailer;
      return c == '\n' ? ChunkedError::none : ChunkedError::bad_line_end;
    case At::end_lf: at_ = At::done; return c == '\n' ? ChunkedError::none : ChunkedError::bad_line_end;
    default: return take_trailer(c);
  }
}

inline ChunkedError ChunkedDecoder::take_size(char c) noexcept {
  if (at_ == At::size && is_char(hex_class, c)) {
    if (digits_ == 16) return ChunkedError::size_too_long;
    ++digits_;
    left_ = left_ << 4 | hex_value(c);
    return ChunkedError::none;
  }
  if (digits_ == 0) return ChunkedError::bad_size;
  if (c == '\r' && at_ == At::size) {
    at_ = At::size_lf;
    return ChunkedError::none;
  }
  if (c == ';') {
    at_ = At::extension;
    return ChunkedError::none;
  }
  // RFC 9112 7.1.1 allows blanks before the semicolon, and only there.
  if (c != ' ' && c != '\t') return c == '\n' ? ChunkedError::bad_line_end : ChunkedError::bad_size;
  at_ = At::size_blank;
  return ++excess_ > max_excess ? ChunkedError::too_much_framing : ChunkedError::none;
}

inline ChunkedError ChunkedDecoder::take_extension(char c) noexcept {
  if (c == '\r') {
    at_ = At::size_lf;
    return ChunkedError::none;
  }
  if (c == '\n') return ChunkedError::bad_line_end;
  if (!is_char(value_class, c)) return ChunkedError::bad_extension;
  return ++excess_ > max_excess ? ChunkedError::too_much_framing : ChunkedError::none;
}

inline ChunkedError ChunkedDecoder::end_of_size_line(char c) noexcept {
  if (c != '\n') return ChunkedError::bad_line_end;
  std::uint64_t const framing = excess_ + digits_ + 4U;
  std::uint64_t const paid = 16 + 2 * std::min<std::uint64_t>(left_, max_excess);
  excess_ = framing > paid ? static_cast<std::uint32_t>(framing - paid) : 0;
  if (excess_ > max_excess) return ChunkedError::too_much_framing;
  digits_ = 0;
  at_ = left_ != 0 ? At::data : At::trailer;
  if (left_ == 0) excess_ = 0;
  return ChunkedError::none;
}

inline ChunkedError ChunkedDecoder::take_trailer(char c) noexcept {
  if (c == '\r' && at_ == At::trailer) {
    at_ = At::end_lf;
    return ChunkedError::none;
  }
  if (++excess_ > max_trailer_bytes) return ChunkedError::too_much_framing;
  if (c == '\n') return ChunkedError::bad_line_end;
  if (at_ == At::trailer_value) {
    if (c == '\r') {
      at_ = At::trailer_lf;
      return ChunkedError::none;
    }
    return is_char(value_class, c) ? ChunkedError::none : ChunkedError::bad_trailer;
  }
  if (c == ':' && at_ == At::trailer_name) {
    at_ = At::trailer_value;
    return ChunkedError::none;
  }
  at_ = At::trailer_name;
  return is_char(token_class, c) ? ChunkedError::none : ChunkedError::bad_trailer;
}

/// What follows every chunk's payload, and what ends a body without trailers.
inline constexpr std::string_view chunk_end = "\r\n";
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

/// Room for any chunk_header: 16 digits, CR, LF.
inline constexpr std::size_t chunk_header_bytes = 18;

/// Writes "1a3\r\n" for a chunk of `size` bytes, which must not be 0, and returns what it wrote.
inline std::string_view chunk_header(std::uint64_t size,
                                     std::span<char, chunk_header_bytes> buffer) noexcept {
  char* p = std::to_chars(buffer.data(), buffer.data() + 16, size, 16).ptr;
  *p++ = '\r';
  *p++ = '\n';
  return {buffer.data(), static_cast<std::size_t>(p - buffer.data())};
}

}  // namespace lowart::net
