// The scanner reads nothing outside its text, and on whatever Boost.JSON accepts it reports the same members.
// The string functions are held to Boost.JSON and to each other; first_json_error gives the same verdict as Boost.JSON.

#include "fuzz.hpp"

#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/json_scan.hpp>

#include <boost/json.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace {

using lowart::fuzz::require;

namespace json = boost::json;
using lowart::dialect::JsonKind;
using lowart::dialect::JsonMember;
using lowart::dialect::JsonScan;

json::value parsed(std::string_view text, bool& valid, boost::system::error_code& error) {
  json::parse_options options;
  options.max_depth = lowart::dialect::json_depth_limit;
  json::value value = json::parse({text.data(), text.size()}, error, {}, options);
  valid = !error;
  return value;
}

json::value parsed(std::string_view text, bool& valid) {
  boost::system::error_code error;
  return parsed(text, valid, error);
}

void check_verdict(std::string_view text, bool valid, boost::system::error_code const& error) {
  auto const wrong_at = lowart::dialect::first_json_error(text);
  if (wrong_at) require(*wrong_at <= text.size());
  // The one difference: the grammar knows no exponent that is too large.
  if (error != json::error::exponent_overflow) require(valid == !wrong_at);
}

// What is left of an object nobody takes from is the object.
void compare_rest(std::string_view text, json::value const& oracle) {
  lowart::dialect::JsonFault fault;
  lowart::dialect::JsonObject const object(text, "", fault);
  auto const rest = object.rest_as_object();
  require(rest.empty() == oracle.as_object().empty());
  bool valid = false;
  if (!rest.empty()) require(parsed(rest.text, valid) == oracle && valid);
}

bool same_kind(JsonKind kind, json::value const& v) {
  switch (kind) {
    case JsonKind::object: return v.is_object();
    case JsonKind::array: return v.is_array();
    case JsonKind::string: return v.is_string();
    case JsonKind::number: return v.is_number();
    case JsonKind::boolean: return v.is_bool();
    case JsonKind::null: return v.is_null();
  }
  return false;
}

void compare_object(std::string_view text, json::value const& oracle) {
  json::object rebuilt;
  JsonScan const scan = lowart::dialect::scan_object(text, [&](JsonMember const& m) {
    std::string key;
    require(lowart::dialect::decode_escapes(m.key, key));
    bool valid = false;
    json::value value = parsed(m.value, valid);
    require(valid && same_kind(m.kind, value));
    rebuilt[key] = std::move(value);
  });
  require(scan == JsonScan::ok);
  require(json::value(rebuilt) == oracle);
}

void compare_array(std::string_view text, json::value const& oracle) {
  json::array rebuilt;
  JsonScan const scan = lowart::dialect::scan_array(text, [&](JsonMember const& m) {
    bool valid = false;
    rebuilt.push_back(parsed(m.value, valid));
    require(valid);
  });
  require(scan == JsonScan::ok);
  require(json::value(rebuilt) == oracle);
}

void check_strings(std::string_view bytes) {
  std::string literal, decoded;
  lowart::dialect::append_json_string(literal, bytes);
  require(lowart::dialect::is_valid_utf8(literal));
  require(lowart::dialect::decode_string(literal, decoded));
  if (lowart::dialect::is_valid_utf8(bytes)) require(decoded == bytes);
  bool valid = false;
  json::value const oracle = parsed(literal, valid);
  require(valid && oracle.is_string() && oracle.as_string() == json::string_view(decoded));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
  auto const exact = std::make_unique<char[]>(size);
  std::string_view const text(exact.get(), size);
  std::string_view(reinterpret_cast<char const*>(bytes), size).copy(exact.get(), size);

  bool valid = false;
  boost::system::error_code error;
  json::value const oracle = parsed(text, valid, error);
  check_verdict(text, valid, error);
  JsonScan const scan = lowart::dialect::scan_object(text, [&](JsonMember const& m) {
    require(m.key.data() >= text.data() && m.value.data() + m.value.size() <= text.data() + text.size());
    std::string out;
    (void)lowart::dialect::decode_string(m.value, out);
    (void)lowart::dialect::as_int(m.value);
    (void)m.key_is("model");
  });
  if (valid && oracle.is_object()) compare_object(text, oracle), compare_rest(text, oracle);
  if (valid && oracle.is_array()) compare_array(text, oracle);
  if (valid && oracle.is_string()) {
    std::string decoded;
    std::size_t const from = text.find('"'), to = text.rfind('"');
    require(lowart::dialect::decode_string(text.substr(from, to - from + 1), decoded));
    require(oracle.as_string() == json::string_view(decoded));
  }
  if (valid && !oracle.is_object()) require(scan == JsonScan::not_an_object);
  check_strings(text);
  std::string_view const needle = text.substr(0, size % 9);
  std::string_view const rest = text.substr(needle.size());
  require(lowart::dialect::find_bytes(rest, needle) == rest.find(needle));
  return 0;
}
