// Chunked bodies: any split gives the payload, the end and the error of reading at once.

#include <lowart/net/chunked.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lowart::net;

void check(bool holds) {
  if (!holds) std::abort();
}

struct Outcome {
  std::string payload;
  std::size_t consumed = 0;
  bool done = false;
  ChunkedError error = ChunkedError::none;
  bool operator==(Outcome const&) const = default;
};

/// Feeds pieces of the sizes that `pattern` says, in turn; all at once when it is empty.
Outcome decode(std::string_view bytes, std::string_view pattern) {
  ChunkedDecoder decoder;
  Outcome outcome;
  for (std::size_t at = 0, turn = 0; at < bytes.size(); ++turn) {
    std::size_t size = bytes.size() - at;
    if (!pattern.empty()) {
      auto const wanted = static_cast<unsigned char>(pattern[turn % pattern.size()]) % 32U + 1U;
      if (wanted < size) size = wanted;
    }
    std::string_view const piece = bytes.substr(at, size);
    std::vector<char> span(piece.begin(), piece.end());
    ChunkedResult const result = decoder.decode(span);
    check(result.payload_bytes <= result.consumed_bytes && result.consumed_bytes <= size);
    check(result.done == decoder.done() && result.error == decoder.error());
    outcome.payload.append(span.data(), result.payload_bytes);
    outcome.consumed += result.consumed_bytes;
    outcome.done = result.done;
    outcome.error = result.error;
    if (result.done || result.error != ChunkedError::none) {
      ChunkedResult const again = decoder.decode(span);
      check(again.consumed_bytes == 0 && again.payload_bytes == 0 && again.error == result.error);
      break;
    }
    check(result.consumed_bytes == size);
    at += size;
  }
  return outcome;
}

/// What was decoded, coded again in one chunk, decodes to the same.
void check_round_trip(std::string const& payload) {
  std::string coded;
  char buffer[chunk_header_bytes];
  if (!payload.empty()) coded.append(chunk_header(payload.size(), buffer)).append(payload).append(chunk_end);
  coded += last_chunk;
  Outcome const again = decode(coded, "");
  check(again.done && again.payload == payload && again.consumed == coded.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 4) return 0;
  std::string_view const all(reinterpret_cast<char const*>(data), size);
  std::string_view const bytes = all.substr(4);
  Outcome const at_once = decode(bytes, "");
  check(at_once == decode(bytes, all.substr(0, 4)));
  check(at_once == decode(bytes, std::string_view("\0", 1)));
  if (at_once.done) check_round_trip(at_once.payload);
  return 0;
}
