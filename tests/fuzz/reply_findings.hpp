#pragma once
/// What reading and decoding a stream found, to be the same however the stream is cut.

#include "fuzz.hpp"

#include <lowart/dialect/reply_decoder.hpp>
#include <lowart/dialect/reply_reader.hpp>
#include <lowart/model/chat_delta.hpp>
#include <lowart/model/chat_reply.hpp>

#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::fuzz {

struct ReplyFindings {
  std::string text;
  Usage usage;
  std::int64_t events{0};
  FinishReason finish{};
  bool committed{false}, done{false}, may_end{false}, failed{false};
  std::vector<ChatDelta> steps;
  friend bool operator==(ReplyFindings const&, ReplyFindings const&) = default;
};

/// Reads and decodes the stream in pieces of sizes drawn from `seed`, and shows each to `also(piece)`.
template <class Reader, class Decoder, class Also>
ReplyFindings read_reply(Reader reader, Decoder decoder, std::string_view stream, std::uint32_t seed,
                         Also&& also) {
  ReplyProgress progress(std::pmr::get_default_resource());
  ReplyFindings found;
  bool decodes = true;
  cut(stream, seed, [&](std::string const& piece, bool last) {
    found.failed = !reader.feed(piece, progress);
    require(reader.good_bytes() <= piece.size());
    decodes = decodes && decoder.decode(piece, last, found.steps).has_value();
    also(piece);
  });
  found.text = progress.text;
  found.usage = progress.usage;
  found.events = progress.events;
  found.finish = progress.finish;
  found.committed = reader.committed();
  found.done = reader.done();
  found.may_end = reader.may_end();
  return found;
}
template <class Reader, class Decoder>
ReplyFindings read_reply(Reader reader, Decoder decoder, std::string_view stream, std::uint32_t seed) {
  return read_reply(std::move(reader), std::move(decoder), stream, seed, [](std::string const&) {});
}

}  // namespace lowart::fuzz
