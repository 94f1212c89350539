#pragma once
/// KeyPolicy: what a key may be used for beyond its list of models: until when, from where, for what.

#include <lowart/core/result.hpp>
#include <lowart/core/secret.hpp>
#include <lowart/dialect/rfc3339.hpp>
#include <lowart/gateway/limit_rules.hpp>
#include <lowart/model/name_pattern.hpp>
#include <lowart/net/ip_range.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart {

/// Whether a key still counts. Shared by all versions of its entry, so that calls under way learn of it.
enum class KeyState : std::uint8_t { active, revoked };

/// Some types of models; empty stands for all.
class ModelTypes {
 public:
  constexpr void add(ModelType type) noexcept { bits_ |= bit(type); }
  constexpr bool empty() const noexcept { return bits_ == 0; }
  constexpr bool has(ModelType type) const noexcept { return (bits_ & bit(type)) != 0; }
  /// Whether calls at a door are for one of them. Tokens are counted for chats; what passes through may be anything.
  constexpr bool allow(DoorKind door) const noexcept {
    if (empty()) return true;
    if (door == DoorKind::count_tokens) return has(ModelType::chat);
    auto const type = model_type_of(door);
    return type && has(*type);
  }

 private:
  static constexpr unsigned bit(ModelType type) noexcept { return 1U << static_cast<unsigned>(type); }
  unsigned bits_{0};
};

/// Immutable but for `live`; any thread. Keys that are alike may share one.
struct KeyPolicy {
  std::int64_t expires_at{0};          ///< Microseconds since 1970 UTC; 0: never.
  std::vector<std::string> blocked{};  ///< Names and patterns of models, also of those that are allowed.
  ModelTypes types{};
  net::PeerRanges addresses{};
  std::shared_ptr<std::atomic<KeyState>> live{};  ///< Null: active for as long as a keyring has the entry.
  bool revoke_streams{false};                     ///< What is streamed ends when `live` says revoked.
  Secret signing_secret{};                        ///< Not empty: requests must be signed with it.
  std::string certificate{};  ///< The subject of a client's certificate that stands for the key.

  bool is_revoked() const noexcept {
    return live != nullptr && live->load(std::memory_order_relaxed) == KeyState::revoked;
  }
  bool blocks(std::string_view model) const noexcept {
    return std::any_of(blocked.begin(), blocked.end(),
                       [&](auto const& pattern) { return name_matches(pattern, model); });
  }
  /// Whether the key counts at `now` (UTC) for a client at `peer`. Errors: unauthenticated, permission_denied.
  Result<void> admits(std::string_view peer, std::int64_t now) const {
    if (is_revoked()) return fail(revoked());
    if (expires_at != 0 && now >= expires_at)
      return fail(Errc::unauthenticated,
                  "the API key has expired on " + dialect::rfc3339(expires_at) + "; ask for a new one",
                  Origin::client);
    if (!addresses.allow(peer))
      return fail(Errc::permission_denied,
                  "this API key may not be used from the address " + std::string(shown_address(peer)),
                  Origin::client);
    return {};
  }
  static Error revoked() { return Error(Errc::unauthenticated, "the API key was revoked", Origin::client); }

 private:
  static std::string_view shown_address(std::string_view peer) noexcept {
    std::string_view const address = net::address_of_peer(peer);
    return address.empty() ? peer : address;
  }
};

}  // namespace lowart
