#pragma once
/// Result<T>: a value or an Error. The only way failures cross a component border.

#include <lowart/core/error.hpp>

#include <tl/expected.hpp>

namespace lowart {

template <class T = void>
using Result = tl::expected<T, Error>;

/// The failing Result, for `return fail(Errc::not_found, "no model 'x'")`.
[[nodiscard, gnu::cold]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}
[[nodiscard, gnu::cold]] inline tl::unexpected<Error> fail(Errc code, std::string message,
                                                           Origin origin = Origin::gateway) {
  return tl::unexpected<Error>(Error(code, std::move(message), origin));
}

}  // namespace lowart
