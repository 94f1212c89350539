#pragma once
/// note_request(): hands a finished request to the request log.

#include <lowart/gateway/access_log.hpp>
#include <lowart/gateway/keep_content.hpp>
#include <lowart/gateway/visit.hpp>
#include <lowart/store/request_queue.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Copies a whole reply as it passes: nobody reads along with those whose usage is told.
class AnswerCopy final : public ReplyWatcher {
 public:
  AnswerCopy(std::string& whole, bool streamed) noexcept : whole_(whole), streamed_(streamed) {}
  void part(ReplyPart const& part, ReplyProgress const&) noexcept override {
    if (!streamed_ && whole_.size() + part.bytes.size() <= longest_kept_body) whole_.append(part.bytes);
  }
  void end(ReplyEnd const&, ReplyProgress const&) noexcept override {}

 private:
  std::string& whole_;
  bool streamed_;
};

/// Copies what a model has written, before its reply goes.
inline void note_answered(Visit& visit, std::string_view text) {
  visit.answered_is_json = text.empty();
  if (text.empty()) return;
  visit.answered = text.substr(0, longest_kept_body);
}

/// What is said, for the log's thread to decode and redact.
inline void add_content(RequestEntry& entry, Visit& visit, KeepContent const& keep) {
  if (visit.said.empty()) return;
  if (visit.said.size() > longest_kept_body) {
    entry.content.answered = "[not kept: the request has " + std::to_string(visit.said.size()) + " bytes]";
    return;
  }
  entry.held = visit.said.size() + visit.answered.size();
  entry.make_content = [&keep, decode = visit.client.decode, said = std::string(visit.said),
                        answered = std::move(visit.answered), is_json = visit.answered_is_json] {
    std::string text;
    if (is_json) append_reply_text(answered, text);
    return keep(decode(said), is_json ? text : answered);
  };
}

/// `seen` is what the access log says of it. Never waits: see RequestQueue.
inline void note_request(Visit& visit, AccessEntry const& seen, LoopState& loop) {
  RequestEntry entry;
  entry.at = seen.at_utc_us;
  entry.id = seen.request_id;
  entry.key = visit.caller.key;
  entry.user = visit.caller.user;
  entry.team = visit.caller.team;
  entry.client = visit.caller.address;
  entry.method = seen.method;
  entry.route = seen.path;
  entry.model = seen.model;
  entry.provider = seen.provider;
  entry.outcome = seen.outcome;
  entry.error = seen.error;
  entry.detail = seen.detail;
  entry.conversation = seen.conversation;
  entry.cache = seen.cache;
  entry.status = seen.status;
  entry.attempts = seen.attempts;
  entry.duration = seen.duration_us;
  entry.first_token = seen.first_token_us;
  entry.input_tokens = std::max<std::int64_t>(0, visit.spent.usage.input_total());
  entry.output_tokens = std::max<std::int64_t>(0, visit.spent.usage.output_total());
  entry.cost = visit.spent.cost;
  if (loop.content != nullptr) add_content(entry, visit, *loop.content);
  loop.requests->offer(std::move(entry));
}

}  // namespace lowart
