#pragma once
/// The body of first_json_error, which Boost.JSON's parser makes costly to compile.

#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/json_cursor.hpp>

#include <boost/json/basic_parser_impl.hpp>

#include <cstdint>
#include <string>

namespace lowart::dialect {

namespace json_check {

/// Agrees with everything and keeps nothing.
struct Silent {
  using error_code = boost::json::error_code;
  using string_view = boost::json::string_view;
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(std::size_t, error_code&) { return true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(string_view, std::size_t, error_code&) { return true; }
  bool on_key(string_view, std::size_t, error_code&) { return true; }
  bool on_string_part(string_view, std::size_t, error_code&) { return true; }
  bool on_string(string_view, std::size_t, error_code&) { return true; }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, string_view, error_code&) { return true; }
  bool on_double(double, string_view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }
};

}  // namespace json_check

LOWART_DECL std::optional<std::size_t> first_json_error(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = json_depth_limit;
  boost::json::basic_parser<json_check::Silent> parser(options);
  boost::json::error_code error;
  std::size_t const read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && parser.done() && text.find_first_not_of(" \t\r\n", read) == std::string_view::npos)
    return std::nullopt;
  return read;
}

}  // namespace lowart::dialect
