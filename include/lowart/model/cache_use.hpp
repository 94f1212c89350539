#pragma once
/// CacheUse: what a cache had to do with an answer.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lowart {

enum class CacheRole : std::uint8_t {
  none,    ///< There is no cache, or the request is none for it.
  miss,    ///< The provider was asked; what it says is kept, if it may be.
  hit,     ///< An answer that was kept.
  joined,  ///< The answer to an equal call that was running.
};

constexpr std::string_view to_string(CacheRole role) noexcept {
  constexpr std::array<std::string_view, 4> names{"none", "miss", "hit", "joined"};
  return names[static_cast<std::size_t>(role)];
}

struct CacheUse {
  CacheRole role{CacheRole::none};
  std::int64_t age{0};  ///< Of a hit: seconds since its answer was complete.

  /// The answer is that to another call, which has paid for it.
  bool is_free() const noexcept { return role == CacheRole::hit || role == CacheRole::joined; }
};

}  // namespace lowart
