#pragma once
/// Differences between settings, member by member.

#include "registry/resource.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

/// "providers" and the name.
using SettingName = std::pair<std::string, std::string>;
/// Null: it is not there.
using Settings = std::map<SettingName, json::value>;

struct MemberChange {
  std::string resource;  ///< "providers/openai"
  std::string member;    ///< "timeouts.connect"; empty: all of it, which came or went.
  json::value before;    ///< Null: it was not there.
  json::value after;
};

/// What differs between two states of the same settings; members of objects on their own. What has the same members in
/// both, and secrets, which are masked, is told as a change without members.
std::vector<MemberChange> differences(Settings const& before, Settings const& after);

json::object told(MemberChange const& change);
/// "providers/openai  timeouts.connect: 5s -> 2s"
std::string line_of(MemberChange const& change);

}  // namespace lowart::server
