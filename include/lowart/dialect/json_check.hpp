#pragma once
/// first_json_error: is a text valid JSON, all the way down? For bodies that we take apart, not for those that
/// pass by.

#include <lowart/core/config.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace lowart::dialect {

/// nullopt when `text` is one valid JSON value (RFC 8259, UTF-8 checked, at most json_depth_limit deep); else
/// the byte where it stops being one.
LOWART_DECL std::optional<std::size_t> first_json_error(std::string_view text);

}  // namespace lowart::dialect

#if defined(LOWART_HEADER_ONLY)
#include <lowart/dialect/json_check.ipp>
#endif
