#pragma once
/// Messages of application/vnd.amazon.eventstream, framed for tests.

#include <lowart/dialect/crc32.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::testing {

inline std::string big_endian(std::size_t value, unsigned bytes) {
  std::string text;
  for (unsigned shift = bytes * 8; shift > 0; shift -= 8)
    text.push_back(static_cast<char>(value >> (shift - 8) & 0xFFU));
  return text;
}

/// A header of type 7, a string.
inline std::string aws_header(std::string_view name, std::string_view value) {
  return big_endian(name.size(), 1).append(name) + '\7' + big_endian(value.size(), 2).append(value);
}

/// A message of these headers, in their own bytes.
inline std::string aws_message_of(std::string const& headers, std::string_view payload) {
  std::string message = big_endian(headers.size() + payload.size() + 16, 4) + big_endian(headers.size(), 4);
  message += big_endian(dialect::crc32(message), 4);
  message += headers;
  message += payload;
  return message += big_endian(dialect::crc32(message), 4);
}

inline std::string aws_event_message(std::string_view type, std::string_view payload) {
  return aws_message_of(aws_header(":event-type", type) + aws_header(":content-type", "application/json") +
                            aws_header(":message-type", "event"),
                        payload);
}
inline std::string aws_exception(std::string_view type, std::string_view payload) {
  return aws_message_of(aws_header(":exception-type", type) + aws_header(":message-type", "exception"),
                        payload);
}
inline std::string aws_error(std::string_view code, std::string_view text) {
  return aws_message_of(aws_header(":error-code", code) + aws_header(":error-message", text) +
                            aws_header(":message-type", "error"),
                        "");
}

}  // namespace lowart::testing
