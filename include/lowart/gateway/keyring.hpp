#pragma once
/// Keyring: who may call, looked up by the hash of the key.

#include <lowart/core/call.hpp>
#include <lowart/core/result.hpp>
#include <lowart/gateway/limit_rules.hpp>
#include <lowart/meter/limit_state.hpp>
#include <lowart/model/name_pattern.hpp>
#include <lowart/net/sha256.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lowart {

/// One API key: never its text, only its hash.
struct KeyEntry {
  std::string name;
  net::Sha256 digest{};
  std::shared_ptr<LimitState> limits;  ///< Its own; null: none.
  std::vector<std::string> models;     ///< Names and patterns of allowed models; empty or "*" allows all.
  bool admin{false};                   ///< May see the operator's pages.
  int priority{Call::usual_priority};  ///< Of its calls, where calls wait for each other: 0 to 9.
  std::string user{};                  ///< Whose it is; may be empty.
  std::string team{};                  ///< The same.
  std::vector<std::shared_ptr<LimitState>>
      shared{};  ///< Limits that others have a part in: of its user, its team.

  bool allows(std::string_view model) const noexcept {
    if (models.empty()) return true;
    return std::any_of(models.begin(), models.end(), [&](auto const& m) { return name_matches(m, model); });
  }
};

/// All keys of a gateway; immutable. A look-up hashes what was presented and compares whole digests, so its time
/// tells nothing about the keys that exist.
class Keyring {
 public:
  /// Without a single key, everybody may call without limits (a gateway inside another program).
  Keyring() = default;
  explicit Keyring(std::vector<KeyEntry> entries, LimitRules rules = {})
      : entries_(std::move(entries)), rules_(std::move(rules)) {
    for (auto const& entry : entries_) by_digest_.emplace(entry.digest, &entry);
  }
  Keyring(Keyring&&) = default;
  Keyring& operator=(Keyring&&) = default;

  bool open() const noexcept { return entries_.empty(); }
  std::vector<KeyEntry> const& entries() const noexcept { return entries_; }
  /// The limits that are not of a key.
  LimitRules const& rules() const noexcept { return rules_; }

  /// The entry of a key as a client presents it; Errc::unauthenticated when there is none.
  Result<KeyEntry const*> find(std::string_view presented) const {
    if (presented.empty())
      return fail(Errc::unauthenticated, "no API key: send it as 'Authorization: Bearer sk-lw-...'",
                  Origin::client);
    auto const found = by_digest_.find(net::sha256(presented));
    if (found == by_digest_.end())
      return fail(Errc::unauthenticated, "the API key is not known here", Origin::client);
    return found->second;
  }

 private:
  struct FirstBytes {
    std::size_t operator()(net::Sha256 const& digest) const noexcept {
      std::size_t h = 0;
      std::memcpy(&h, digest.data(), sizeof h);
      return h;
    }
  };
  struct SameDigest {
    bool operator()(net::Sha256 const& a, net::Sha256 const& b) const noexcept {
      return net::equal_in_constant_time(a, b);
    }
  };
  std::vector<KeyEntry> entries_;
  LimitRules rules_;
  std::unordered_map<net::Sha256, KeyEntry const*, FirstBytes, SameDigest> by_digest_;
};

}  // namespace lowart
