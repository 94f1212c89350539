#pragma once

#include <lowart/net/http_writer.hpp>
#include <lowart/net/loop.hpp>
#include <lowart/net/server_request.hpp>
#include <lowart/net/stream.hpp>

#include <algorithm>
#include <cstring>
#include <ctime>

namespace lowart::net {

LOWART_DECL Clock& ServerRequest::clock() const noexcept { return connection_.loop.clock(); }
LOWART_DECL asio::any_io_executor ServerRequest::executor() const { return connection_.stream.executor(); }

LOWART_DECL Task<Result<std::string_view>> ServerRequest::body(std::size_t limit) {
  if (head_.body() == BodyKind::none) co_return std::string_view();
  auto const too_large = [limit] {
    return fail(Errc::too_large, "the request body is over the limit of " + std::to_string(limit) + " bytes",
                Origin::client);
  };
  if (head_.content_length() && *head_.content_length() > limit) co_return too_large();
  at_ = At::inside;
  Result<void> const asked = co_await ask_for_body();
  if (!asked) co_return fail(asked.error());
  if (head_.body() == BodyKind::length)
    co_return co_await read_length(static_cast<std::size_t>(*head_.content_length()));
  co_return co_await read_chunked(limit);
}

LOWART_DECL Task<Result<void>> ServerRequest::ask_for_body() {
  if (!head_.expect_continue() || connection_.in_begin != connection_.in_end) co_return Result<void>{};
  connection_.stream.deadline(clock().now() + connection_.limits.write_time);
  co_return co_await connection_.stream.write_all("HTTP/1.1 100 Continue\r\n\r\n");
}

LOWART_DECL Task<Result<std::size_t>> ServerRequest::read_some(std::span<char> space) {
  connection_.stream.deadline(clock().now() + connection_.limits.body_time);
  Result<std::size_t> read = co_await connection_.stream.read_some(space);
  if (read && *read == 0)
    co_return fail(Errc::connection_lost, "the client closed before its request was complete", Origin::client);
  if (!read && connection_.stream.expired())
    co_return fail(Errc::invalid_request, "the request body did not arrive in time", Origin::client);
  co_return read;
}

LOWART_DECL Task<Result<std::string_view>> ServerRequest::read_length(std::size_t size) {
  auto& c = connection_;
  char* begin = c.in.data() + c.in_begin;
  std::size_t have = std::min(c.in_end - c.in_begin, size);
  bool const fits = c.in_begin + size <= c.in.size();
  if (!fits) {
    large_ = c.loop.buffers().take(size);
    std::memcpy(large_.data(), begin, have);
    begin = large_.data();
    c.in_begin = c.in_end = 0;  // a body this long leaves nothing of the next request behind
  }
  while (have < size) {
    Result<std::size_t> const read = co_await read_some({begin + have, size - have});
    if (!read) co_return fail(read.error());
    have += *read;
    if (fits) c.in_end += *read;
  }
  if (fits) c.in_begin += size;
  at_ = At::end;
  co_return std::string_view(begin, size);
}

LOWART_DECL Task<Result<std::string_view>> ServerRequest::read_chunked(std::size_t limit) {
  auto& c = connection_;
  ChunkedDecoder decoder;
  large_ = c.loop.buffers().take();
  std::size_t have = 0;
  // What came with the head goes first, then what is read; each piece shrinks to its payload in place.
  std::size_t fresh = c.in_end - c.in_begin;
  if (fresh > large_.size()) large_ = c.loop.buffers().take(fresh);
  std::memcpy(large_.data(), c.in.data() + c.in_begin, fresh);
  c.in_begin = c.in_end = 0;
  for (;;) {
    if (fresh > 0) {
      ChunkedResult const step = decoder.decode({large_.data() + have, fresh});
      if (step.error != ChunkedError::none)
        co_return fail(Errc::invalid_request, "the request body's chunked framing is broken", Origin::client);
      if (step.done) {
        surplus_ = {large_.data() + have + step.consumed_bytes, fresh - step.consumed_bytes};
        have += step.payload_bytes;
        if (have > limit) break;
        at_ = At::end;
        co_return std::string_view(large_.data(), have);
      }
      have += step.payload_bytes;
      if (have > limit) break;
    }
    if (have == large_.size()) {
      Buffer larger = c.loop.buffers().take(large_.size() * 2);
      std::memcpy(larger.data(), large_.data(), have);
      large_ = std::move(larger);
    }
    std::size_t const space = std::min(large_.size() - have, BufferPool::block);
    Result<std::size_t> const read = co_await read_some({large_.data() + have, space});
    if (!read) co_return fail(read.error());
    fresh = *read;
  }
  co_return fail(Errc::too_large, "the request body is over the limit of " + std::to_string(limit) + " bytes",
                 Origin::client);
}

LOWART_DECL Responder& Responder::field(std::string_view name, std::string_view value) {
  HeadWriter(fields_).write_field(name, value);
  return *this;
}

/// The Date field (RFC 9110 6.6.1), written once a second.
inline std::string_view date_line() {
  thread_local std::time_t written_at = 0;
  thread_local std::array<char, 48> text{};
  thread_local std::size_t size = 0;
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != written_at) {
    std::tm parts{};
    gmtime_r(&now.tv_sec, &parts);
    size = std::strftime(text.data(), text.size(), "date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    written_at = now.tv_sec;
  }
  return {text.data(), size};
}

LOWART_DECL void Responder::write_head(int status, std::string_view content_type, std::optional<std::size_t> length) {
  begun_ = true;
  out_.clear();
  HeadWriter head(out_);
  head.write_status_line(status);
  if (!content_type.empty()) head.write_field("content-type", content_type);
  bool const may_have_body = status >= 200 && status != 204 && status != 304;
  if (length && may_have_body) head.write_field("content-length", *length);
  if (!length) {
    chunked_ = head_.minor_version() == 1;
    if (chunked_) head.write_fixed("transfer-encoding: chunked\r\n");
    else keep_alive_ = false;  // HTTP/1.0: the end of the connection is the end of the body
  }
  out_.append(date_line()).append(fields_);
  if (!keep_alive_) head.write_fixed("connection: close\r\n");
  else if (head_.minor_version() == 0) head.write_fixed("connection: keep-alive\r\n");
  head.end();
}

LOWART_DECL Task<Result<void>> Responder::write_out(std::span<std::string_view> pieces) {
  head_sent_ = true;
  connection_.stream.deadline(connection_.loop.clock().now() + connection_.limits.write_time);
  Result<void> written = co_await connection_.stream.write_all(pieces);
  if (!written) {
    keep_alive_ = false;
    co_return fail(Errc::cancelled, "the client no longer takes the answer", Origin::client);
  }
  co_return written;
}

LOWART_DECL Task<Result<void>> Responder::send(int status, std::string_view content_type, std::string_view body) {
  write_head(status, content_type, body.size());
  std::array<std::string_view, 2> pieces{out_, head_.method() == "HEAD" ? std::string_view() : body};
  complete_ = true;
  alarm_.reset();
  co_return co_await write_out(pieces);
}

LOWART_DECL void Responder::begin(int status, std::string_view content_type) {
  write_head(status, content_type, std::nullopt);
}

LOWART_DECL Task<Result<void>> Responder::write(std::string_view piece, bool last) {
  std::array<char, chunk_header_bytes> size_text;
  std::array<std::string_view, 4> pieces{};
  if (!head_sent_) pieces[0] = out_;
  if (head_.method() == "HEAD") piece = {};
  pieces[2] = piece;
  if (chunked_ && head_.method() != "HEAD") {
    if (!piece.empty()) pieces[1] = chunk_header(piece.size(), size_text);
    if (last) pieces[3] = piece.empty() ? last_chunk : std::string_view("\r\n0\r\n\r\n");
    else if (!piece.empty()) pieces[3] = chunk_end;
  }
  if (last) {
    complete_ = true;
    alarm_.reset();
  }
  co_return co_await write_out(pieces);
}

LOWART_DECL void Responder::cancel_when_client_leaves(Call& call) {
  call_ = &call;
  alarm_.emplace(connection_.loop.clock(), &Responder::look_out, this);
  alarm_->set_in(connection_.limits.look_out);
}

LOWART_DECL void Responder::look_out(void* self) {
  auto& responder = *static_cast<Responder*>(self);
  if (responder.connection_.stream.peer_gone()) responder.call_->cancel();
  else responder.alarm_->set_in(responder.connection_.limits.look_out);
}

}  // namespace lowart::net
