#pragma once
/// From a request to the act that it asks for: which operation it is, and whether it is what that takes.

#include "admin/operation.hpp"

#include <lowart/core/result.hpp>

#include <string>
#include <string_view>

namespace lowart::server {

/// An act as it came: by HTTP, or from a command line.
struct RawRequest {
  std::string method;
  std::string path;
  std::string query;
  std::string body;
  std::string if_match;  ///< A revision, in quotes or not; may be empty.
};
struct FoundOperation {
  AdminOperation const* operation{nullptr};
  std::string_view name;  ///< What stands for {name} in the path, as it came.
  std::string allow;      ///< Methods of the path, where there is no operation.
};

/// Of those that are done here; views the path.
FoundOperation find_operation(std::string_view method, std::string_view path);

/// Reads and checks the query, `If-Match` and the body. Errors: invalid_request, which names what is wrong; too_large.
Result<AdminRequest> read_request(AdminOperation const& operation, std::string_view name,
                                  RawRequest const& raw);

}  // namespace lowart::server
