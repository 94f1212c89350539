#pragma once
/// The lowart.yaml that a first start writes.

#include <string>

namespace lowart::server {

/// A commented configuration with the demo models, the OpenAI ones, and this key.
std::string default_config(std::string const& key);

}  // namespace lowart::server
