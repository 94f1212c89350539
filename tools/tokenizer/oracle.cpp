/// The tokenizer behind a C interface, for compare.py.

#include <lowart/meter/encoding.hpp>
#include <string_view>
#include <vector>

namespace {
lowart::Encoding const& encoding(int which) {
  return which == 0 ? lowart::o200k_base() : lowart::cl100k_base();
}
}  // namespace

extern "C" std::size_t lowart_count(int which, char const* text, std::size_t size) {
  return encoding(which).count({text, size});
}

/// Writes at most `room` tokens, returns how many there are.
extern "C" std::size_t lowart_encode(int which, char const* text, std::size_t size, std::uint32_t* out,
                                     std::size_t room) {
  std::vector<std::uint32_t> tokens;
  encoding(which).encode({text, size}, tokens);
  for (std::size_t i = 0; i < tokens.size() && i < room; ++i) out[i] = tokens[i];
  return tokens.size();
}
