#pragma once
/// KeptTurn: one request at a door that keeps responses: what it goes on from, and what is kept of its answer.

#include <lowart/core/clock.hpp>
#include <lowart/dialect/json_text.hpp>
#include <lowart/dialect/responses_continuation.hpp>
#include <lowart/dialect/responses_event.hpp>
#include <lowart/gateway/response_store.hpp>
#include <lowart/model/chat_request.hpp>
#include <lowart/net/sse.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// A request whose `previous_response_id` is one of the store's is asked anew with all that was said before in front
/// of its input, so that any provider can answer it. Any other id is left to a provider that may know it; such an
/// answer is not kept, because nobody here knows what was said before it.
///
/// The answer is kept as the client gets it, before it gets it: so a client that goes on at once is known. Nothing
/// is gathered on the way: the end of a stream holds the whole response.
class KeptTurn {
 public:
  /// `owner`, the bodies of `asked` and `fresh_id` outlive it.
  KeptTurn(ResponseStore& store, std::string_view owner, std::string_view fresh_id, WireRequest const& asked,
           Clock const& clock)
      : store_(store),
        clock_(clock),
        owner_(owner),
        fresh_id_(fresh_id),
        request_(asked.body),
        keeps_(asked.may_be_kept) {
    if (asked.goes_on_from.empty()) return;
    dialect::decode_string(asked.goes_on_from, previous_id_);
    before_ = store.get(owner, previous_id_, clock.now());
    if (before_) continued_ = dialect::continue_request(request_, before_->items);
    else keeps_ = false;
  }
  KeptTurn(KeptTurn const&) = delete;
  KeptTurn& operator=(KeptTurn const&) = delete;

  /// The body with what was said before in it; empty where the client's own says all, or all that is known here.
  std::string const& continued() const noexcept { return continued_; }
  /// The body as the client sent it.
  std::string_view request() const noexcept { return request_; }
  std::string const& previous_id() const noexcept { return previous_id_; }
  /// Names the answer where the provider does not. Never the client's own id of the request, which may come twice.
  std::string_view fresh_id() const noexcept { return fresh_id_; }

  /// Keeps a whole answer, if it is one that has ended well.
  void keep(std::string_view response) {
    dialect::ResponseHead head;
    if (!keeps_ || head.read(response) != dialect::JsonScan::ok) return;
    bool const finished = head.status == "completed" || head.status == "incomplete";
    if (!finished || head.id.empty()) return;
    std::string_view const before = before_ ? std::string_view(before_->items) : std::string_view();
    StoredResponse kept{std::string(response), dialect::items_after(before, request_, response)};
    store_.put(owner_, head.id, std::move(kept), clock_.now());
  }
  /// The same of a stream, from its last events.
  void keep_end(std::string_view events) {
    if (!keeps_) return;
    net::SseSplitter splitter(net::SseLimits{.event_bytes = events.size() + 1});
    splitter.feed(std::span<char const>(events.data(), events.size()), [this](net::SseEvent const& event) {
      dialect::ResponsesEvent found;
      bool const is_end = found.read(event) == dialect::JsonScan::ok && found.is_end();
      if (is_end && found.response.kind == dialect::JsonKind::object) keep(found.response.value);
      return !is_end;
    });
  }

 private:
  ResponseStore& store_;
  Clock const& clock_;
  std::string_view owner_, fresh_id_, request_;
  std::string previous_id_, continued_;
  std::shared_ptr<StoredResponse const> before_;
  bool keeps_;
};

}  // namespace lowart
