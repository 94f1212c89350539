#pragma once
/// Router: picks the provider by the model's name. What a configuration file turns into.

#include <lowart/model/door_set.hpp>
#include <lowart/model/name_table.hpp>
#include <lowart/provider/any_provider.hpp>
#include <lowart/provider/provider.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// One model as clients see it, and who answers for it.
struct Route {
  std::string model;                 ///< A name, or a pattern: see NameTable for which one wins.
  std::vector<std::string> aliases;  ///< The same.
  std::string owner;                 ///< Shown as `owned_by` in the list of models.
  AnyProvider answer;
  DoorSet doors{DoorSet::all()};  ///< Where it is offered; what `answer` cannot serve is taken out.
};

/// A Provider over a table of routes. The table is fixed; a changed configuration makes a new Router.
///
/// Errors: not_found (origin client, param "model") for a model that no route names.
class Router {
 public:
  /// Throws std::invalid_argument when two routes claim one name.
  explicit Router(std::vector<Route> routes) : routes_(std::move(routes)) {
    for (auto& route : routes_) {
      route.doors = route.doors & route.answer.doors();
      claim(route.model, route);
      for (auto const& alias : route.aliases) claim(alias, route);
    }
  }
  Router(Router&&) = default;
  Router& operator=(Router&&) = default;

  std::string_view name() const { return "router"; }

  template <Request R>
    requires Serves<AnyProvider, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    Route* const* const found = by_name_.find(request.model());
    if (found == nullptr) return refuse(request);
    return (*found)->answer(request, call);  // its own task: a route costs no coroutine frame
  }

  /// Whether find() would find a route. A door refuses what nobody can answer before it admits the call.
  bool knows(std::string_view model) const { return by_name_.find(model) != nullptr; }
  /// Why a call for the model at this door is in vain: nobody knows the model, or it is not offered there.
  std::optional<Error> refusal(std::string_view model, DoorKind door) const {
    Route const* const route = find(model);
    if (route == nullptr) return unknown(model);
    if (route->doors.has(door)) return std::nullopt;
    return not_offered(model, door, route->doors);
  }
  std::vector<Route> const& routes() const noexcept { return routes_; }
  /// The route a name, an alias or a pattern leads to; null when there is none.
  Route const* find(std::string_view model) const {
    Route* const* const found = by_name_.find(model);
    return found == nullptr ? nullptr : *found;
  }

  static Error not_offered(std::string_view model, DoorKind door, DoorSet offered) {
    std::string text = "the model '";
    text.append(model.substr(0, 200)).append("' is not offered at this door (").append(to_string(door));
    if (offered.empty()) text.append("); it is offered at none");
    else text.append("); it is offered at: ").append(offered.text());
    return Error(Errc::not_found, std::move(text), Origin::client).with_param("model");
  }
  static Error unknown(std::string_view model) {
    std::string text = "the model '";
    text.append(model.substr(0, 200)).append("' does not exist here; GET /v1/models lists the ones that do");
    return Error(Errc::not_found, std::move(text), Origin::client).with_param("model");
  }

 private:
  template <Request R>
  static Task<ReplyOf<R>> refuse(R const& request) {
    co_return fail(unknown(request.model()));
  }
  void claim(std::string const& name, Route& route) {
    if (!by_name_.add(name, &route))
      throw std::invalid_argument("two routes claim the model name '" + name + "'");
  }

  std::vector<Route> routes_;
  NameTable<Route*> by_name_;
};

}  // namespace lowart
