#pragma once
/// openapi(): the OpenAPI 3.1 document of administration, written from the tables that requests are answered by.

#include <string>

namespace lowart::server {

/// The same each time.
std::string const& openapi();

}  // namespace lowart::server
