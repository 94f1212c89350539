#pragma once
/// Replies of the Responses dialect, streamed and whole, read into neutral steps.

#include <lowart/core/result.hpp>
#include <lowart/dialect/json_check.hpp>
#include <lowart/dialect/reply_decoder.hpp>
#include <lowart/dialect/responses_error_reading.hpp>
#include <lowart/dialect/responses_event.hpp>
#include <lowart/dialect/responses_pieces.hpp>
#include <lowart/dialect/responses_usage.hpp>
#include <lowart/model/chat_delta.hpp>
#include <lowart/net/sse.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

namespace responses_reply {

/// What the object of a response says as a whole: its name, its end, its usage, and items not said before.
inline Result<void> decode_end(ResponseHead const& response, Pieces& pieces, ChatDelta& out) {
  if (response.failed()) return tl::unexpected<Error>(read_failed_response(response));
  ChoiceDelta& choice = out.choices.front();
  pieces.into(choice);
  std::size_t place = 0;
  if (response.output.kind == JsonKind::array)
    scan_array(response.output.value, [&](JsonMember const& item) {
      if (item.kind == JsonKind::object) pieces.settle_final(place, item.value);
      ++place;
    });
  if (response.usage.kind == JsonKind::object)
    if (Usage const usage = read_responses_usage(response.usage.value); !usage.empty()) out.usage = usage;
  if (out.usage && response.output.kind == JsonKind::array)
    if (auto const searches = count_searches(response.output.value); searches > 0)
      out.usage->set(UsageClass::searches, searches);
  choice.finish = pieces.any_call() ? FinishReason::tool_calls : FinishReason::stop;
  if (response.status != "incomplete") return {};
  choice.finish = FinishReason::other;
  if (response.incomplete_reason == "max_output_tokens") choice.finish = FinishReason::length;
  else if (response.incomplete_reason == "content_filter") choice.finish = FinishReason::content_filter;
  else choice.finish_text = response.incomplete_reason;
  return {};
}

inline void name(ResponseHead const& response, ChatDelta& out) {
  out.id = response.id;
  out.model = response.model;
  out.created = response.created;
}

inline ChatDelta empty_step() {
  ChatDelta step;
  step.dialect = Dialect::openai_responses;
  step.choices.emplace_back();
  return step;
}

}  // namespace responses_reply

/// Reads a whole response. Items of messages, reasoning and calls become pieces in their order; any other item is a
/// piece of PartKind::other. Not kept: the members that repeat the request, ids and states of items.
///
/// Errors: the provider's own for a response that failed; malformed_reply for what is none, or is not finished.
inline Result<ChatDelta> decode_responses_reply(std::string_view json) {
  ResponseHead response;
  if (response.read(json) != JsonScan::ok || first_json_error(json))
    return fail(Errc::malformed_reply, "the provider's reply is not JSON", Origin::upstream);
  if (response.output.kind != JsonKind::array && response.error.kind != JsonKind::null)
    return tl::unexpected<Error>(read_failed_response(response));
  bool const finished = response.status != "queued" && response.status != "in_progress";
  if (response.output.kind != JsonKind::array || !finished)
    return fail(Errc::malformed_reply, "the provider's reply is not a finished response", Origin::upstream);
  ChatDelta whole = responses_reply::empty_step();
  responses_reply::name(response, whole);
  whole.choices.front().role = Role::assistant;
  responses_reply::Pieces pieces;
  if (auto const end = responses_reply::decode_end(response, pieces, whole); !end)
    return tl::unexpected<Error>(end.error());
  return whole;
}

/// One event of a stream, for SseReplyDecoder. Events of kinds that we do not know are skipped.
class ResponsesReplyEvents {
 public:
  Result<bool> decode(net::SseEvent const& event, std::vector<ChatDelta>& out) {
    if (event.data == "[DONE]") return true;
    ResponsesEvent found;
    // Of all but texts something may be carried as it came, and must be whole.
    bool const read = found.read(event) == JsonScan::ok;
    bool const carries = found.delta.kind != JsonKind::string || found.logprobs.value.size() > 2;
    if (!read || (carries && first_json_error(event.data)))
      return fail(Errc::malformed_reply, "an event of the provider's stream is not JSON", Origin::upstream);
    if (found.is_failure()) return tl::unexpected<Error>(read_responses_failure(found, event.data));
    ChatDelta step = responses_reply::empty_step();
    ResponseHead response;
    bool const has_response = ResponsesEvent::is_object(found.response);
    if (has_response) response.read(found.response.value);
    if (has_response && !std::exchange(named_, true)) {
      responses_reply::name(response, step);
      step.choices.front().role = Role::assistant;
    }
    bool const end = found.is_end() && has_response;
    if (end) {
      if (auto const ended = responses_reply::decode_end(response, pieces_, step); !ended)
        return tl::unexpected<Error>(ended.error());
    } else {
      pieces_.into(step.choices.front());
      decode_content(found);
    }
    ChoiceDelta const& choice = step.choices.front();
    if (end || choice.role || !choice.pieces.empty()) out.push_back(std::move(step));
    return !end;
  }

 private:
  void decode_content(ResponsesEvent const& e) {
    std::string_view type = e.type;
    if (!type.starts_with("response.")) return;
    type.remove_prefix(9);
    if (type.ends_with(".delta")) return decode_delta(e, type.substr(0, type.size() - 6));
    if (type.ends_with(".done")) return decode_done(e, type.substr(0, type.size() - 5));
    if (type == "output_item.added") {
      if (ResponsesEvent::is_object(e.item)) pieces_.begin(e.output_index, e.item.value);
    } else if (type == "output_text.annotation.added") {
      pieces_.cite(e.output_index, e.sub_index, e.annotation);
    }
  }
  void decode_delta(ResponsesEvent const& e, std::string_view of) {
    if (of == "output_text") {
      pieces_.say(e.output_index, e.sub_index, PartKind::text, e.delta);
      pieces_.logprobs(e.logprobs);
    } else if (of == "function_call_arguments" || of == "custom_tool_call_input") {
      pieces_.argue(e.output_index, e.delta, of.front() == 'c');
    } else if (of == "reasoning_summary_text" || of == "reasoning_text") {
      if (pieces_.takes_reasoning(e.output_index, of.size() > 14))
        pieces_.say(e.output_index, e.sub_index, PartKind::reasoning, e.delta);
    } else if (of == "refusal") {
      pieces_.say(e.output_index, e.sub_index, PartKind::refusal, e.delta);
    }
  }
  void decode_done(ResponsesEvent const& e, std::string_view of) {
    if (of == "output_item") {
      if (ResponsesEvent::is_object(e.item)) pieces_.settle(e.output_index, e.item.value);
    } else if (of == "content_part") {
      if (ResponsesEvent::is_object(e.part)) pieces_.settle_part(e.output_index, e.sub_index, e.part.value);
    } else if (of == "output_text") {
      pieces_.settle_text(e.output_index, e.sub_index, PartKind::text, e.full);
    } else if (of == "refusal") {
      pieces_.settle_text(e.output_index, e.sub_index, PartKind::refusal, e.full);
    }
  }

  responses_reply::Pieces pieces_;
  bool named_{false};
};

using ResponsesStreamDecoder = SseReplyDecoder<ResponsesReplyEvents>;
using ResponsesWholeDecoder = WholeReplyDecoder<&decode_responses_reply>;

}  // namespace lowart::dialect
