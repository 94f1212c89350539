#include "litellm/litellm_deployment.hpp"

#include "decimal_text.hpp"
#include "litellm/litellm_price.hpp"
#include "litellm/litellm_provider.hpp"

#include <algorithm>
#include <utility>

namespace lowart::server {

namespace {

namespace json = boost::json;

/// How long it is waited for, and how often it is tried.
void read_patience(LitellmMap& params, LitellmDefaults const& defaults, json::object& provider) {
  constexpr std::int64_t usual_whole = 600'000;
  std::string timeout = params.text("timeout");
  if (timeout.empty()) timeout = defaults.timeout;
  json::object clocks;
  if (auto const time = milliseconds_of(timeout)) {
    clocks["first_token"] = clocks["between_tokens"] = time_text(*time);
    if (*time > usual_whole) clocks["whole"] = time_text(*time);  // it would ring before
  } else if (!timeout.empty()) {
    params.note("timeout", "is no time in seconds");
  }
  if (std::string const stream = params.text("stream_timeout"); !stream.empty()) {
    if (auto const time = milliseconds_of(stream)) clocks["between_tokens"] = time_text(*time);
    else params.note("stream_timeout", "is no time in seconds");
  }
  if (!clocks.empty()) provider["timeouts"] = std::move(clocks);
  constexpr std::int64_t most_attempts = 10;
  std::string const retries = params.text("max_retries");
  auto const count = whole_decimal(retries, 0, 1'000'000);
  if (count) {
    if (*count + 1 > most_attempts) params.note("max_retries", "there are at most ten attempts here");
    provider["retry"] = json::object{{"attempts", std::min(*count + 1, most_attempts)}};
  } else if (!retries.empty()) {
    params.note("max_retries", "is no number");
  } else if (defaults.has_retries) {
    provider["retry"] = json::object{{"attempts", 1}};  // the model's retries are all there are
  }
}

void read_limits(LitellmMap& entry, LitellmMap& params, LitellmDeployment& made) {
  constexpr std::int64_t most = 1'000'000'000'000;
  struct Limit {
    char const* theirs;
    char const* ours;
    std::string* kept;  ///< Null: nobody asks for it later.
  };
  for (auto const& [theirs, ours, kept] : {Limit{"rpm", "rpm", &made.rpm},
                                           {"tpm", "tpm", &made.tpm},
                                           {"max_parallel_requests", "concurrency", nullptr}}) {
    LitellmMap& map = params.has(theirs) ? params : entry;
    std::string const text = map.text(theirs);
    if (text.empty()) continue;
    auto const number = whole_decimal(text, 0, most);
    if (!number) {
      map.note(theirs, "is no whole number");
      continue;
    }
    made.target[ours] = *number;
    if (kept != nullptr) *kept = text;
  }
  made.weight = params.text("weight");
  std::string const order = params.text("order");
  if (auto const number = whole_decimal(order, 0, most)) made.order = *number;
  else if (!order.empty()) params.note("order", "is no whole number");
}

}  // namespace

std::string time_text(std::int64_t ms) {
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms";
}

bool is_true(std::string_view text) noexcept { return text == "true" || text == "True"; }

std::optional<std::int64_t> milliseconds_of(std::string_view seconds) {
  constexpr std::int64_t longest = 86'400'000;
  auto const ms = shifted_decimal(seconds, 3);
  if (!ms) return std::nullopt;
  std::int64_t const time = whole_decimal(ms->substr(0, ms->find('.')), 0, longest).value_or(longest);
  return time > 0 ? std::optional(time) : std::nullopt;
}

std::optional<LitellmDeployment> read_deployment(YAML::Node const& node, LitellmDefaults const& defaults,
                                                 std::map<std::string, YAML::Node> const& credentials,
                                                 std::vector<ImportNote>& notes) {
  LitellmMap entry(node, "model_list", notes);
  LitellmDeployment made;
  made.model_name = entry.text("model_name");
  std::string const where = "model_list['" + made.model_name + "']";
  LitellmMap params(entry.take("litellm_params"), where + ".litellm_params", notes);
  LitellmMap info(entry.take("model_info"), where + ".model_info", notes);
  if (made.model_name.empty() || params.text("model").empty()) {
    notes.push_back(
        {static_cast<std::size_t>(node.Mark().line + 1), "model_list",
         "an entry without 'model_name' or 'litellm_params.model' is nothing that could be asked"});
    return std::nullopt;
  }
  if (std::string const name = params.text("litellm_credential_name"); !name.empty()) {
    if (auto const found = credentials.find(name); found != credentials.end()) params.lean_on(found->second);
    else params.note("litellm_credential_name", "there are no credentials of that name in 'credential_list'");
  }
  auto provider = read_litellm_provider(params);
  if (!provider) return std::nullopt;
  made.provider = std::move(provider->body);
  made.provider_hint = std::move(provider->name);
  made.target["model"] = std::move(provider->model);
  read_patience(params, defaults, made.provider);
  if (!defaults.breaker.empty()) made.provider["breaker"] = defaults.breaker;
  if (defaults.drop_params || is_true(params.text("drop_params"))) made.provider["may_drop"] = "anything";
  std::string const verify = params.text("ssl_verify");
  if (verify == "false" || verify == "False") made.provider["verify_tls"] = false;
  read_limits(entry, params, made);
  if (json::object price = read_litellm_price(params, info); !price.empty())
    made.target["price"] = std::move(price);
  entry.finish("is not known here");
  params.finish("is not carried over: what a request is to hold, its client says");
  info.finish("is not needed: the catalogue knows the model, or nobody does");
  return made;
}

}  // namespace lowart::server
