#pragma once
/// Decoders of replies: bytes of a dialect to neutral steps, event by event or whole.

#include <lowart/model/chat_reply.hpp>
#include <lowart/net/sse.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// Decodes a stream of events, server-sent or framed as `Splitter` knows (see ReplyReader). `Events` is what a dialect
/// makes of one:
///
///     Result<bool> decode(net::SseEvent const&, std::vector<ChatDelta>& out);   // false: the stream is complete
template <class Events, class Splitter = net::SseSplitter>
class SseReplyDecoder final : public ReplyDecoder {
 public:
  Result<void> decode(std::string_view bytes, bool, std::vector<ChatDelta>& out) override {
    if (done_) return {};
    std::optional<Error> failed;
    auto const step =
        splitter_.feed(std::span<char const>(bytes.data(), bytes.size()), [&](net::SseEvent const& event) {
          Result<bool> const more = events_.decode(event, out);
          if (!more) failed = more.error();
          done_ = !more || !*more;
          return !done_;
        });
    if (step == net::SseStep::too_large)
      return fail(Errc::malformed_reply, "an event of the provider's stream is over the size limit",
                  Origin::upstream);
    if (failed) return tl::unexpected<Error>(*std::move(failed));
    return {};
  }

 private:
  Splitter splitter_;
  Events events_;
  bool done_{false};
};

/// Decodes a whole reply, once its last piece is there. `decode_whole` is `Result<ChatDelta>(std::string_view)`.
template <auto decode_whole>
class WholeReplyDecoder final : public ReplyDecoder {
 public:
  Result<void> decode(std::string_view bytes, bool last, std::vector<ChatDelta>& out) override {
    if (!last || !body_.empty()) body_.append(bytes);
    if (!last) return {};
    Result<ChatDelta> step = decode_whole(body_.empty() ? bytes : std::string_view(body_));
    if (!step) return tl::unexpected<Error>(std::move(step).error());
    out.push_back(*std::move(step));
    return {};
  }

 private:
  std::string body_;
};

/// For ChatReply::Head::decoder.
template <class Events, class Splitter = net::SseSplitter>
ArenaPtr<ReplyDecoder> make_stream_decoder(Call& call) {
  return call.make<SseReplyDecoder<Events, Splitter>>();
}
template <auto decode_whole>
ArenaPtr<ReplyDecoder> make_whole_decoder(Call& call) {
  return call.make<WholeReplyDecoder<decode_whole>>();
}

}  // namespace lowart::dialect
