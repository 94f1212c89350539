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
    case 4: return equal_ignoring_case(name, "host");
    case 10: return equal_ignoring_case(name, "connection");
    case 14: return equal_ignoring_case(name, "content-length");
    case 17: return equal_ignoring_case(name, "transfer-encoding");
    default: return false;
  }
}

}  // namespace detail

/// Writes the head of the request into a buffer; `pieces` is what is to be sent. No buffer: the request is
/// bad, and the connection none the worse.
LOWART_DECL Buffer HttpExchange::write_head(HttpTarget const& target, HttpRequest const& request,
                                            Pieces& pieces) {
  std::size_t const target_size = target.url.prefix().size() + request.path().size();
  // Fixed parts, Host, Content-Length and the writer's slack take less than 128 bytes beside the texts themselves.
  std::size_t size = 128 + request.method().size() + 2 * target_size + target.url.authority().size();
  for (auto const& [name, value] : request.fields()) size += name.size() + value.size() + 4;
  Buffer buffer = pool_.loop().buffers().take(size);
  char* const path = buffer.data() + buffer.size() - target_size;
  std::memcpy(path, target.url.prefix().data(), target.url.prefix().size());
  if (!request.path().empty())
    std::memcpy(path + target.url.prefix().size(), request.path().data(), request.path().size());

  HeadWriter writer(buffer.span());
  writer.write_request_line(request.method(), {path, target_size});
  writer.write_field("Host", target.url.authority());
  bool refused = request.too_many_fields() || !request.path().starts_with('/');
  for (auto const& [name, value] : request.fields()) {
    refused = refused || detail::is_transports_own(name);
    writer.write_field(name, value);
  }
  BodySource const* const source = request.source();
  std::uint64_t const body = source != nullptr ? source->length().value_or(0) : request.body_size();
  if (source != nullptr && !source->length()) writer.write_field("Transfer-Encoding", "chunked");
  else if (body != 0 || request.method() == "POST" || request.method() == "PUT" ||
           request.method() == "PATCH")
    writer.write_field("Content-Length", body);
  writer.end();
  if (refused || !writer.ok()) {
    pool_.give_back(std::move(connection_));
    fails(Fault::bad_request,
          "the request has a forbidden character in its method, path or fields, too many fields, or one that "
          "the "
          "transport writes itself");
    return {};
  }
  pieces[0] = writer.written();
  std::copy(request.pieces().begin(), request.pieces().end(), pieces.begin() + 1);
  return buffer;
}

/// Notes what went wrong; the connection is of no more use.
LOWART_DECL bool HttpExchange::fails(Fault fault, std::string why) {
  fault_ = fault;
  why_ = std::move(why);
  connection_.reset();
  return false;
}

LOWART_DECL bool HttpExchange::loses(char const* what, bool ask_stream) {
  return fails(Fault::lost, ask_stream ? what + (": " + connection_->stream().failure().message()) : what);
}

LOWART_DECL bool HttpExchange::interrupted() {
  if (!call_.interruption()) return false;
  fails(Fault::interrupted, {});
  return true;
}

LOWART_DECL Error HttpExchange::error() const {
  switch (fault_) {
    case Fault::bad_request: return Error(Errc::invalid_request, why_);
    case Fault::interrupted: return call_.interruption_error().with_sent(sent_);
    case Fault::malformed:
      return Error(Errc::malformed_reply, "the provider's answer is not HTTP: " + why_, Origin::upstream)
          .with_sent(sent_)
          .with_retryable(true);
    default:
      return Error(Errc::connection_lost, why_, Origin::upstream).with_sent(sent_).with_retryable(true);
  }
}

LOWART_DECL HttpExchange::Step HttpExchange::begin(HttpTarget const& target, HttpRequest const& request) {
  method_ = request.method();
  Pieces pieces{};
  Buffer head = write_head(target, request, pieces);
  if (!head) return Step::failed;
  if (request.source() != nullptr) {
    outgoing_ = call_.make<OutgoingBody>();
    outgoing_->left = request.source()->length();
  }
  if (Step const step = send_some(pieces); step != Step::wait)
    return step == Step::done ? sent_so_far() : receive_head();
  unsent_ = call_.make<Unsent>(std::move(head), pieces);
  return interrupted() ? Step::failed : Step::wait;
}

LOWART_DECL Task<bool> HttpExchange::until_ready() {
  return unsent_ ? stream().until_readable_or_writable() : stream().until_readable();
}

LOWART_DECL HttpExchange::Step HttpExchange::go_on(bool ready) {
  if (interrupted()) return Step::failed;
  if (!ready) {
    loses(unsent_ ? "the connection broke while the request was sent"
                  : "the connection broke before the answer",
          true);
    return Step::failed;
  }
  if (unsent_) return send_rest();
  ready_ = true;
  return receive_head();
}

/// Everything that there was to send is on its way.
LOWART_DECL HttpExchange::Step HttpExchange::sent_so_far() {
  bool const all = !outgoing_ || outgoing_->ended || outgoing_->left == 0U;
  if (!all) return Step::more;
  outgoing_.reset();
  unsent_.reset();
  return receive_head();
}

LOWART_DECL HttpExchange::Step HttpExchange::send(std::string_view piece) {
  if (interrupted()) return Step::failed;
  OutgoingBody& body = *outgoing_;
  Pieces pieces{};
  if (!body.left) {
    body.ended = piece.empty();
    pieces[0] = body.ended ? last_chunk : chunk_header(piece.size(), body.chunk_text);
    pieces[1] = piece;
    if (!body.ended) pieces[2] = chunk_end;
  } else if (piece.empty() || piece.size() > *body.left) {
    fails(Fault::bad_request, "the request's body is not as long as it was said to be");
    return Step::failed;
  } else {
    *body.left -= piece.size();
    pieces[0] = piece;
  }
  if (unsent_) unsent_->pieces = pieces;  // one for all pieces: the arena gives nothing back
  else unsent_ = call_.make<Unsent>(Buffer(), pieces);
  return send_rest();
}

/// Failed means: nothing more can be sent, but an answer may be there.
LOWART_DECL HttpExchange::Step HttpExchange::send_some(std::span<std::string_view> pieces) {
  IoStep const step = connection_->stream().try_write(pieces);
  if (step.bytes() != 0) sent_ = Sent::maybe;
  if (step.done()) return Step::done;
  if (step.would_block()) return Step::wait;
  // A server that refuses a request answers and closes while we still send: its answer is worth more than
  // EPIPE.
  reusable_ = false;
  return Step::failed;
}

LOWART_DECL HttpExchange::Step HttpExchange::send_rest() {
  Step early = Step::wait;
  if (!stream().known_quiet()) early = receive_early();
  if (early == Step::failed) return early;
  Step const sent = early == Step::wait ? send_some(unsent_->pieces) : Step::failed;
  if (sent == Step::wait) return interrupted() ? Step::failed : Step::wait;
  if (sent == Step::done) {
    unsent_->head.reset();
    return sent_so_far();
  }
  outgoing_.reset();
  unsent_.reset();
  return status_ != 0 ? Step::done : receive_head();
}

/// Something came before the request was sent. Done: stop sending.
LOWART_DECL HttpExchange::Step HttpExchange::receive_early() {
  make_room_for_head();
  IoStep const step = connection_->stream().try_read({end_, reinterpret_cast<char*>(head_)});
  if (step.would_block()) return Step::wait;  // A TLS ticket.
  if (!step.done()) {
    loses("the provider closed the connection while the request was sent", false);
    return Step::failed;
  }
  end_ += step.bytes();
  reusable_ = false;
  Step const answer = take_head();
  bool const interim_only = answer == Step::wait && begin_ == end_;
  if (!interim_only) return answer == Step::failed ? Step::failed : Step::done;
  reusable_ = true;
  return Step::wait;
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
    head_ = ::new (place) ResponseHead;  // no (): its table need not be zero
  }
  begin_ = larger.data();
  end_ = begin_ + filled;
  buffer_ = std::move(larger);
}

/// Reads what has come, or gives the buffer back: nothing is held while a provider thinks.
LOWART_DECL HttpExchange::Step HttpExchange::receive_head() {
  if (ready_) {
    ready_ = false;
    make_room_for_head();
    Stream& stream = connection_->stream();
    std::span<char> const space(end_, reinterpret_cast<char*>(head_));
    IoStep const step = stream.try_read(space);
    if (step.done()) {
      end_ += step.bytes();
      drained_ = step.bytes() < space.size();
      Step const taken = take_head();
      if (taken != Step::wait) return taken;
    } else if (!step.would_block()) {
      if (step.end())
        loses(answered_ ? "the provider closed the connection within the head of its answer"
                        : "the provider closed the connection without an answer",
              false);
      else loses("the connection broke before the answer", true);
      return Step::failed;
    }
  }
  if (begin_ == end_) {
    buffer_.reset();
    head_ = nullptr;
    begin_ = end_ = nullptr;
  }
  return interrupted() ? Step::failed : Step::wait;
}

/// Reads what is in the buffer; done when the head of the final answer is complete.
LOWART_DECL HttpExchange::Step HttpExchange::take_head() {
  answered_ = true;
  sent_ = Sent::yes;
  HeadLimits limits;
  limits.head_bytes = head_bytes_;
  for (;;) {
    HeadResult const result =
        parse_response_head({begin_, static_cast<std::size_t>(end_ - begin_)}, *head_, limits);
    if (result.need_more()) return Step::wait;
    if (result.failed()) {
      fails(Fault::malformed, std::string(result.message));
      return Step::failed;
    }
    if (head_->status() >= 200) {
      begin_ += result.consumed;
      break;
    }
    // RFC 9110 15.2: any number of interim answers; a few are polite. 101 was not asked for.
    if (head_->status() == 101 || ++interim_answers_ > 8) {
      fails(Fault::malformed, "it has too many interim answers");
      return Step::failed;
    }
    auto const rest = static_cast<std::size_t>(end_ - begin_) - result.consumed;
    std::memmove(begin_, begin_ + result.consumed, rest);
    end_ = begin_ + rest;
    if (rest == 0) return Step::wait;
  }
  status_ = head_->status();
  content_length_ = head_->content_length();
  body_ = BodyFraming(head_->body(method_), content_length_.value_or(0));
  reusable_ = reusable_ && head_->reusable_after(method_);
  if (body_.done()) {
    reusable_ = reusable_ && begin_ == end_;
    release();
  }
  return Step::done;
}

LOWART_DECL std::string_view HttpExchange::field(std::string_view name) const noexcept {
  return head_ != nullptr ? head_->fields().get(name) : std::string_view();
}

/// The body is complete.
LOWART_DECL void HttpExchange::release() {
  ended_ = true;
  begin_ = end_;
  if (reusable_ && !body_.surplus() && !stream().is_behind()) pool_.give_back(std::move(connection_));
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
  head_ = nullptr;
  for (;;) {
    Step const step = receive_body();
    if (step == Step::done) co_return payload_;
    if (step == Step::failed) co_return fail(error());
    Stream& stream = connection_->stream();
    InterruptHook const hook(call_, &HttpExchange::cancel, &stream);
    bool const ready = co_await stream.until_readable();
    if (!interrupted() && !ready) loses("the answer was broken off", true);
    ready_ = true;
  }
}

LOWART_DECL bool HttpExchange::read_now(Result<std::span<char>>& piece) {
  head_ = nullptr;
  Step const step = receive_body();
  if (step == Step::wait) return false;
  if (step == Step::done) piece = payload_;
  else piece = fail(error());
  return true;
}

/// Done: payload_ is the next piece, or empty at the end.
LOWART_DECL HttpExchange::Step HttpExchange::receive_body() {
  static constexpr std::size_t largest_block = 64 * 1024;
  for (;;) {
    if (begin_ != end_) {
      payload_ = body_.take({begin_, end_});
      begin_ = end_;
      if (body_.done()) release();
      if (!payload_.empty()) return Step::done;
    }
    payload_ = {};
    if (ended_) return Step::done;
    if (fault_ != Fault::none || interrupted()) return Step::failed;
    if (body_.error() != ChunkedError::none) {
      fails(Fault::malformed, std::string(to_string(body_.error())));
      return Step::failed;
    }
    if (drained_ && !ready_) {
      buffer_.reset();
      return Step::wait;
    }
    ready_ = false;
    if (!buffer_) {
      auto const useful = std::min<std::uint64_t>(body_.left(), largest_block);
      buffer_ = pool_.loop().buffers().take(static_cast<std::size_t>(useful));
    }
    IoStep const step = connection_->stream().try_read(buffer_.span());
    drained_ = step.bytes() < buffer_.size();
    if (step.would_block()) continue;
    if (step.done()) {
      begin_ = buffer_.data();
      end_ = begin_ + step.bytes();
    } else if (step.end() && body_.kind() == BodyKind::until_close) {
      reusable_ = false;
      release();
    } else if (step.end()) {
      loses("the answer was broken off: the provider closed the connection", false);
    } else {
      loses("the answer was broken off", true);
    }
  }
}

}  // namespace lowart::net
