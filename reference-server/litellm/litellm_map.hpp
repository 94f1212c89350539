#pragma once
/// LitellmMap: a block of a LiteLLM configuration, of which nothing is passed over without a note.

#include "litellm/litellm_import.hpp"

#include <yaml-cpp/yaml.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

/// A member of a block; an undefined node, which can be asked what it is, where there is none.
inline YAML::Node member_of(YAML::Node const& block, char const* name) {
  YAML::Node const found = block.IsMap() ? block[name] : YAML::Node(YAML::NodeType::Undefined);
  return found.IsDefined() ? found : YAML::Node(YAML::NodeType::Undefined);
}

class LitellmMap {
 public:
  /// `where` names the block in notes: "router_settings".
  LitellmMap(YAML::Node const& node, std::string where, std::vector<ImportNote>& notes)
      : where_(std::move(where)), notes_(&notes) {
    if (node.IsMap()) add_members(node, 0);
  }

  /// What stands there; an undefined node where nothing does.
  YAML::Node take(std::string_view name) {
    taken_.emplace(name);
    for (auto const& [member, value] : members_)
      if (member == name) return value;
    return YAML::Node(YAML::NodeType::Undefined);
  }
  /// A scalar; empty where there is none.
  std::string text(std::string_view name) {
    YAML::Node const node = take(name);
    if (node.IsDefined() && !node.IsNull() && !node.IsScalar()) note(name, "is one value");
    return node.IsDefined() && node.IsScalar() ? node.Scalar() : std::string();
  }
  /// The same, where it may be a variable: null, a text or a mark.
  boost::json::value value(std::string_view name, std::string_view behind = {}) {
    constexpr std::string_view variable = "os.environ/";
    std::string found = text(name);
    if (found.empty()) return {};
    if (found.starts_with(variable)) return variable_mark(found.substr(variable.size()), behind);
    while (!behind.empty() && found.ends_with('/')) found.pop_back();
    if (found.find("${") == found.npos) return boost::json::value(found.append(behind));
    note(name, "has '${' in it, which stands for a variable in lowart.yaml: write it there yourself");
    return {};
  }
  bool has(std::string_view name) const {
    for (auto const& [member, value] : members_)
      if (member == name) return !value.IsNull();
    return false;
  }
  /// What this block does not say is taken from another.
  void lean_on(YAML::Node const& other) {
    if (other.IsMap()) add_members(other, 0);
  }
  void note(std::string_view name, std::string why) {
    std::size_t line = 0;
    for (auto const& [member, value] : members_)
      if (member == name) line = static_cast<std::size_t>(value.Mark().line + 1);
    notes_->push_back({line, where_ + "." + std::string(name), std::move(why)});
  }
  /// Notes each member that nobody took.
  void finish(std::string_view why) {
    for (auto const& [member, value] : members_)
      if (!taken_.contains(member) && !value.IsNull()) note(member, std::string(why));
  }
  std::vector<std::pair<std::string, YAML::Node>> const& members() const noexcept { return members_; }

 private:
  /// The first of a name counts; "<<" brings others behind those that stand here.
  void add_members(YAML::Node const& node, int depth) {
    constexpr int deepest = 8;
    std::vector<YAML::Node> merged;
    for (auto const& entry : node) {
      std::string const name = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
      if (name == "<<") merged.push_back(entry.second);
      else if (known_.insert(name).second) members_.emplace_back(name, entry.second);
    }
    for (YAML::Node const& other : merged) {
      if (depth == deepest) return;
      if (other.IsMap()) add_members(other, depth + 1);
      if (other.IsSequence())
        for (auto const& one : other)
          if (one.IsMap()) add_members(one, depth + 1);
    }
  }

  std::vector<std::pair<std::string, YAML::Node>> members_;
  std::set<std::string, std::less<>> known_;
  std::set<std::string, std::less<>> taken_;
  std::string where_;
  std::vector<ImportNote>* notes_;
};

}  // namespace lowart::server
