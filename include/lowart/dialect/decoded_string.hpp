#pragma once
/// DecodedString: what a JSON string says, without a copy where it has no escapes.

#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_text.hpp>

#include <string>
#include <string_view>

namespace lowart::dialect {

/// The text of JSON strings, one after the other: a view into the literal where it has no escapes, else of a copy.
class DecodedString {
 public:
  /// Valid until the next call. Of a literal that is broken, the part before that.
  std::string_view of(std::string_view literal) {
    if (auto const plain = as_string_view(literal)) return *plain;
    copy_.clear();
    decode_string(literal, copy_);
    return copy_;
  }

 private:
  std::string copy_;
};

}  // namespace lowart::dialect
