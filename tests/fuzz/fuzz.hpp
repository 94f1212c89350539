#pragma once
/// What fuzz targets share.

#include <lowart/model/conversation.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

namespace lowart::fuzz {

/// What must hold for any input.
inline void require(bool holds) {
  if (!holds) std::abort();
}

/// A target that cuts its input into pieces takes from the first three bytes how.
struct SeededInput {
  std::uint32_t seed{1};
  std::string text;

  SeededInput(std::uint8_t const* data, std::size_t size)
      : seed((data[0] + 256U * data[1] + 65536U * data[2]) | 1U),
        text(reinterpret_cast<char const*>(data + 3), size - 3) {}
  static constexpr std::size_t shortest = 4;
};

/// Calls `feed(piece, is_last)` with the stream in pieces whose sizes are drawn from `seed`. Each has memory of its own, so
/// that whoever looks beyond its end is found.
template <class F>
void cut(std::string_view stream, std::uint32_t seed, F&& feed) {
  while (!stream.empty()) {
    seed = seed * 1664525U + 1013904223U;  // a linear congruential generator (Numerical Recipes)
    std::string const piece(stream.substr(0, seed % 7 == 0 ? 1 : seed % 97 + 1));
    stream.remove_prefix(piece.size());
    feed(piece, stream.empty());
  }
}

/// Whether a view that was found in a text lies in it; one that is empty lies anywhere.
inline bool is_within(std::string_view part, std::string_view whole) {
  std::less_equal<> const before;
  return part.empty() || (before(whole.data(), part.data()) &&
                          before(part.data() + part.size(), whole.data() + whole.size()));
}

/// Whether a request brings back what another provider has signed.
inline bool has_foreign_signature(Conversation const& c) {
  for (Message const& message : c.messages)
    for (ContentPart const& part : message.content)
      if (part.signature.is_foreign_to(c.dialect)) return true;
  return false;
}

}  // namespace lowart::fuzz
