#pragma once
/// Vectors as JSON: numbers in single precision, or base64 of them.

#include <lowart/dialect/base64_vector.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/model/embedding.hpp>

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// The nearest number in single precision; nullopt when it is none or too large.
inline std::optional<float> as_float(std::string_view value) noexcept {
  auto const* const end = value.data() + value.size();
  float number = 0;
  auto const [at, error] = std::from_chars(value.data(), end, number);
  if (error == std::errc() && at == end) return number;
  double wide = 0;  // what is too small for single precision is zero there
  auto const [wide_at, wide_error] = std::from_chars(value.data(), end, wide);
  bool const small = wide_error == std::errc() && wide_at == end && std::abs(wide) < 1;
  return small ? std::optional(static_cast<float>(wide)) : std::nullopt;
}

/// Reads a list of numbers or a base64 string; nullopt when it is neither.
inline std::optional<Embedding> read_vector(JsonMember const& value) {
  if (value.kind == JsonKind::string) {
    if (auto const plain = as_string_view(value.value)) return decode_base64_vector(*plain);
    std::string decoded;
    return decode_string(value.value, decoded) ? decode_base64_vector(decoded) : std::nullopt;
  }
  if (value.kind != JsonKind::array) return std::nullopt;
  Embedding vector;
  JsonScan const scan = scan_array(value.value, [&](JsonMember const& element) {
    auto const number = as_float(element.value);
    if (number) vector.push_back(*number);
    return number.has_value();
  });
  return scan == JsonScan::ok ? std::optional(std::move(vector)) : std::nullopt;
}

/// Appends a JSON string of base64.
inline void append_base64_literal(std::string& out, Embedding const& vector) {
  out.push_back('"');
  append_base64_vector(out, vector);
  out.push_back('"');
}

/// Appends a list of numbers, each the shortest text that reads back as the same in single precision; null for one
/// that is none.
inline void append_vector(std::string& out, Embedding const& vector) {
  out.push_back('[');
  for (float const number : vector) {
    if (out.back() != '[') out.push_back(',');
    if (!std::isfinite(number)) {
      out.append("null");
      continue;
    }
    char digits[24];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  }
  out.push_back(']');
}

}  // namespace lowart::dialect
