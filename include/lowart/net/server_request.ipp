#pragma once
/// The bodies of ServerRequest and Responder.

#include <lowart/net/http_writer.hpp>
#include <lowart/net/loop.hpp>
#include <lowart/net/server_request.hpp>
#include <lowart/net/stream.hpp>

#include <poll.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>

namespace lowart::net {

LOWART_DECL Clock& ServerRequest::clock() const noexcept { return connection_.loop.clock(); }
LOWART_DECL asio::any_io_executor ServerRequest::executor() const { return connection_.stream.executor(); }

LOWART_DECL std::optional<Result<std::string_view>> ServerRequest::body_now(std::size_t limit) {
  if (head_.body() == BodyKind::none) return std::string_view();
  if (at_ == At::end && body_.size() <= limit) return body_;
  if (at_ == At::inside)
    return fail(Errc::invalid_request, "the request body could not be read", Origin::client);
  bool const has_length = head_.body() == BodyKind::length;
  if (at_ == At::end || (has_length && *head_.content_length() > limit)) return too_large(limit);
  auto& c = connection_;
  bool const came_with_its_head = has_length && c.in_end - c.in_begin >= *head_.content_length();
  if (!came_with_its_head) return std::nullopt;
  body_ = {c.in.data() + c.in_begin, static_cast<std::size_t>(*head_.content_length())};
  c.in_begin += body_.size();
  at_ = At::end;
  return body_;
}

LOWART_DECL Task<Result<std::string_view>> ServerRequest::body(std::size_t limit) {
  if (auto here = body_now(limit)) co_return *std::move(here);
  bool const has_length = head_.body() == BodyKind::length;
  at_ = At::inside;
  began_at_ = clock().coarse_now();
  Result<void> const asked = co_await ask_for_body();
  if (!asked) co_return fail(asked.error());
  Result<std::string_view> read;
  if (has_length) read = co_await read_length(static_cast<std::size_t>(*head_.content_length()));
  else read = co_await read_chunked(limit);
  if (!read) co_return read;
  at_ = At::end;
  body_ = *read;
  co_return body_;
}

LOWART_DECL tl::unexpected<Error> ServerRequest::too_large(std::size_t limit) {
  return fail(Errc::too_large, "the request body is over the limit of " + std::to_string(limit) + " bytes",
              Origin::client);
}

LOWART_DECL Task<Result<void>> ServerRequest::ask_for_body() {
  if (!head_.expect_continue() || connection_.in_begin != connection_.in_end) co_return Result<void>{};
  connection_.stream.deadline(clock().coarse_now() + connection_.limits.write_time);
  Result<void> const asked = co_await connection_.stream.write_all("HTTP/1.1 100 Continue\r\n\r\n");
  co_return asked;
}

LOWART_DECL Result<std::size_t> ServerRequest::took(IoStep step) {
  received_ += step.bytes();
  if (step.done() || step.would_block()) return step.bytes();
  if (step.end())
    return fail(Errc::invalid_request, "the client closed before its request was complete", Origin::client);
  return fail(client_is_gone());
}

/// Nobody upstream is to blame for it, though a call may be under way.
LOWART_DECL Error ServerRequest::client_is_gone() const {
  return Error(Errc::invalid_request,
               "the client's connection broke before its request was complete: " +
                   connection_.stream.failure().message(),
               Origin::client);
}

LOWART_DECL Task<Result<void>> ServerRequest::wait_for_more() {
  auto const& limits = connection_.limits;
  connection_.stream.deadline(
      until_more(clock().coarse_now(), began_at_, received_, limits.body_rate, limits.body_time));
  bool const ready = co_await connection_.stream.until_readable();
  if (ready) co_return Result<void>{};
  if (connection_.stream.expired())
    co_return fail(Errc::invalid_request, "the request body did not arrive in time", Origin::client);
  co_return fail(client_is_gone());
}

LOWART_DECL Task<Result<std::string_view>> ServerRequest::read_length(std::size_t size) {
  auto& c = connection_;
  char* begin = c.in.data() + c.in_begin;
  std::size_t have = std::min(c.in_end - c.in_begin, size);
  bool const fits = c.in_begin + size <= c.in.size();
  if (!fits) {
    large_ = c.loop.buffers().take(size + 1);
    std::memcpy(large_.data(), begin, have);
    begin = large_.data();
    c.in_begin = c.in_end = 0;  // a body this long leaves nothing of the next request behind
  }
  // Room for more than is to come: a read that does not fill it shows that nothing was left.
  char* const room_end = fits ? c.in.data() + c.in.size() : begin + size + 1;
  while (have < size) {
    IoStep const step = c.stream.try_read({begin + have, room_end});
    Result<std::size_t> const read = took(step);
    if (!read) co_return fail(read.error());
    have += *read;
    if (fits) c.in_end += *read;
    if (!step.would_block()) continue;
    Result<void> const waited = co_await wait_for_more();
    if (!waited) co_return fail(waited.error());
  }
  if (fits) c.in_begin += size;
  else
    surplus_ = {begin + size, have - size};  // the next request, of a client that does not wait for answers
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
    IoStep const step = c.stream.try_read({large_.data() + have, space});
    Result<std::size_t> const read = took(step);
    if (!read) co_return fail(read.error());
    fresh = *read;
    if (!step.would_block()) continue;
    Result<void> const waited = co_await wait_for_more();
    if (!waited) co_return fail(waited.error());
  }
  co_return too_large(limit);
}

LOWART_DECL Task<Result<std::string_view>> ServerRequest::next_piece(std::size_t limit, Call* call) {
  bool const is_held = at_ == At::end && passed_ == 0;
  if (is_held) passed_ = body_.size();
  if (is_held) co_return body_;
  if (consumed()) co_return std::string_view();
  auto& c = connection_;
  if (at_ == At::begin) {
    if (head_.content_length() && *head_.content_length() > limit) co_return too_large(limit);
    began_at_ = clock().coarse_now();
    Result<void> const asked = co_await ask_for_body();
    if (!asked) co_return fail(asked.error());
    at_ = At::inside;
  }
  for (;;) {
    Result<std::span<char>> fresh;
    if (!read_piece_now(fresh)) {
      std::optional<InterruptHook> hook;
      if (call != nullptr)
        hook.emplace(*call, [](void* stream) { static_cast<Stream*>(stream)->cancel(); }, &c.stream);
      Result<void> const waited = co_await wait_for_more();
      if (call != nullptr && call->interruption()) co_return fail(call->interruption_error());
      if (!waited) co_return fail(waited.error());
      continue;
    }
    if (!fresh) co_return fail(fresh.error());
    Result<std::string_view> piece = take_piece(*fresh, limit);
    if (!piece || !piece->empty() || at_ == At::end) co_return piece;
  }
}

/// What came with the head, then what can be read now. False: nothing can.
LOWART_DECL bool ServerRequest::read_piece_now(Result<std::span<char>>& fresh) {
  static constexpr std::size_t piece_bytes = 4 * BufferPool::block;
  auto& c = connection_;
  // What is behind the last chunk is the next request's, and has to fit where its head is read.
  std::size_t const left =
      head_.content_length() ? *head_.content_length() - passed_ : std::size_t{BufferPool::block};
  if (c.in_begin != c.in_end) {
    std::size_t const here =
        head_.content_length() ? std::min(c.in_end - c.in_begin, left) : c.in_end - c.in_begin;
    fresh = std::span<char>(c.in.data() + c.in_begin, here);
    c.in_begin += here;
    return true;
  }
  c.in_begin = c.in_end = 0;
  if (!large_) large_ = c.loop.buffers().take(std::min(left, piece_bytes));
  IoStep const step = c.stream.try_read({large_.data(), std::min(large_.size(), left)});
  Result<std::size_t> const read = took(step);
  if (step.would_block()) return false;
  if (read) fresh = std::span<char>(large_.data(), *read);
  else fresh = fail(read.error());
  return true;
}

/// The payload of what was read.
LOWART_DECL Result<std::string_view> ServerRequest::take_piece(std::span<char> fresh, std::size_t limit) {
  std::size_t payload = fresh.size();
  if (head_.body() == BodyKind::chunked) {
    ChunkedResult const step = chunks_.decode(fresh);
    if (step.error != ChunkedError::none)
      return fail(Errc::invalid_request, "the request body's chunked framing is broken", Origin::client);
    payload = step.payload_bytes;
    if (step.done) {
      at_ = At::end;
      surplus_ = fresh.subspan(step.consumed_bytes);
    }
  }
  passed_ += payload;
  if (passed_ > limit) return too_large(limit);
  if (passed_ == head_.content_length()) at_ = At::end;
  return std::string_view(fresh.data(), payload);
}

LOWART_DECL Responder& Responder::number(std::string_view name, std::int64_t value, std::string_view unit) {
  constexpr std::size_t digits = 20;
  constexpr std::size_t punctuation = 4;  // ": " and the line's end
  std::span<char> const line = fields_.room(name.size() + digits + unit.size() + punctuation);
  char* at = std::copy(name.begin(), name.end(), line.data());
  *at++ = ':';
  *at++ = ' ';
  at = std::to_chars(at, at + digits, value).ptr;
  at = std::copy(unit.begin(), unit.end(), at);
  *at++ = '\r';
  *at++ = '\n';
  fields_.wrote(static_cast<std::size_t>(at - line.data()));
  return *this;
}

LOWART_DECL Responder& Responder::field(std::string_view name, std::string_view value) {
  constexpr std::size_t punctuation = 4;
  HeadWriter line(fields_.room(name.size() + value.size() + punctuation + copy_slack));
  line.write_field(name, value);
  fields_.wrote(line.written().size());
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

LOWART_DECL void Responder::write_head(int status, std::string_view content_type,
                                       std::optional<std::uint64_t> length) {
  bool const no_content = status == 204 || status == 304;
  bodiless_ = no_content || head_.method() == "HEAD";
  chunked_ = !length && !no_content && head_.minor_version() == 1;
  // HTTP/1.0 has no chunks: there the end of the connection is the end of the body.
  if (!length && !chunked_ && !no_content) keep_alive_ = false;
  if (request_ != nullptr && !request_->consumed() && !request_->worth_reading()) keep_alive_ = false;
  if (connection_.draining) keep_alive_ = false;

  constexpr std::size_t fixed_lines = 256;  // the longest status line, length, coding, date and connection
  std::size_t const room = fixed_lines + content_type.size() + fields_.size();
  auto* const text = static_cast<char*>(arena_.take(room, 1));
  HeadWriter head(std::span<char>(text, room));
  head.write_status_line(status);
  if (!content_type.empty()) head.write_field("content-type", content_type);
  if (length && !no_content) head.write_field("content-length", *length);
  if (chunked_) head.write_fixed("transfer-encoding: chunked\r\n");
  if (!keep_alive_) head.write_fixed("connection: close\r\n");
  else if (head_.minor_version() == 0) head.write_fixed("connection: keep-alive\r\n");
  char* end = text + head.written().size();
  for (std::string_view const lines : {date_line(), fields_.text(), std::string_view("\r\n")})
    end = std::copy(lines.begin(), lines.end(), end);
  head_text_ = {text, static_cast<std::size_t>(end - text)};
}

/// Mostly the socket takes all at once, without another coroutine.
LOWART_DECL bool Responder::try_out(bool last) {
  head_sent_ = true;
  bool const done = connection_.stream.try_write(pieces_).done();
  if (done && last) finish();
  return done;
}

LOWART_DECL Task<bool> Responder::offer_rest() {
  auto const& limits = connection_.limits;
  auto& stream = connection_.stream;
  Clock& clock = connection_.loop.clock();
  TimePoint const began = clock.coarse_now();
  std::size_t taken = 0;
  for (;;) {
    IoStep const step = stream.try_write(pieces_);
    if (!step.would_block()) co_return step.done();
    taken += step.bytes();
    stream.deadline(until_more(clock.coarse_now(), began, taken, limits.body_rate, limits.write_time));
    Result<void> const ready = co_await stream.writable();
    if (!ready) co_return false;
  }
}

LOWART_DECL Task<Result<void>> Responder::write_rest(bool last) {
  bool const taken = co_await offer_rest();
  if (!taken) {
    keep_alive_ = false;
    co_return fail(Errc::cancelled, "the client no longer takes the answer", Origin::client);
  }
  if (last) finish();
  co_return Result<void>{};
}

LOWART_DECL void Responder::finish() noexcept {
  complete_ = true;
  look_out_no_more();
}

LOWART_DECL bool Responder::send_now(int status, std::string_view content_type, std::string_view body) {
  write_head(status, content_type, body.size());
  pieces_ = {head_text_, bodiless_ ? std::string_view() : body};
  return try_out(true);
}

LOWART_DECL Task<Result<void>> Responder::send_rest() { return write_rest(true); }

LOWART_DECL Task<Result<void>> Responder::send(int status, std::string_view content_type,
                                               std::string_view body) {
  if (head_sent_) co_return fail(Errc::internal, "the request has an answer already");
  if (send_now(status, content_type, body)) co_return Result<void>{};
  Result<void> const sent = co_await send_rest();
  co_return sent;
}

LOWART_DECL void Responder::begin(int status, std::string_view content_type,
                                  std::optional<std::uint64_t> length) {
  if (!head_sent_) write_head(status, content_type, length);
}

LOWART_DECL bool Responder::write_now(std::string_view piece, bool last) {
  pieces_ = {};
  if (!head_sent_) pieces_[0] = head_text_;
  if (!bodiless_) pieces_[2] = piece;
  if (chunked_ && !bodiless_) {
    if (!piece.empty()) pieces_[1] = chunk_header(piece.size(), chunk_text_);
    if (last) pieces_[3] = piece.empty() ? last_chunk : std::string_view("\r\n0\r\n\r\n");
    else if (!piece.empty()) pieces_[3] = chunk_end;
  }
  return try_out(last);
}

LOWART_DECL Task<Result<void>> Responder::write(std::string_view piece, bool last) {
  if (complete_ || head_text_.empty())
    co_return fail(Errc::internal,
                   complete_ ? "the answer is complete already" : "the answer has no head yet");
  if (write_now(piece, last)) co_return Result<void>{};
  Result<void> const written = co_await write_rest(last);
  co_return written;
}

LOWART_DECL void Responder::cancel_when_client_leaves(Call& call) {
  connection_.call = &call;
  alarm_.emplace(connection_.loop.clock(), &Responder::look_out, this);
  alarm_->set_in(connection_.limits.look_out);
}

/// Sees a client that closed even behind requests that nobody has read yet.
inline bool has_left(Stream& client) {
  if (!client.is_open()) return true;
  pollfd look{client.native_handle(), POLLRDHUP, 0};
  constexpr short gone = POLLRDHUP | POLLHUP | POLLERR | POLLNVAL;
  if (::poll(&look, 1, 0) > 0 && (look.revents & gone) != 0) return true;
  return client.is_tls() && client.peer_gone();
}

LOWART_DECL void Responder::look_out(void* self) {
  auto& responder = *static_cast<Responder*>(self);
  if (!responder.client_is_gone_ && !has_left(responder.connection_.stream)) {
    responder.alarm_->set_in(responder.connection_.limits.look_out);
    return;
  }
  responder.keep_alive_ = false;  // nor is what it sent behind this request served
  bool const goes_on = !responder.client_is_gone_ && responder.goes_on_without_client();
  if (!goes_on) responder.connection_.call->cancel();
}

LOWART_DECL bool Responder::goes_on_without_client() noexcept {
  bool const noticed = std::exchange(client_is_gone_, true);
  auto const absent = connection_.limits.absent;
  if (absent <= std::chrono::milliseconds::zero() || !alarm_) return false;
  if (!noticed) alarm_->set_in(absent);
  return true;
}

}  // namespace lowart::net
