#pragma once
/// read_count_reply: the number in an answer that counts tokens.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_scan.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lowart::dialect {

/// The member `name` of the answer. Errors: malformed_reply when it is no such answer.
inline Result<std::int64_t> read_count_reply(std::string_view body, std::string_view name) {
  auto const member = find_member(body, name);
  auto const tokens = member ? as_int(member->value) : std::nullopt;
  if (tokens && *tokens >= 0) return *tokens;
  return fail(Errc::malformed_reply, "the provider's reply has no '" + std::string(name) + "'",
              Origin::upstream);
}

}  // namespace lowart::dialect
