#include "default_config.hpp"

namespace lowart::server {

std::string default_config(std::string const& key) {
  return R"(# The gateway's configuration. Changes are taken over while it runs; `lowart validate lowart.yaml` checks them.
# Everything that can stand here: docs/configuration.md

listen:
  - 127.0.0.1:8080
  - unix:./data/lowart.sock

data: ./data            # usage database and journal

providers:
  demo:
    type: demo          # answers without any account
    timeouts: {first_token: 3s, between_tokens: 3s}
    retry: {attempts: 2}
    breaker: {failures: 3, rest: 10s}
  openai:
    type: openai        # or any server that speaks this protocol: set base_url
    base_url: ${OPENAI_BASE_URL:-https://api.openai.com/v1}
    api_key: ${OPENAI_API_KEY}
    timeouts: {connect: 5s, first_token: 60s, between_tokens: 60s, whole: 10m}
  anthropic:
    type: anthropic
    api_key: ${ANTHROPIC_API_KEY}
  gemini:
    type: gemini
    api_key: ${GEMINI_API_KEY}
  # ollama: {type: ollama}   # on this machine; elsewhere with base_url: http://HOST:11434

models:
  demo: {targets: [{provider: demo}]}
  demo-fast: {targets: [{provider: demo}]}
  # Faults to look at. The last one fails over from a broken target to a good one.
  demo-slow: {targets: [{provider: demo}]}
  demo-429: {targets: [{provider: demo}]}
  demo-fail: {targets: [{provider: demo}]}
  demo-flaky: {targets: [{provider: demo}]}
  demo-stall: {targets: [{provider: demo}]}
  demo-hang: {targets: [{provider: demo}]}
  demo-cut: {targets: [{provider: demo}]}
  demo-resilient:
    targets:
      - {provider: demo, model: demo-fail}
      - {provider: demo, model: demo}

  # With OPENAI_API_KEY set. Prices are USD per million tokens.
  gpt-4o-mini:
    targets: [{provider: openai, model: gpt-4o-mini}]
    price: {input: 0.15, cache_read: 0.075, output: 0.60}
  gpt-4.1:
    targets: [{provider: openai, model: gpt-4.1}]
    price: {input: 2.00, cache_read: 0.50, output: 8.00}
  # With ANTHROPIC_API_KEY and GEMINI_API_KEY set. Clients of every dialect may ask for them.
  claude-sonnet-4-5:
    targets: [{provider: anthropic, model: claude-sonnet-4-5}]
    price: {input: 3.00, cache_read: 0.30, cache_write: 3.75, output: 15.00}
  gemini-2.5-flash:
    targets: [{provider: gemini, model: gemini-2.5-flash}]
    price: {input: 0.30, cache_read: 0.03, output: 2.50}

keys:
  - {name: first, key: )" +
         key + R"(, rpm: 600, tpm: 1000000, concurrency: 50, admin: true}
)";
}

}  // namespace lowart::server
