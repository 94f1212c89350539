/// What is done to settings often enough to have a path: switches, the order of targets, prices.

#include "admin/administration.hpp"
#include "admin/effective.hpp"
#include "admin/resource_writing.hpp"
#include "admin/shapes.hpp"
#include "registry/sealed_body.hpp"

#include <array>
#include <utility>

namespace lowart::server {

namespace {

template <ResourceKind Kind>
Result<AdminAnswer> toggle(Administration& admin, AdminRequest const& request) {
  return patch_resource(admin, request, Kind, request.body);
}

/// The order in which a model asks its targets: `target` is "provider/model".
Result<AdminAnswer> set_priority(Administration& admin, AdminRequest const& request) {
  auto const now = effective(admin, ResourceKind::model, request.name);
  if (!now) return tl::unexpected(now.error());
  if (!*now) return not_there(ResourceKind::model, request.name);
  json::value targets =
      (*now)->resource.body.contains("targets") ? (*now)->resource.body.at("targets") : json::value();
  if ((*now)->source != "database" && has_variable(targets))
    return refuse(Errc::conflict, "target",
                  "the targets of '" + request.name +
                      "' stand in the configuration file, with variables in them: change their order there");
  std::string_view const wanted = text_in(request.body, "target");
  bool found = false;
  if (auto* const list = targets.if_array())
    for (auto& item : *list) {
      auto* const target = item.if_object();
      if (target == nullptr) continue;
      std::string name(text_in(*target, "provider"));
      if (auto const model = text_in(*target, "model"); !model.empty()) name.append("/").append(model);
      if (name != wanted) continue;
      (*target)["priority"] = request.body.at("priority");
      found = true;
    }
  if (!found)
    return refuse(Errc::not_found, "target",
                  "the model '" + request.name + "' has no target '" + std::string(wanted) + "'");
  return patch_resource(admin, request, ResourceKind::model, {{"targets", std::move(targets)}});
}

Result<AdminAnswer> set_price(Administration& admin, AdminRequest const& request) {
  // First away with what there is: a price that only some members replace would be nobody's.
  auto before = to_change(admin, request, ResourceKind::model);
  if (!before) return tl::unexpected(std::move(before).error());
  json::object body = *before ? (*before)->body : json::object();
  body["price"] = request.body.at("price");
  return write_resource(admin, request, ResourceKind::model, request.name, *before ? &**before : nullptr,
                        std::move(body));
}

constexpr std::array<Field, 1> toggle_fields{
    {{.name = "enabled", .type = FieldType::flag, .required = true}}};
constexpr Shape toggle_shape{"Toggle", "On or off", {toggle_fields}};
constexpr std::array<Field, 2> priority_fields{{
    {.name = "target", .type = FieldType::text, .about = "provider/model", .least = 1, .required = true},
    {.name = "priority",
     .type = FieldType::integer,
     .about = "Lower ones are asked first",
     .least = -1'000'000,
     .most = 1'000'000,
     .required = true},
}};
constexpr Shape priority_shape{"TargetPriority", "When a target is asked", {priority_fields}};
constexpr std::array<Field, 1> price_fields{{{.name = "price",
                                              .type = FieldType::any,
                                              .about = "A price card, as `price` of lowart.yaml",
                                              .required = true}}};
constexpr Shape price_shape{"ModelPrice", "What calls cost", {price_fields}};

using enum Permission;
constexpr std::array<AdminOperation, 4> all{{
    {.id = "toggleProvider",
     .method = "PUT",
     .path = "/admin/providers/{name}/toggle",
     .permission = write_settings,
     .summary = "Switch a provider on or off",
     .takes = &toggle_shape,
     .tells = &shapes::provider,
     .act = toggle<ResourceKind::provider>},
    {.id = "toggleModel",
     .method = "PUT",
     .path = "/admin/models/{name}/toggle",
     .permission = write_settings,
     .summary = "Switch a model on or off",
     .takes = &toggle_shape,
     .tells = &shapes::model,
     .act = toggle<ResourceKind::model>},
    {.id = "setModelPriority",
     .method = "PUT",
     .path = "/admin/models/{name}/priority",
     .permission = write_settings,
     .summary = "When one of its targets is asked",
     .takes = &priority_shape,
     .tells = &shapes::model,
     .act = set_priority},
    {.id = "setModelPrice",
     .method = "PUT",
     .path = "/admin/models/{name}/price",
     .permission = write_prices,
     .summary = "What its calls cost",
     .takes = &price_shape,
     .tells = &shapes::model,
     .act = set_price},
}};

}  // namespace

std::span<AdminOperation const> setting_operations() { return all; }

}  // namespace lowart::server
