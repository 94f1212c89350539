#pragma once
/// What only providers of type bedrock have in lowart.yaml, and where their credentials come from. The variables are those
/// that AWS's own SDKs read.

#include "provider_config.hpp"
#include "yaml_reader.hpp"

#include <lowart/dialect/aws_credentials.hpp>
#include <lowart/net/url.hpp>
#include <lowart/provider/token_grant.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace lowart::server {

namespace aws_config {

inline std::string variable(char const* name) {
  char const* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// What the file holds that the variable `name` leads to, read anew for each fetch.
inline Result<Secret> read_token(std::string const& path, std::string const& name) {
  constexpr std::streamsize most_bytes = 16 << 10;
  auto const unusable = [&](std::string const& why) {
    return fail(Errc::upstream_auth, "no credentials of AWS: the file that " + name + " names " + why,
                Origin::upstream);
  };
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<std::size_t>(most_bytes), '\0');
  if (!file.is_open() || (!file.read(text.data(), most_bytes) && !file.eof()))
    return unusable(std::string("cannot be read: ") + std::strerror(errno));
  text.resize(static_cast<std::size_t>(file.gcount()));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (!dialect::aws_text::is_visible(text)) return unusable("holds no token");
  return Secret(std::move(text));
}

/// Keys go over plain HTTP to this machine and to the endpoints of ECS and EKS only.
inline bool may_be_asked(std::string_view server) noexcept {
  constexpr std::array<std::string_view, 6> known{"127.0.0.1",     "localhost",      "[::1]",
                                                  "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
  constexpr std::string_view plain = "http://";
  if (!server.starts_with(plain)) return server.starts_with("https://");
  server.remove_prefix(plain.size());
  if (auto const port = server.rfind(':'); port != server.npos && server.find(']', port) == server.npos)
    server = server.substr(0, port);
  return std::find(known.begin(), known.end(), server) != known.end();
}

inline void read_container(YamlMap& map, AwsGrant& grant) {
  std::string const full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  std::string const relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  if (full.empty() && relative.empty())
    return map.wrong("credentials",
                     "'container' needs AWS_CONTAINER_CREDENTIALS_FULL_URI or "
                     "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, which ECS and EKS set, in the environment");
  std::tie(grant.server, grant.path) =
      token_grant::split_url(relative.empty() ? full : "http://169.254.170.2" + relative);
  if (!may_be_asked(grant.server))
    return map.wrong("credentials",
                     "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or lead to this machine or to the "
                     "endpoint of ECS or EKS");
  std::string path = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (!path.empty())
    grant.token = [held = std::move(path)] {
      return read_token(held, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    };
  else if (std::string token = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"); !token.empty())
    grant.token = [held = Secret(std::move(token))] { return Result<Secret>(held); };
}

inline void read_instance(YamlMap& map, AwsGrant& grant) {
  if (variable("AWS_EC2_METADATA_DISABLED") == "true")
    map.wrong("credentials", "'instance' is switched off by AWS_EC2_METADATA_DISABLED");
  grant.server = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (grant.server.empty()) grant.server = "http://169.254.169.254";
}

inline void read_web_identity(YamlMap& map, AwsGrant& grant, std::string const& region) {
  std::string path = variable("AWS_WEB_IDENTITY_TOKEN_FILE");
  grant.role_arn = variable("AWS_ROLE_ARN");
  if (path.empty() || grant.role_arn.empty())
    map.wrong("credentials",
              "'web_identity' needs AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, which EKS sets, in the "
              "environment");
  grant.session_name = variable("AWS_ROLE_SESSION_NAME");
  if (grant.session_name.empty()) grant.session_name = "lowart";
  grant.server = variable("AWS_ENDPOINT_URL_STS");
  if (grant.server.empty()) grant.server = "https://sts." + region + ".amazonaws.com";
  grant.token = [held = std::move(path)] { return read_token(held, "AWS_WEB_IDENTITY_TOKEN_FILE"); };
}

inline void read_environment(YamlMap& map, AwsConfig& aws) {
  aws.access_key_id = variable("AWS_ACCESS_KEY_ID");
  aws.secret_access_key = Secret(variable("AWS_SECRET_ACCESS_KEY"));
  aws.session_token = Secret(variable("AWS_SESSION_TOKEN"));
  if (aws.access_key_id.empty() || aws.secret_access_key.empty())
    map.wrong("credentials",
              "'environment' needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, which are not both set");
}

/// `credentials: instance`: those that the program runs with.
inline void read_credentials(YamlMap& map, ProviderConfig& provider) {
  std::string from;
  map.text("credentials", from);
  if (!map.has("credentials") || map.has("access_key_id")) return;  // both: check_aws() tells
  if (from == "environment") return read_environment(map, provider.aws);
  AwsGrant grant;
  grant.owner = provider.name;
  if (from == "container") {
    grant.giver = AwsGiver::container;
    read_container(map, grant);
  } else if (from == "instance") {
    read_instance(map, grant);
  } else if (from == "web_identity") {
    grant.giver = AwsGiver::web_identity;
    read_web_identity(map, grant, provider.aws.region);
  } else {
    return map.wrong("credentials", "must be environment, container, instance or web_identity");
  }
  if (auto const url = net::parse_base_url(grant.server); !grant.server.empty() && !url)
    map.wrong("credentials",
              "'" + grant.server + "', where '" + from + "' is to be asked: " + url.error().message());
  provider.aws.grant = std::move(grant);
}

}  // namespace aws_config

/// The region, which is part of the host's name, and what requests are signed with. Before the base URL is read.
inline void read_aws(YamlMap& map, ProviderConfig& provider) {
  AwsConfig& aws = provider.aws;
  map.text("region", aws.region);
  map.text("access_key_id", aws.access_key_id);
  std::string secret, token;
  map.text("secret_access_key", secret);
  map.text("session_token", token);
  aws.secret_access_key = Secret(std::move(secret));
  aws.session_token = Secret(std::move(token));
  bool const good = std::all_of(aws.region.begin(), aws.region.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (aws.region.empty()) map.wrong("a provider of type bedrock needs a 'region', as us-east-1");
  else if (!good) map.wrong("region", "must be the name of a region of AWS, as us-east-1");
  else provider.base_url = "https://bedrock-runtime." + aws.region + ".amazonaws.com";
  if (aws.access_key_id.empty() && !aws.secret_access_key.empty())
    map.wrong("secret_access_key", "goes with an 'access_key_id', which is missing or empty");
  if (!aws.access_key_id.empty() && aws.secret_access_key.empty())
    map.wrong("access_key_id", "goes with a 'secret_access_key', which is missing or empty");
  if (aws.access_key_id.empty() && !aws.session_token.empty())
    map.wrong("session_token", "goes with an 'access_key_id' and a 'secret_access_key'");
  aws_config::read_credentials(map, provider);
}

/// One kind of credentials, and which are missing.
inline void check_aws(YamlMap& map, ProviderConfig const& provider) {
  bool const keys = !provider.api_keys.empty(), signs = !provider.aws.access_key_id.empty();
  if (map.has("credentials")) {
    if (keys || provider.client_key || map.has("access_key_id"))
      map.wrong("credentials", "a provider has either 'credentials' or keys, not both");
    return;
  }
  if (keys && signs) map.wrong("access_key_id", "a provider has either 'access_key_id' or 'api_key'");
  if (signs && provider.client_key)
    map.wrong("client_key", "a provider that has an 'access_key_id' takes no key of the client");
  bool const named = map.has("api_key") || map.has("api_keys") || map.has("access_key_id");
  if (!named && !provider.client_key)
    map.wrong(
        "a provider of type bedrock needs 'access_key_id' and 'secret_access_key', or an 'api_key', or "
        "'credentials'");
}

}  // namespace lowart::server
