#include "admin/config_difference.hpp"

#include "admin/command_table.hpp"

namespace lowart::server {

namespace {

void compare(std::string const& resource, std::string const& path, json::object const& before,
             json::object const& after, std::vector<MemberChange>& out) {
  auto const one = [&](std::string_view name, json::value const* was, json::value const* is) {
    std::string const member = (path.empty() ? "" : path + ".") + std::string(name);
    if (was != nullptr && is != nullptr) {
      if (*was == *is) return;
      if (was->is_object() && is->is_object())
        return compare(resource, member, was->get_object(), is->get_object(), out);
    }
    out.push_back(
        {resource, member, was == nullptr ? json::value() : *was, is == nullptr ? json::value() : *is});
  };
  for (auto const& member : before) one(member.key(), &member.value(), after.if_contains(member.key()));
  for (auto const& member : after)
    if (!before.contains(member.key())) one(member.key(), nullptr, &member.value());
}

}  // namespace

std::vector<MemberChange> differences(Settings const& before, Settings const& after) {
  std::vector<MemberChange> all;
  for (auto const& [name, was] : before) {
    std::string const resource = name.first + "/" + name.second;
    auto const found = after.find(name);
    json::value const is = found == after.end() ? json::value() : found->second;
    if (was.is_object() && is.is_object()) {
      std::size_t const known = all.size();
      compare(resource, {}, was.get_object(), is.get_object(), all);
      bool const has_secrets = json::serialize(is).find("\"***\"") != std::string::npos;
      if (all.size() == known && has_secrets) all.push_back({resource, {}, "***", "***"});
    } else if (was != is) {
      all.push_back({resource, {}, was, is});
    }
  }
  for (auto const& [name, is] : after)
    if (!before.contains(name) && !is.is_null()) all.push_back({name.first + "/" + name.second, {}, {}, is});
  return all;
}

json::object told(MemberChange const& change) {
  return {{"resource", change.resource},
          {"member", change.member},
          {"before", change.before},
          {"after", change.after}};
}

std::string line_of(MemberChange const& change) {
  std::string line = change.resource;
  if (change.member.empty() && change.before.is_string())
    return line.append("  nothing that is shown: maybe secrets");
  if (!change.member.empty()) line.append("  ").append(change.member);
  auto const shown = [](json::value const& value) {
    return value.is_null() ? std::string("(none)") : server::line_of(value);
  };
  return line.append(": ").append(shown(change.before)).append(" -> ").append(shown(change.after));
}

}  // namespace lowart::server
