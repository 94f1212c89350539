#include "litellm/litellm_provider.hpp"

#include "catalogue.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace lowart::server {

namespace {

namespace json = boost::json;

/// How what LiteLLM calls a provider is reached from here.
enum class Reach : std::uint8_t {
  vendor,  ///< One of the catalogue.
  openai,  ///< The vendor, or with an address whoever speaks its protocol.
  plain,   ///< Whoever speaks OpenAI's protocol at an address that must be given.
  azure,
  vertex,
  bedrock,
};
struct Known {
  std::string_view theirs;
  std::string_view ours;  ///< The vendor's id.
  Reach reach{Reach::vendor};
  std::string_view variable{};  ///< Where LiteLLM looks for the key; empty: where the catalogue says.
};
constexpr std::array<Known, 45> known_providers{{
    {"openai", "openai", Reach::openai},
    {"text-completion-openai", "openai", Reach::openai},
    {"custom_openai", "openai", Reach::plain},
    {"openai_like", "openai", Reach::plain},
    {"litellm_proxy", "openai", Reach::plain},
    {"xinference", "openai", Reach::plain},
    {"azure", "azure", Reach::azure, "AZURE_API_KEY"},
    {"azure_text", "azure", Reach::azure, "AZURE_API_KEY"},
    {"vertex_ai", "vertex", Reach::vertex},
    {"vertex_ai_beta", "vertex", Reach::vertex},
    {"bedrock", "bedrock", Reach::bedrock},
    {"bedrock_converse", "bedrock", Reach::bedrock},
    {"anthropic", "anthropic"},
    {"gemini", "google"},
    {"ollama", "ollama"},
    {"ollama_chat", "ollama"},
    {"cohere", "cohere"},
    {"cohere_chat", "cohere"},
    {"groq", "groq"},
    {"mistral", "mistral"},
    {"deepseek", "deepseek"},
    {"together_ai", "together", Reach::vendor, "TOGETHERAI_API_KEY"},
    {"fireworks_ai", "fireworks"},
    {"openrouter", "openrouter"},
    {"perplexity", "perplexity", Reach::vendor, "PERPLEXITYAI_API_KEY"},
    {"xai", "xai"},
    {"deepinfra", "deepinfra"},
    {"nvidia_nim", "nvidia", Reach::vendor, "NVIDIA_NIM_API_KEY"},
    {"cerebras", "cerebras"},
    {"sambanova", "sambanova"},
    {"huggingface", "huggingface"},
    {"github", "github-models", Reach::vendor, "GITHUB_API_KEY"},
    {"moonshot", "moonshot"},
    {"dashscope", "dashscope-intl"},
    {"volcengine", "ark", Reach::vendor, "VOLCENGINE_API_KEY"},
    {"zai", "zai"},
    {"minimax", "minimax"},
    {"novita", "novita"},
    {"nebius", "nebius"},
    {"hyperbolic", "hyperbolic"},
    {"hosted_vllm", "vllm"},
    {"lm_studio", "lm-studio"},
    {"llamafile", "llama-cpp"},
    {"voyage", "voyage"},
    {"vercel_ai_gateway", "vercel", Reach::vendor, "VERCEL_AI_GATEWAY_API_KEY"},
}};

Known const* find_known(std::string_view name) {
  auto const found = std::ranges::find(known_providers, name, &Known::theirs);
  return found == known_providers.end() ? nullptr : &*found;
}

/// Whose a model is that names nobody, as far as its name tells.
std::string_view owner_of(std::string_view model) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 12> beginnings{
      {{"gpt-", "openai"},
       {"chatgpt-", "openai"},
       {"o1", "openai"},
       {"o3", "openai"},
       {"o4", "openai"},
       {"text-embedding-", "openai"},
       {"dall-e-", "openai"},
       {"whisper-", "openai"},
       {"tts-", "openai"},
       {"claude-", "anthropic"},
       {"command-", "cohere"},
       {"embed-", "cohere"}}};
  for (auto const& [beginning, owner] : beginnings)
    if (model.starts_with(beginning)) return owner;
  return {};
}

/// "openai/gpt-4o" taken apart; null: nobody that is known.
Known const* provider_of(LitellmMap& params, std::string& model) {
  std::string const named = params.text("custom_llm_provider");
  auto const slash = model.find('/');
  std::string_view const first = std::string_view(model).substr(0, slash);
  if (Known const* const known = find_known(named.empty() ? first : std::string_view(named))) {
    if (slash != model.npos && first == known->theirs) model.erase(0, slash + 1);
    return known;
  }
  return named.empty() ? find_known(owner_of(model)) : nullptr;
}

void put(json::object& body, std::string_view name, json::value value) {
  if (!value.is_null()) body[name] = std::move(value);
}

std::string_view address_name(LitellmMap const& params) {
  return params.has("api_base") ? "api_base" : "base_url";
}

/// The key that stands there, or else the variable that LiteLLM looks into.
json::value key_of(LitellmMap& params, std::string_view variable) {
  json::value key = params.value("api_key");
  return key.is_null() && !variable.empty() ? variable_mark(variable) : key;
}

bool read_vendor(LitellmMap& params, Known const& known, json::object& provider) {
  std::string_view const address = address_name(params);
  bool const has_address = params.has(address);
  Vendor const* const vendor = find_vendor(known.ours);
  bool const by_protocol = known.reach == Reach::plain || (known.reach == Reach::openai && has_address);
  if (known.reach == Reach::plain && !has_address) {
    params.note("model", "'" + std::string(known.theirs) + "' needs an 'api_base'");
    return false;
  }
  provider[by_protocol ? "type" : "vendor"] = known.ours;
  if (has_address) {
    // Anthropic's protocol is at /v1 there, whether the address says so or not.
    bool const adds_version = known.ours == "anthropic" && !params.text(address).ends_with("/v1") &&
                              !params.text(address).ends_with("/v1/");
    json::value base = params.value(address, adds_version ? "/v1" : "");
    if (auto* const text = base.if_string())
      while (text->ends_with('/')) text->pop_back();
    put(provider, "base_url", std::move(base));
  }
  std::string_view variable = known.variable;
  if (variable.empty() && vendor != nullptr && vendor->needs_key()) variable = vendor->key_variable;
  put(provider, "api_key", key_of(params, known.reach == Reach::plain ? std::string_view() : variable));
  return true;
}

bool read_azure(LitellmMap& params, json::object& provider) {
  std::string_view const address = address_name(params);
  std::string base = params.text(address);
  while (base.ends_with('/')) base.pop_back();
  bool const is_whole = base.ends_with("/openai") || base.ends_with("/openai/v1");
  json::value version = params.value("api_version");
  provider["type"] = "azure_openai";
  std::string_view const behind = is_whole ? "" : version.is_null() ? "/openai/v1" : "/openai";
  json::value found = base.empty() ? variable_mark("AZURE_API_BASE", behind) : params.value(address, behind);
  put(provider, "base_url", std::move(found));
  put(provider, "api_version", std::move(version));
  if (!params.has("tenant_id") || !params.has("client_id")) {
    put(provider, "api_key", key_of(params, "AZURE_API_KEY"));
    return true;
  }
  json::object entra;
  put(entra, "tenant", params.value("tenant_id"));
  put(entra, "client_id", params.value("client_id"));
  put(entra, "client_secret", params.value("client_secret"));
  provider["entra"] = std::move(entra);
  return true;
}

bool read_vertex(LitellmMap& params, std::string_view model, json::object& provider) {
  provider["type"] = model.starts_with("claude") ? "vertex_anthropic" : "vertex";
  json::value project = params.value("vertex_project");
  put(provider, "project", project.is_null() ? variable_mark("VERTEXAI_PROJECT") : std::move(project));
  put(provider, "location", params.value("vertex_location"));
  json::value credentials;
  if (std::string const text = params.text("vertex_credentials"); text.find('{') != text.npos)
    params.note("vertex_credentials",
                "is a key itself: put it into a file, and name that as 'service_account'");
  else credentials = params.value("vertex_credentials");
  put(provider, "service_account",
      credentials.is_null() ? variable_mark("GOOGLE_APPLICATION_CREDENTIALS") : std::move(credentials));
  return true;
}

bool read_bedrock(LitellmMap& params, std::string& model, json::object& provider) {
  for (std::string_view const route : {"converse/", "invoke/", "converse_like/"})
    if (model.starts_with(route)) model.erase(0, route.size());
  provider["type"] = "bedrock";
  json::value region = params.value("aws_region_name");
  put(provider, "region", region.is_null() ? variable_mark("AWS_REGION_NAME") : std::move(region));
  if (params.has("api_key")) {
    put(provider, "api_key", params.value("api_key"));
  } else if (params.has("aws_access_key_id")) {
    put(provider, "access_key_id", params.value("aws_access_key_id"));
    put(provider, "secret_access_key", params.value("aws_secret_access_key"));
    put(provider, "session_token", params.value("aws_session_token"));
  } else {
    provider["credentials"] = "environment";
    params.note("model",
                "has no credentials of AWS: those of the environment are taken; 'container', 'instance' and "
                "'web_identity' are others");
  }
  if (std::string_view const address =
          params.has("aws_bedrock_runtime_endpoint") ? "aws_bedrock_runtime_endpoint" : address_name(params);
      params.has(address))
    put(provider, "base_url", params.value(address));
  return true;
}

bool read_provider(LitellmMap& params, Known const& known, std::string& model, json::object& provider) {
  switch (known.reach) {
    case Reach::azure: return read_azure(params, provider);
    case Reach::vertex: return read_vertex(params, model, provider);
    case Reach::bedrock: return read_bedrock(params, model, provider);
    default: return read_vendor(params, known, provider);
  }
}

}  // namespace

std::optional<LitellmProvider> read_litellm_provider(LitellmMap& params) {
  std::string const asked = params.text("model");
  LitellmProvider made{.name = {}, .model = asked, .body = {}};
  Known const* const known = provider_of(params, made.model);
  if (known == nullptr) {
    params.note("model",
                "'" + asked + "' is of no provider that is known here, so the deployment is left out");
    return std::nullopt;
  }
  made.name = known->theirs;
  if (!read_provider(params, *known, made.model, made.body)) return std::nullopt;
  return made;
}

}  // namespace lowart::server
