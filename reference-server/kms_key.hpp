#pragma once
/// The master key as a key management service unwraps it: one question at the start, and no command.

#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>

#include <string>

namespace lowart::server {

/// Where the wrapped key is sent. The service answers as the transit engine of Vault and OpenBao does:
/// `{"ciphertext": ...}` is asked, `{"data": {"plaintext": BASE64}}` or `{"plaintext": BASE64}` is the answer.
struct KmsConfig {
  std::string id{"kms"};  ///< Of the key, which stands in what it sealed.
  std::string url;
  Secret token;  ///< Sent as `authorization: Bearer` and `x-vault-token`; empty: neither.
  std::string wrapped_key;
  std::string ca_file;
};

/// The key in base64. Blocks for up to 10 s: for the start. Errors: config_invalid, saying what to look at; nothing of the
/// answer is quoted.
Result<Secret> unwrap_master_key(KmsConfig const& config);

}  // namespace lowart::server
