#pragma once
/// Replies of Gemini, events and whole ones, read into neutral steps.

#include <lowart/core/result.hpp>
#include <lowart/dialect/gemini_blob.hpp>
#include <lowart/dialect/gemini_citation.hpp>
#include <lowart/dialect/gemini_error_reading.hpp>
#include <lowart/dialect/gemini_finish.hpp>
#include <lowart/dialect/gemini_logprobs.hpp>
#include <lowart/dialect/gemini_partial_args.hpp>
#include <lowart/dialect/gemini_usage.hpp>
#include <lowart/dialect/json_object.hpp>
#include <lowart/dialect/reply_decoder.hpp>
#include <lowart/model/chat_delta.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::dialect {

/// Reads the events of one stream, or one whole reply, in order: calls are numbered across events, and a call whose
/// arguments Vertex streams piecemeal is told as it begins and, with its arguments whole, as it ends.
///
/// Kept: what the neutral language names; parts of Google's own as PartKind::other; unknown members of the candidate
/// and of the top, groundingMetadata and promptFeedback among them, as extra fields. STOP after a call is
/// tool_calls; a blocked prompt is one choice with content_filter. Calls get ids where Gemini gives none:
/// "call_", the last of the reply's own id, and a number.
///
/// Errors: the provider's own, for an `error` member; malformed_reply for what is no JSON object or has a member of the
/// wrong type. Cost: about 1 us for a usual event.
class GeminiReplyEvents {
 public:
  /// For SseReplyDecoder. Never false: no event is terminal.
  Result<bool> decode(net::SseEvent const& event, std::vector<ChatDelta>& out) {
    Result<ChatDelta> delta = read(event.data);
    if (!delta) return tl::unexpected<Error>(std::move(delta).error());
    out.push_back(*std::move(delta));
    return true;
  }

  /// One event's payload, or a whole body.
  Result<ChatDelta> read(std::string_view json) {
    JsonFault fault;
    ChatDelta delta;
    delta.dialect = Dialect::gemini;
    std::string_view usage;
    bool has_error = false;
    JsonScan const scan = scan_object(json, [&](JsonMember const& m) {
      if (m.key == "candidates") {
        if (m.kind == JsonKind::array) read_candidates(m.value, delta, fault);
        else if (m.kind != JsonKind::null) fault.wrong("candidates", "must be a list");
      } else if (m.key == "usageMetadata") {
        if (m.kind == JsonKind::object) usage = m.value;
      } else if (m.key == "modelVersion") {
        text_into(m, delta.model);
      } else if (m.key == "responseId") {
        text_into(m, delta.id);
        if (id_.empty()) id_ = delta.id;
      } else if (m.key == "error") {
        has_error = m.kind != JsonKind::null;
      } else if (m.kind != JsonKind::null) {
        delta.extra.push_back({key_of(m), {std::string(m.value)}});
      }
    });
    if (scan != JsonScan::ok)
      return fail(Errc::malformed_reply, "the provider's reply is not JSON", Origin::upstream);
    if (has_error) return tl::unexpected<Error>(from_gemini_error_event(json));
    if (fault.error())
      return fail(Errc::malformed_reply, "in the provider's reply, " + fault.error()->message(),
                  Origin::upstream);
    name_calls(delta);
    if (RawJson const* const feedback = find_extra(delta.extra, "promptFeedback"))
      read_feedback(*feedback, delta);
    if (Usage const told = read_gemini_usage(usage.empty() ? "{}" : usage, finished_); !told.empty())
      delta.usage = told;
    return delta;
  }

 private:
  /// A call whose arguments are still coming.
  struct OpenCall {
    std::int64_t index;
    GeminiPartialArgs arguments{};
  };
  struct Candidate {
    std::int64_t index{0};
    std::int64_t calls{0};
    bool in_ascii{true};  ///< All text so far.
    std::optional<OpenCall> open{};
  };

  static void text_into(JsonMember const& m, std::string& out) {
    if (m.kind == JsonKind::string) decode_string(m.value, out);
  }
  static std::string key_of(JsonMember const& m) {
    std::string name;
    decode_escapes(m.key, name);
    return name;
  }
  Candidate& candidate_of(std::int64_t index) {
    for (Candidate& candidate : candidates_)
      if (candidate.index == index) return candidate;
    Candidate& fresh = candidates_.emplace_back();
    fresh.index = index;
    return fresh;
  }

  void read_candidates(std::string_view list, ChatDelta& delta, JsonFault& fault) {
    scan_array(list, [&](JsonMember const& m) {
      if (m.kind != JsonKind::object) return fault.wrong("candidates", "must be a list of objects");
      auto const index = find_member(m.value, "index");
      ChoiceDelta& choice = delta.choices.emplace_back();
      if (index) choice.index = as_int(index->value).value_or(0);
      read_candidate(m.value, choice, fault);
    });
  }

  void read_candidate(std::string_view object, ChoiceDelta& choice, JsonFault& fault) {
    Candidate& state = candidate_of(choice.index);
    std::string finish;
    std::string_view grounding, sources;
    scan_object(object, [&](JsonMember const& m) {
      if (m.key == "content") {
        if (m.kind == JsonKind::object) read_content(m.value, state, choice, fault);
      } else if (m.key == "finishReason") {
        finish = gemini_finish::word(m);
      } else if (m.key == "logprobsResult" && m.kind == JsonKind::object) {
        choice.logprobs.text = from_gemini_logprobs(m.value);
      } else if (m.key != "index" && m.kind != JsonKind::null) {
        if (m.key == "groundingMetadata") grounding = m.value;
        if (m.key == "citationMetadata") sources = m.value;
        choice.extra.push_back({key_of(m), {std::string(m.value)}});
      }
    });
    if (!finish.empty()) end_call(state, choice);
    choice.finish = gemini_finish_reason(finish, state.calls > 0);
    bool const says_less =
        choice.finish == FinishReason::other || choice.finish == FinishReason::content_filter;
    if (says_less) choice.finish_text = std::move(finish);
    if (choice.finish != FinishReason::none) finished_ = true;
    if (!grounding.empty()) cite(choice, read_gemini_grounding(grounding, state.in_ascii));
    if (!sources.empty()) cite(choice, read_gemini_citations(sources, state.in_ascii));
  }

  static void cite(ChoiceDelta& choice, std::vector<Citation> citations) {
    if (citations.empty()) return;
    choice.pieces.emplace_back().citations = std::move(citations);
  }

  void read_content(std::string_view content, Candidate& state, ChoiceDelta& choice, JsonFault& fault) {
    scan_object(content, [&](JsonMember const& m) {
      if (m.key == "role") choice.role = Role::assistant;
      else if (m.key == "parts" && m.kind == JsonKind::array)
        scan_array(m.value, [&](JsonMember const& part) {
          if (part.kind == JsonKind::object) read_part(part.value, state, choice);
          else fault.wrong("parts", "must be a list of objects");
        });
    });
  }

  void read_part(std::string_view text, Candidate& state, ChoiceDelta& choice) {
    PieceDelta piece;
    std::optional<JsonMember> words, call, blob;
    bool is_thought = false;
    scan_object(text, [&](JsonMember const& m) {
      if (m.key == "text" && m.kind == JsonKind::string) words = m;
      else if (m.key == "thought") is_thought = m.value == "true";
      else if (m.key == "functionCall" && m.kind == JsonKind::object) call = m;
      else if (m.key == "inlineData" && m.kind == JsonKind::object) blob = m;
      else if (m.key == "thoughtSignature" && m.kind == JsonKind::string)
        piece.signature = {Dialect::gemini, JsonObject::text_of(m)};
    });
    if (call) return read_call(call->value, std::move(piece), state, choice);
    if (words) {
      piece.kind = is_thought ? PartKind::reasoning : PartKind::text;
      decode_string(words->value, piece.text);
      if (!is_thought) state.in_ascii = state.in_ascii && is_ascii(piece.text);
      if (piece.text.empty() && piece.signature.empty()) return;
    } else if (blob && !is_thought && read_blob(blob->value, piece)) {
      piece.begins = true;
    } else {
      piece.kind = PartKind::other;
      piece.begins = true;
      piece.raw.text = text;
      piece.signature = {};
    }
    choice.pieces.push_back(std::move(piece));
  }

  static bool read_blob(std::string_view blob, PieceDelta& piece) {
    std::string type, data;
    scan_object(blob, [&](JsonMember const& m) {
      if (m.key == "mimeType") text_into(m, type);
      else if (m.key == "data") text_into(m, data);
    });
    PartKind const kind = gemini_blob::kind_of(type);
    if (kind != PartKind::image && kind != PartKind::audio) return false;
    piece.kind = kind;
    gemini_blob::set_inline(piece, std::move(type), std::move(data));
    return true;
  }

  void read_call(std::string_view object, PieceDelta piece, Candidate& state, ChoiceDelta& choice) {
    std::optional<JsonMember> arguments, pieces;
    bool goes_on = false;
    scan_object(object, [&](JsonMember const& m) {
      if (m.key == "name") text_into(m, piece.call.name);
      else if (m.key == "id") text_into(m, piece.call.id);
      else if (m.key == "args" && m.kind == JsonKind::object) arguments = m;
      else if (m.key == "partialArgs" && m.kind == JsonKind::array) pieces = m;
      else if (m.key == "willContinue") goes_on = m.value == "true";
    });
    if (!piece.call.name.empty()) {
      end_call(state, choice);
      piece.kind = PartKind::tool_call;
      piece.index = state.calls++;
      if (goes_on || pieces) state.open.emplace(OpenCall{.index = piece.index});
      else piece.call.arguments = arguments ? arguments->value : "{}";
      choice.pieces.push_back(std::move(piece));
    }
    if (pieces && state.open)
      scan_array(pieces->value, [&](JsonMember const& p) { state.open->arguments.add(p.value); });
    if (!goes_on) end_call(state, choice);
  }
  /// The arguments of a call that came piecemeal. Its end may be a part without a name, the next call, or the finish.
  static void end_call(Candidate& state, ChoiceDelta& choice) {
    if (!state.open) return;
    PieceDelta& piece = choice.pieces.emplace_back();
    piece.kind = PartKind::tool_call;
    piece.index = state.open->index;
    piece.call.arguments = state.open->arguments.json();
    state.open.reset();
  }

  /// The reply's own id may stand behind the calls.
  void name_calls(ChatDelta& delta) const {
    constexpr std::size_t most = 20;
    std::string const tail = id_.size() > most ? id_.substr(id_.size() - most) : id_;
    for (ChoiceDelta& choice : delta.choices)
      for (PieceDelta& piece : choice.pieces) {
        if (piece.kind != PartKind::tool_call || piece.call.name.empty() || !piece.call.id.empty()) continue;
        piece.call.id =
            "call_" + tail + "_" + std::to_string(choice.index) + "_" + std::to_string(piece.index);
      }
  }

  void read_feedback(RawJson const& feedback, ChatDelta& delta) {
    auto const reason = find_member(feedback.text, "blockReason");
    if (!reason || reason->kind == JsonKind::null || !delta.choices.empty()) return;
    ChoiceDelta& choice = delta.choices.emplace_back();
    choice.finish = FinishReason::content_filter;
    choice.finish_text = gemini_finish::word(*reason);
    finished_ = true;
  }

  std::vector<Candidate> candidates_;
  std::string id_;
  bool finished_{false};  // a candidate has: the usage is complete then
};

/// One whole reply.
inline Result<ChatDelta> decode_gemini_reply(std::string_view json) { return GeminiReplyEvents().read(json); }

}  // namespace lowart::dialect
