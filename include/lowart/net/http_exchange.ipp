#pragma once
/// The bodies of HttpExchange.

#include <lowart/net/http_exchange.hpp>
#include <lowart/net/http_writer.hpp>

#include <algorithm>
#include <array>
#include <cstring>

namespace lowart::net {

namespace detail {

/// The fields that HttpTransport writes itself.
inline bool is_transports_own(std::string_view name) noexcept {
  switch (name.size()) {
    case 4:
      return equal_ignoring_case(name, "host");
    case 10:
      return equal_ignoring_case(name, "connection");
    case 14:
      return equal_ignoring_case(name, "content-length");
    case 17:
      return equal_ignoring_case(name, "transfer-encoding");
    default:
      return false;
  }
}

/// Writes the head of a request into a block of `buffers`; `text` is what is to be sent.
inline Result<Buffer> write_request_head(BufferPool& buffers, HttpTarget const& target,
                                         HttpRequest const& request, std::string_view& text) {
  if (request.too_many_fields()) return fail(Errc::invalid_request, "the request has too many header fields");
  if (!request.path().starts_with('/'))
    return fail(Errc::invalid_request, "the request's path does not begin with '/'");
  std::size_t const target_size = target.url.prefix().size() + request.path().size();
  // Fixed parts, Host and Content-Length take less than 128 bytes beside the texts themselves.
  std::size_t size = 128 + request.method().size() + 2 * target_size + target.url.authority().size();
  for (auto const& [name, value] : request.fields()) size += name.size() + value.size() + 4;
  Buffer buffer = buffers.take(size);
  char* const path = buffer.data() + buffer.size() - target_size;
  std::memcpy(path, target.url.prefix().data(), target.url.prefix().size());
  std::memcpy(path + target.url.prefix().size(), request.path().data(), request.path().size());

  HeadWriter writer(buffer.span());
  writer.write_request_line(request.method(), {path, target_size});
  writer.write_field("Host", target.url.authority());
  for (auto const& [name, value] : request.fields()) {
    if (is_transports_own(name))
      return fail(Errc::invalid_request,
                  "the header field '" + std::string(name) + "' is written by the transport");
    writer.write_field(name, value);
  }
  std::size_t const body = request.body_size();
  if (body != 0 || request.method() == "POST" || request.method() == "PUT" || request.method() == "PATCH")
    writer.write_field("Content-Length", body);
  writer.end();
  if (!writer.ok())
    return fail(Errc::invalid_request,
                "the request's method, path or a header field has a forbidden character");
  text = writer.written();
  return Result<Buffer>(std::move(buffer));
}

}  // namespace detail

LOWART_DECL Error HttpExchange::lost(std::string const& reason) {
  return Error(Errc::connection_lost, reason, Origin::upstream).with_sent(sent_).with_retryable(true);
}

LOWART_DECL Error HttpExchange::interrupted() {
  connection_.reset();
  return call_.interruption_error().with_sent(sent_);
}

LOWART_DECL Error HttpExchange::malformed(std::string_view why) {
  connection_.reset();
  return Error(Errc::malformed_reply, "the provider's answer is not HTTP: " + std::string(why),
               Origin::upstream)
      .with_sent(sent_)
      .with_retryable(true);
}

LOWART_DECL Task<Result<void>> HttpExchange::begin(HttpTarget const& target, HttpRequest const& request) {
  Result<void> const sent = co_await send(target, request);
  if (!sent && sent.error().code() != Errc::connection_lost) co_return fail(sent.error());
  if (!sent) reusable_ = false;
  if (status_ != 0) co_return Result<void>();
  // A server that refuses a request answers and closes while we still send: the answer is worth more than
  // EPIPE.
  Result<void> const head = co_await read_head(request.method());
  if (head) co_return Result<void>();
  connection_.reset();
  if (!sent && !answered_ && !call_.interruption()) co_return fail(sent.error());
  co_return fail(head.error());
}

LOWART_DECL Task<Result<void>> HttpExchange::send(HttpTarget const& target, HttpRequest const& request) {
  std::array<std::string_view, 1 + HttpRequest::max_pieces> pieces{};
  Result<Buffer> const head = detail::write_request_head(pool_.loop().buffers(), target, request, pieces[0]);
  if (!head) {
    pool_.give_back(std::move(connection_));
    co_return fail(head.error());
  }
  std::copy(request.pieces().begin(), request.pieces().end(), pieces.begin() + 1);
  Stream& stream = connection_->stream();
  for (;;) {
    IoStep const step = stream.try_write(pieces);
    if (step.bytes() != 0) sent_ = Sent::maybe;
    if (step.done()) co_return Result<void>();
    if (step.failed())
      co_return fail(lost("the connection broke while the request was sent: " + stream.failure().message()));
    if (call_.interruption()) co_return fail(interrupted());
    InterruptHook const hook(call_, &HttpExchange::cancel, &stream);
    Result<bool> const ready = co_await stream.readable_or_writable();
    if (call_.interruption()) co_return fail(interrupted());
    if (!ready)
      co_return fail(lost("the connection broke while the request was sent: " + ready.error().message()));
    if (!*ready) continue;
    make_room_for_head();
    IoStep const early = stream.try_read({buffer_.data(), reinterpret_cast<char*>(head_)});
    if (early.would_block()) continue;  // A TLS ticket.
    if (!early.done()) co_return fail(lost("the provider closed the connection while the request was sent"));
    begin_ = buffer_.data();
    end_ = begin_ + early.bytes();
    reusable_ = false;
    Result<bool> const answer = take_head(request.method());
    if (!answer) co_return fail(answer.error());
    bool const interim_only = !*answer && begin_ == end_;
    if (!interim_only) co_return Result<void>();
    reusable_ = true;
  }
}

LOWART_DECL void HttpExchange::make_room_for_head() {
  static_assert(std::is_trivially_copyable_v<ResponseHead>);
  static constexpr std::size_t table = (sizeof(ResponseHead) + 15) / 16 * 16;
  if (buffer_ && end_ != reinterpret_cast<char*>(head_)) return;
  Buffer larger = pool_.loop().buffers().take(buffer_ ? 2 * buffer_.size() : BufferPool::block);
  void* const place = larger.data() + larger.size() - table;
  auto const filled = static_cast<std::size_t>(end_ - begin_);
  if (buffer_) {
    head_ = ::new (place) ResponseHead(*head_);
    std::memcpy(larger.data(), begin_, filled);
  } else {
    head_ = ::new (place) ResponseHead();
  }
  begin_ = larger.data();
  end_ = begin_ + filled;
  buffer_ = std::move(larger);
}

LOWART_DECL Task<Result<void>> HttpExchange::read_head(std::string_view method) {
  Stream& stream = connection_->stream();
  for (;;) {
    if (begin_ != end_) {
      Result<bool> const complete = take_head(method);
      if (!complete) co_return fail(complete.error());
      if (*complete) co_return Result<void>();
      make_room_for_head();
    } else {
      buffer_.reset();  // Nothing is held while a provider thinks.
      head_ = nullptr;
      begin_ = end_ = nullptr;
    }
    if (call_.interruption()) co_return fail(interrupted());
    {
      InterruptHook const hook(call_, &HttpExchange::cancel, &stream);
      Result<void> const ready = co_await stream.readable();
      if (call_.interruption()) co_return fail(interrupted());
      if (!ready) co_return fail(lost("the connection broke before the answer: " + ready.error().message()));
    }
    if (!buffer_) make_room_for_head();
    std::span<char> const space(end_, reinterpret_cast<char*>(head_));
    IoStep const step = stream.try_read(space);
    if (step.would_block()) continue;
    if (step.end())
      co_return fail(lost(answered_ ? "the provider closed the connection within the head of its answer"
                                    : "the provider closed the connection without an answer"));
    if (step.failed())
      co_return fail(lost("the connection broke before the answer: " + stream.failure().message()));
    end_ += step.bytes();
    drained_ = step.bytes() < space.size();
  }
}

/// Reads what is in the buffer; true when the head of the final answer is complete.
LOWART_DECL Result<bool> HttpExchange::take_head(std::string_view method) {
  answered_ = true;
  sent_ = Sent::yes;
  HeadLimits limits;
  limits.head_bytes = head_bytes_;
  for (;;) {
    HeadResult const result =
        parse_response_head({begin_, static_cast<std::size_t>(end_ - begin_)}, *head_, limits);
    if (result.need_more()) return false;
    if (result.failed()) return fail(malformed(result.message));
    if (head_->status() >= 200) {
      begin_ += result.consumed;
      break;
    }
    // RFC 9110 15.2: any number of interim answers; a few are polite. 101 was not asked for.
    if (head_->status() == 101 || ++interim_answers_ > 8)
      return fail(malformed("it has too many interim answers"));
    auto const rest = static_cast<std::size_t>(end_ - begin_) - result.consumed;
    std::memmove(begin_, begin_ + result.consumed, rest);
    end_ = begin_ + rest;
    if (rest == 0) return false;
  }
  status_ = head_->status();
  content_length_ = head_->content_length();
  body_ = BodyFraming(head_->body(method), content_length_.value_or(0));
  reusable_ = reusable_ && head_->reusable_after(method);
  if (body_.done()) {
    reusable_ = reusable_ && begin_ == end_;
    release();
  }
  return true;
}

LOWART_DECL std::string_view HttpExchange::field(std::string_view name) const noexcept {
  return head_ != nullptr ? head_->fields().get(name) : std::string_view();
}

/// The body is complete.
LOWART_DECL void HttpExchange::release() {
  ended_ = true;
  begin_ = end_;
  if (reusable_ && !body_.surplus()) pool_.give_back(std::move(connection_));
  connection_.reset();
}

LOWART_DECL void HttpExchange::finish() {
  head_ = nullptr;
  if (!connection_) return;
  bool const far = body_.kind() == BodyKind::until_close || body_.left() > BufferPool::block;
  body_.take({begin_, end_});
  begin_ = end_;
  if (body_.done()) return release();
  if (reusable_ && !far && body_.error() == ChunkedError::none)
    pool_.give_back_before_end(std::move(connection_), body_);
  connection_.reset();
}

LOWART_DECL Task<Result<std::span<char>>> HttpExchange::read() {
  static constexpr std::size_t largest_block = 64 * 1024;
  head_ = nullptr;
  for (;;) {
    if (begin_ != end_) {
      std::span<char> const payload = body_.take({begin_, end_});
      begin_ = end_;
      if (body_.done()) release();
      if (!payload.empty()) co_return payload;
    }
    if (ended_) co_return std::span<char>();
    if (body_.error() != ChunkedError::none) co_return fail(malformed(to_string(body_.error())));
    if (!connection_) co_return fail(lost("the answer was broken off"));
    if (call_.interruption()) co_return fail(interrupted());
    Stream& stream = connection_->stream();
    if (drained_) {
      buffer_.reset();
      InterruptHook const hook(call_, &HttpExchange::cancel, &stream);
      Result<void> const ready = co_await stream.readable();
      if (call_.interruption()) co_return fail(interrupted());
      if (!ready) {
        connection_.reset();
        co_return fail(lost("the answer was broken off: " + ready.error().message()));
      }
    }
    if (!buffer_) {
      auto const useful = std::min<std::uint64_t>(body_.left(), largest_block);
      buffer_ = pool_.loop().buffers().take(static_cast<std::size_t>(useful));
    }
    IoStep const step = stream.try_read(buffer_.span());
    drained_ = step.bytes() < buffer_.size();
    if (step.would_block()) continue;
    if (step.done()) {
      begin_ = buffer_.data();
      end_ = begin_ + step.bytes();
      continue;
    }
    if (step.end() && body_.kind() == BodyKind::until_close) {
      reusable_ = false;
      release();
      continue;
    }
    std::string const reason = step.end() ? "the provider closed the connection" : stream.failure().message();
    connection_.reset();
    co_return fail(lost("the answer was broken off: " + reason));
  }
}

}  // namespace lowart::net
