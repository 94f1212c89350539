#pragma once
/// What Azure's refusals are for, in words of ours.

#include <lowart/core/error.hpp>
#include <lowart/dialect/openai_error_reading.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// `error`, which the answer with this status and body is, with a message that says what to change.
inline Error explain_azure_refusal(Error error, int status, std::string_view body) {
  std::string const code = dialect::read_openai_error_body(body).code;
  if (status == 401)
    error.with_message(
        "Azure did not accept the credentials (status 401): is it a key of this very resource?");
  else if (status == 403)
    error.with_message(
        "Azure did not let the credentials in (status 403): they need a role such as Cognitive "
        "Services OpenAI User, or the network of the resource is closed");
  else if (status == 404 && code == "DeploymentNotFound")
    error.with_message("the Azure resource has no deployment of this name (status 404)");
  else if (status == 404)
    error.with_message("Azure does not know the path, the deployment or the api-version (status 404)");
  else if (status == 400 && code == "content_filter")
    error.with_message("Azure's content filter refused the prompt (status 400)");
  return error;
}

}  // namespace lowart
