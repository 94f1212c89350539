#pragma once
/// The bodies of HttpPool.

#include <lowart/net/http_pool.hpp>

namespace lowart::net {

LOWART_DECL HttpPool::Look HttpPool::look(Connection& connection) {
  Stream& stream = connection.stream_;
  // Closed, or talking when nobody asked: either way not one to trust a request to.
  if (connection.unread_.done())
    return stream.surely_quiet() || stream.peer_state() == PeerState::quiet ? Look::good : Look::bad;
  Buffer const buffer = loop_.buffers().take();
  IoStep const step = stream.try_read(buffer.span());
  if (step.done()) {
    connection.unread_.take(buffer.span().first(step.bytes()));
    // Only less than could be read shows that nothing follows.
    bool const all =
        step.bytes() < buffer.size() && connection.unread_.done() && !connection.unread_.surplus();
    return all ? Look::good : Look::bad;
  }
  static constexpr std::chrono::seconds patience{1};
  bool const soon = loop_.clock().coarse_now() - connection.idle_since_ < patience;
  return step.would_block() && soon ? Look::not_yet : Look::bad;
}

LOWART_DECL HttpPool::Loan HttpPool::take() {
  TimePoint const stale = loop_.clock().coarse_now() - idle_limit_;
  for (std::size_t i = idle_.size(); i-- > 0;) {
    auto const place = idle_.begin() + static_cast<std::ptrdiff_t>(i);
    if ((*place)->idle_since_ <= stale) {
      idle_.erase(idle_.begin(), place + 1);  // All before it have been idle for longer.
      break;
    }
    Look const seen = look(**place);
    if (seen == Look::not_yet) continue;
    Loan connection = std::move(*place);
    idle_.erase(place);
    if (seen == Look::bad) continue;
    ++stats_.reuses;
    return connection;
  }
  return nullptr;
}

LOWART_DECL void HttpPool::tidy() {
  TimePoint const stale = loop_.clock().coarse_now() - idle_limit_;
  std::erase_if(idle_,
                [&](Loan const& loan) { return loan->idle_since_ <= stale || look(*loan) == Look::bad; });
}

LOWART_DECL Task<HttpPool::Loan> HttpPool::dial(HttpTarget const& target, Call& call,
                                                std::optional<Error>& error) {
  Result<Stream> stream = co_await connect(target.url, target.tls ? &*target.tls : nullptr, session_, call);
  if (!stream) {
    error.emplace(std::move(stream.error()));
    co_return nullptr;
  }
  ++stats_.connects;
  co_return std::make_unique<Connection>(*this, std::move(*stream));
}

LOWART_DECL void HttpPool::give_back(Loan connection) {
  give_back_before_end(std::move(connection), BodyFraming());
}

LOWART_DECL void HttpPool::give_back_before_end(Loan connection, BodyFraming const& rest) {
  if (down_ || max_idle_ == 0) return;
  TimePoint const now = loop_.clock().coarse_now();
  connection->idle_since_ = now;
  connection->unread_ = rest;
  bool const full = idle_.size() == max_idle_;
  bool const oldest_is_stale = !idle_.empty() && idle_.front()->idle_since_ <= now - idle_limit_;
  if (full || oldest_is_stale) idle_.erase(idle_.begin());
  idle_.push_back(std::move(connection));
}

}  // namespace lowart::net
