#pragma once
/// ClientDialect: how a door speaks with the clients of one dialect.

#include <lowart/core/result.hpp>
#include <lowart/dialect/error_reply.hpp>
#include <lowart/dialect/reply_writer.hpp>
#include <lowart/meter/limiter.hpp>
#include <lowart/model/chat_reply.hpp>
#include <lowart/model/chat_request.hpp>
#include <lowart/model/door_set.hpp>
#include <lowart/net/server_request.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lowart {

/// What a client asked, as far as a dialect looks at it. Views into the request.
struct Asked {
  std::string_view path;
  std::string_view query;
  std::string_view body;
};

/// Another framing of a stream than server-sent events.
class StreamFraming {
 public:
  virtual ~StreamFraming() = default;
  virtual std::string_view content_type() const noexcept = 0;
  /// Appends what `bytes`, server-sent events cut anywhere, are in this framing.
  virtual void frame(std::string_view bytes, bool last, std::string& out) = 0;
};

/// A dialect's grammar as functions, so that one door serves them all. All members are set but where
/// null is allowed.
struct ClientDialect {
  Dialect dialect;
  DoorKind door;
  std::string_view route;  ///< The label in metrics and the log: never the client's own words.
  /// The facts of a request; `scratch` holds what had to be decoded. Where they bind no `decode`, this dialect's is.
  Result<WireRequest> (*facts)(Asked const&, std::string& scratch);
  Result<Conversation> (*decode)(std::string_view body);
  dialect::ErrorReply (*error)(Error const&, std::string_view request_id);
  /// Appends the event that ends a stream which broke off.
  void (*error_event)(Error const&, ReplyProgress const&, std::string& out);
  ArenaPtr<dialect::ReplyWriter> (*writer)(dialect::ReplyContext const&, Call&);
  std::string (*whole)(ChatDelta const& answer, dialect::ReplyContext const&);
  /// Tells a key's limits in the fields that the dialect's SDKs read. `now_us` is UTC.
  void (*limits)(LimitSnapshot const&, std::int64_t now_us, net::Responder&);
  std::string_view request_id;  ///< The field that its SDKs read the request's id from.
  /// Fields of the client that a provider of the same dialect gets as they came.
  std::span<std::string_view const> passed_fields;
  std::string_view stream_type{"text/event-stream; charset=utf-8"};  ///< Of what `writer` writes.
  /// The answer to a request that asks nothing (WireRequest::asks_nothing), at that time; null where no request is so.
  std::string (*at_once)(WireRequest const&, std::int64_t utc_micros){nullptr};
  /// For streams that are wanted as one JSON array (WireRequest::as_array); null where no client asks for that.
  ArenaPtr<StreamFraming> (*array_framing)(Call&){nullptr};
  /// Its clients read server-sent events as the standard has them, comments included; Google's SDKs do not.
  bool skips_comments{true};
  /// Its clients may go on from an answer by its id: see KeptTurn.
  bool goes_on{false};
};

/// For ClientDialect::writer.
template <class Writer>
ArenaPtr<dialect::ReplyWriter> make_reply_writer(dialect::ReplyContext const& context, Call& call) {
  return call.make<Writer>(context);
}

}  // namespace lowart
