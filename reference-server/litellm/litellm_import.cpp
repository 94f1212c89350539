#include "litellm/litellm_import.hpp"

#include "decimal_text.hpp"
#include "litellm/litellm_deployment.hpp"
#include "litellm/litellm_routes.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace lowart::server {

namespace {

namespace json = boost::json;

constexpr std::string_view variable_member = "$variable";
constexpr std::string_view behind_member = "$behind";

/// Calls `f` with the name and what stands behind it, for each mark; it returns what stands in its place.
json::value without_marks(json::value value,
                          std::function<json::value(std::string const&, std::string const&)> const& f) {
  if (auto* const list = value.if_array())
    for (auto& item : *list) item = without_marks(std::move(item), f);
  auto* const object = value.if_object();
  if (object == nullptr) return value;
  if (auto const* const name = object->if_contains(variable_member))
    return f(std::string(name->as_string()), std::string(object->at(behind_member).as_string()));
  for (auto& member : *object) member.value() = without_marks(std::move(member.value()), f);
  return value;
}

/// What stands in a block of settings for all, and which block that is.
class Settings {
 public:
  Settings(YAML::Node const& root, std::vector<ImportNote>& notes)
      : router_(member_of(root, "router_settings"), "router_settings", notes),
        library_(member_of(root, "litellm_settings"), "litellm_settings", notes),
        general_(member_of(root, "general_settings"), "general_settings", notes) {}

  /// The router's, or else the library's.
  std::string text(std::string_view name, std::string_view in_library) {
    std::string const mine = router_.text(name);
    std::string const other = library_.text(in_library);
    if (mine.empty()) return other;
    if (!other.empty() && mine != other && said_twice_.emplace(in_library).second)
      library_.note(in_library, "does not count: 'router_settings' says it otherwise");
    return mine;
  }
  YAML::Node node(std::string_view name) {
    YAML::Node const mine = router_.take(name);
    YAML::Node const other = library_.take(name);
    return mine.IsDefined() && !mine.IsNull() ? mine : other;
  }
  void note(std::string_view name, std::string const& why) {
    if (router_.has(name)) router_.note(name, why);
    if (library_.has(name)) library_.note(name, why);
  }
  /// What has no place here.
  void finish() {
    for (std::string_view const name : {"context_window_fallbacks", "content_policy_fallbacks"}) {
      node(name);
      note(name,
           "a request that a provider refuses goes to nobody else here: 'when: {max_input_tokens: ...}' "
           "sends long "
           "ones elsewhere before they are sent");
    }
    if (general_.has("master_key")) {
      general_.take("master_key");
      general_.note("master_key", "make a key instead: lowart key create NAME --admin true");
    }
    router_.finish("is not carried over: there is nothing like it here");
    library_.finish("is not carried over: there is nothing like it here");
    general_.finish("is not carried over: lowart.yaml has settings of its own for the server");
  }

 private:
  LitellmMap router_;
  LitellmMap library_;
  LitellmMap general_;
  std::set<std::string, std::less<>> said_twice_;
};

LitellmDefaults read_defaults(Settings& settings) {
  LitellmDefaults defaults;
  defaults.timeout = settings.text("timeout", "request_timeout");
  defaults.has_retries = !settings.text("num_retries", "num_retries").empty();
  defaults.drop_params = is_true(settings.text("drop_params", "drop_params"));
  std::string const fails = settings.text("allowed_fails", "allowed_fails");
  if (auto const count = whole_decimal(fails, 0, 999)) {
    defaults.breaker["failures"] = *count + 1;
    settings.note("allowed_fails", "is counted in a row here, not by the minute");
  } else if (!fails.empty()) {
    settings.note("allowed_fails", "is no number");
  }
  std::string const rest = settings.text("cooldown_time", "cooldown_time");
  if (auto const ms = milliseconds_of(rest)) defaults.breaker["rest"] = time_text(*ms);
  else if (!rest.empty()) settings.note("cooldown_time", "is no time in seconds");
  return defaults;
}

std::map<std::string, YAML::Node> read_credentials(YAML::Node const& list) {
  std::map<std::string, YAML::Node> all;
  if (list.IsSequence())
    for (auto const& entry : list)
      if (YAML::Node const name = member_of(entry, "credential_name"); name.IsScalar())
        all.emplace(name.Scalar(), member_of(entry, "credential_values"));
  return all;
}

/// The name under which a provider is made: that of an equal one, or the first that is free.
std::string provider_name(json::object& providers, LitellmDeployment const& deployment) {
  for (auto const& known : providers)
    if (known.value() == json::value(deployment.provider) &&
        known.key().starts_with(deployment.provider_hint))
      return std::string(known.key());
  std::string name = deployment.provider_hint;
  for (int number = 2; providers.contains(name); ++number)
    name = deployment.provider_hint + "-" + std::to_string(number);
  providers[name] = deployment.provider;
  return name;
}

RouteSettings read_routes(Settings& settings) {
  RouteSettings routes;
  routes.strategy = settings.text("routing_strategy", "routing_strategy");
  if (routes.strategy.empty()) routes.strategy = "simple-shuffle";
  if (balance_of(routes.strategy).empty()) {
    settings.note("routing_strategy",
                  "'" + routes.strategy + "' is not known here: calls are spread by weight");
    routes.strategy = "simple-shuffle";
  }
  std::string const retries = settings.text("num_retries", "num_retries");
  constexpr std::int64_t most = 10;
  if (auto const count = whole_decimal(retries, 0, 1'000'000)) {
    routes.attempts = static_cast<int>(std::min(*count + 1, most));
    if (*count + 1 > most) settings.note("num_retries", "there are at most ten attempts here");
  } else if (!retries.empty()) {
    settings.note("num_retries", "is no number");
  }
  routes.fallbacks = settings.node("fallbacks");
  routes.default_fallbacks = settings.node("default_fallbacks");
  routes.aliases = settings.node("model_group_alias");
  return routes;
}

void note_rest(YAML::Node const& root, std::vector<ImportNote>& notes) {
  constexpr std::array<std::string_view, 5> known{"model_list", "router_settings", "litellm_settings",
                                                  "general_settings", "credential_list"};
  for (auto const& entry : root) {
    std::string const name = entry.first.Scalar();
    if (std::ranges::find(known, name) != known.end()) continue;
    bool const is_environment = name == "environment_variables";
    notes.push_back({static_cast<std::size_t>(entry.first.Mark().line + 1), name,
                     is_environment ? "set them in the environment that lowart is started with"
                                    : "is not carried over: there is nothing like it here"});
  }
}

LitellmImport take_over(YAML::Node const& root) {
  LitellmImport made;
  Settings settings(root, made.notes);
  LitellmDefaults const defaults = read_defaults(settings);
  RouteSettings const routes = read_routes(settings);
  auto const credentials = read_credentials(member_of(root, "credential_list"));
  std::vector<LitellmDeployment> deployments;
  for (auto const& entry : member_of(root, "model_list")) {
    auto deployment = read_deployment(entry, defaults, credentials, made.notes);
    if (!deployment) continue;
    json::object target{{"provider", provider_name(made.providers, *deployment)}};
    for (auto& member : deployment->target) target[member.key()] = member.value();
    deployment->target = std::move(target);
    deployments.push_back(std::move(*deployment));
  }
  make_routes(deployments, routes, made);
  settings.finish();
  note_rest(root, made.notes);
  std::ranges::sort(made.notes, {},
                    [](ImportNote const& note) { return std::pair(note.line, note.setting); });
  return made;
}

}  // namespace

json::value variable_mark(std::string_view name, std::string_view behind) {
  return json::object{{variable_member, name}, {behind_member, behind}};
}

json::value named_variables(json::value value) {
  return without_marks(std::move(value), [](std::string const& name, std::string const& behind) {
    return json::value("${" + name + "}" + behind);
  });
}

json::value resolved_variables(json::value value,
                               std::function<std::optional<std::string>(std::string const&)> const& lookup,
                               std::vector<std::string>& missing) {
  return without_marks(std::move(value), [&](std::string const& name, std::string const& behind) {
    auto found = lookup(name);
    if (!found && std::ranges::find(missing, name) == missing.end()) missing.push_back(name);
    while (found && !behind.empty() && found->ends_with('/')) found->pop_back();
    return json::value(found.value_or(std::string()) + behind);
  });
}

Result<LitellmImport> read_litellm(std::string const& yaml) {
  constexpr std::size_t most = std::size_t{4} << 20U;
  if (yaml.size() > most) return fail(Errc::config_invalid, "more than 4 MiB");
  try {
    YAML::Node const root = YAML::Load(yaml);
    if (!root.IsMap() || !member_of(root, "model_list").IsSequence())
      return fail(Errc::config_invalid, "there is no 'model_list' in it, as LiteLLM's configurations have");
    return take_over(root);
  } catch (YAML::Exception const& e) {
    return fail(Errc::config_invalid, "line " + std::to_string(e.mark.line + 1) + ": not YAML: " + e.msg);
  }
}

}  // namespace lowart::server
