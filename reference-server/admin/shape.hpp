#pragma once
/// Shape: what a JSON object may hold. Bodies are checked by it, and the OpenAPI document is written from it.

#include "registry/resource.hpp"

#include <lowart/core/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lowart::server {

enum class FieldType : std::uint8_t {
  text,     ///< `least` to `most` characters of UTF-8, no control characters.
  name,     ///< See name_problem().
  secret,   ///< Text that is taken and never shown.
  choice,   ///< One of `choices`.
  integer,  ///< From `least` to `most`.
  flag,
  time,     ///< RFC 3339.
  day,      ///< "2026-01-31"
  usd,      ///< An amount such as "12.50".
  percent,  ///< "80%"
  names,    ///< A list of texts, at most `most`.
  map,      ///< Any members, at most `most` bytes as JSON.
  object,   ///< Members as `inner` says.
  objects,  ///< A list of those.
  any,      ///< Whatever JSON there is.
};

struct Shape;

struct Field {
  std::string_view name{};
  FieldType type{FieldType::text};
  std::string_view about{};
  std::int64_t least{0};
  std::int64_t most{0};
  std::span<std::string_view const> choices{};
  Shape const* inner{nullptr};
  bool required{false};   ///< In a new one.
  bool read_only{false};  ///< Is told, and passed over where it is sent back.
};

struct Shape {
  std::string_view name{};  ///< "User"; a component of the OpenAPI document.
  std::string_view about{};
  std::array<std::span<Field const>, 3> parts{};  ///< Some are shared with other shapes.
  bool open{false};  ///< Members that no field names are let through: somebody else checks them.
};

/// How a body is meant.
enum class BodyUse : std::uint8_t {
  whole,  ///< All of it: what is required must be there.
  patch,  ///< Some of it; null takes a member away.
};

/// Checks a body and takes what is read-only out of it. Errc::invalid_request names the first member that is wrong.
Result<void> check_body(Shape const& shape, json::object& body, BodyUse use);

/// Why a text cannot be the name of something; empty: it can. Names stand in paths, records, logs and metrics.
std::string name_problem(std::string_view name);

/// The JSON Schema of a shape (the 2020-12 dialect, as OpenAPI 3.1 has it). Inner shapes are references.
json::object schema_of(Shape const& shape, BodyUse use, bool answer);

}  // namespace lowart::server
