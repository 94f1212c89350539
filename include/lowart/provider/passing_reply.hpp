#pragma once
/// Answers that are bytes of no dialect: passed on as they come, in whole events, or gathered first.

#include <lowart/model/chat_reply.hpp>
#include <lowart/net/transport.hpp>
#include <lowart/provider/http_wire.hpp>
#include <lowart/provider/wire_sources.hpp>

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace lowart {

/// Bytes that mean nothing here: a voice, a file.
class PassingSource final : public ReplySource {
 public:
  PassingSource(ArenaPtr<net::Exchange> exchange, Call& call)
      : exchange_(std::move(exchange)), progress_(call.memory()), call_(call) {}

  ReplyProgress& progress() noexcept override { return progress_; }

  Task<Result<ReplyPart>> next() override {
    Result<std::span<char>> piece;
    if (!exchange_->read_now(piece)) piece = co_await exchange_->read();
    if (!piece) co_return fail(std::move(piece.error()));
    if (progress_.first_content_at == TimePoint{}) progress_.first_content_at = call_.now();
    std::string_view const bytes(piece->data(), piece->size());
    co_return ReplyPart{.bytes = bytes, .deltas = {}, .last = bytes.empty()};
  }

 private:
  ArenaPtr<net::Exchange> exchange_;
  ReplyProgress progress_;
  Call& call_;
};

namespace http_wire {

inline Error body_has_gone() {
  return Error(Errc::unsupported, "the request's body has passed by and cannot be sent once more");
}

/// What of the head of an answer that has no dialect is told. `exchange` has not been read.
inline ReplyHead passing_head(net::Exchange const& exchange, std::string_view provider,
                              std::string_view model, std::string_view request_id, Call& call) {
  ReplyHead head;
  head.status = exchange.status();
  head.content_type = call.keep(exchange.field("content-type"));
  head.streamed = head.content_type.starts_with("text/event-stream");
  head.provider = provider;
  head.upstream_model = call.keep(model);
  head.upstream_id = call.keep(exchange.field(request_id));
  head.length = exchange.content_length();
  return head;
}

/// Hands an answer of which nothing is read on as it comes.
inline ChatReply pass_on(ArenaPtr<net::Exchange> exchange, ReplyHead const& head, Call& call) {
  return ChatReply(head, call.make<PassingSource>(std::move(exchange), call), ReplyPart{});
}

/// An answer in JSON, gathered within `most_bytes`.
template <class Reader>
Task<Result<ChatReply>> read_whole(ArenaPtr<net::Exchange> exchange, ReplyHead const& head, Reader reader,
                                   std::size_t most_bytes, Call& call) {
  auto source = call.make<WholeSource<Reader>>(std::move(exchange), most_bytes, call);
  WholeBody& body = source->body();
  for (bool more = true; more;) {
    Result<std::span<char>> piece;
    if (!body.read_now(piece)) piece = co_await body.read();
    if (!piece) co_return fail(std::move(piece.error()));
    more = body.take(*piece);
  }
  Result<void> read = source->read_along(std::move(reader));
  if (!read) co_return fail(std::move(read.error()));
  ReplyPart const whole = source->part();
  co_return ChatReply(head, std::move(source), whole);
}

/// An answer in events.
template <class Reader>
Task<Result<ChatReply>> read_events(ArenaPtr<net::Exchange> exchange, ReplyHead const& head, Reader reader,
                                    std::size_t most_bytes, Call& call) {
  auto source = call.make<StreamSource<Reader>>(std::move(exchange), std::move(reader), most_bytes, call);
  Result<ReplyPart> first = co_await source->begin();
  if (!first) co_return fail(std::move(first.error()));
  co_return ChatReply(head, std::move(source), *first);
}

inline bool is_json(std::string_view content_type) noexcept {
  return content_type.empty() || content_type.starts_with(json_type);
}

}  // namespace http_wire

}  // namespace lowart
