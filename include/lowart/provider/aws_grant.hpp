#pragma once
/// AwsGrant: how somebody is asked for AWS credentials that end.

#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace lowart {

/// Who gives keys.
enum class AwsGiver : std::uint8_t {
  container,     ///< The endpoint of an ECS task or an EKS pod.
  instance,      ///< The metadata service of an EC2 instance, version 2.
  web_identity,  ///< The Security Token Service, for a token of an identity provider.
};

/// How keys are asked for.
struct AwsGrant {
  AwsGiver giver{AwsGiver::instance};
  std::string owner;           ///< The provider they are for, as errors name it.
  std::string server{};        ///< The base URL of the giver: "http://169.254.169.254".
  std::string path{};          ///< container: behind it; begins with a slash.
  std::string role_arn{};      ///< web_identity
  std::string session_name{};  ///< web_identity: what AWS logs the calls as.
  std::function<Result<Secret>()>
      token{};  ///< Read for each fetch, as files of tokens are renewed. web_identity: of the
                ///< identity provider. container: sent as `authorization`; unset sends none.
};

}  // namespace lowart
