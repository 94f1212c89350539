#pragma once
/// FetchedCredentials: what a provider's targets share where its credentials have to be fetched.

#include <lowart/provider/access_token.hpp>
#include <lowart/provider/aws_credentials.hpp>

#include <optional>

namespace lowart::server {

/// One of the two, or none.
struct FetchedCredentials {
  std::optional<AccessToken> token;   ///< azure_openai, vertex
  std::optional<AwsCredentials> aws;  ///< bedrock
};

}  // namespace lowart::server
