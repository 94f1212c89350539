#pragma once
/// KeyEntry: one API key, and what it may be used for.

#include <lowart/core/call.hpp>
#include <lowart/core/result.hpp>
#include <lowart/gateway/key_policy.hpp>
#include <lowart/meter/limit_state.hpp>
#include <lowart/model/door_set.hpp>
#include <lowart/model/name_pattern.hpp>
#include <lowart/net/sha256.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// Whose a key is. One object for all keys of a user in a team.
struct KeyOwner {
  std::string user{};                                 ///< May be empty.
  std::string team{};                                 ///< The same.
  std::vector<std::shared_ptr<LimitState>> limits{};  ///< Of the user and of the team.
};

/// One API key: never its text, only its digest. Small, as there may be a million: what few keys have is in `policy`.
struct KeyEntry {
  std::string name;
  net::Sha256 digest{};                ///< As the keyring's KeyHash makes it, or as `is_plain` says.
  std::shared_ptr<LimitState> limits;  ///< Its own; null: none.
  std::vector<std::string> models;     ///< Names and patterns of allowed models; empty or "*" allows all.
  bool is_plain{false};                ///< Its digest is the key's SHA-256, of which no more is known.
  bool admin{false};                   ///< May see the operator's pages.
  int priority{Call::usual_priority};  ///< Of its calls, where calls wait for each other: 0 to 9.
  std::shared_ptr<KeyOwner const> owner{};    ///< Null: nobody's in particular.
  std::shared_ptr<KeyPolicy const> policy{};  ///< Null: nothing more is asked of it.
  std::string id{};  ///< In the store that it comes from; empty: it stands in a file.

  std::string_view user() const noexcept {
    return owner ? std::string_view(owner->user) : std::string_view();
  }
  std::string_view team() const noexcept {
    return owner ? std::string_view(owner->team) : std::string_view();
  }

  /// Whether the key counts at `now` (a function: few keys ask) for a client at `peer`. Errors: KeyPolicy's.
  template <class Now>
  Result<void> admits(std::string_view peer, Now const& now) const {
    if (policy == nullptr) return {};
    return policy->admits(peer, now());
  }
  /// Whether a model may be asked for, wherever that is; what lists of models show.
  bool allows(std::string_view model) const noexcept {
    bool const named = models.empty() || std::any_of(models.begin(), models.end(), [&](auto const& pattern) {
                         return name_matches(pattern, model);
                       });
    return named && (policy == nullptr || !policy->blocks(model));
  }
  /// Whether a model may be asked for at a door. Errors: permission_denied, which names it.
  Result<void> may_use(std::string_view model, DoorKind door) const {
    if (!allows(model)) return fail(not_allowed(model));
    if (policy == nullptr || policy->types.allow(door)) return {};
    return fail(Errc::permission_denied,
                "this API key may not be used for '" + std::string(type_name(door)) + "'", Origin::client);
  }

  static Error not_allowed(std::string_view model) {
    constexpr std::size_t longest = 200;  // bytes of a client's own words in an error
    std::string message = "this API key may not use the model '";
    message.append(model.substr(0, longest)).append("'");
    return Error(Errc::permission_denied, std::move(message), Origin::client).with_param("model");
  }

 private:
  static std::string_view type_name(DoorKind door) noexcept {
    auto const type = model_type_of(door);
    return type ? to_string(*type) : to_string(door);
  }
};

}  // namespace lowart
