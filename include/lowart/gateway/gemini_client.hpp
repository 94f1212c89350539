#pragma once
/// Clients of Gemini's generateContent and streamGenerateContent.

#include <lowart/dialect/gemini_array.hpp>
#include <lowart/dialect/gemini_error.hpp>
#include <lowart/dialect/gemini_facts.hpp>
#include <lowart/dialect/gemini_path.hpp>
#include <lowart/dialect/gemini_reply_encode.hpp>
#include <lowart/dialect/gemini_request_decode.hpp>
#include <lowart/gateway/client_dialect.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace lowart {

namespace gemini_client {

/// The path says what the body of other dialects does: the model, and whether it streams.
inline Result<WireRequest> facts(Asked const& asked, std::string& scratch) {
  Result<dialect::GeminiPath> path = dialect::parse_gemini_path(asked.path, asked.query);
  if (!path) return fail(std::move(path).error());
  Result<WireRequest> found = dialect::read_gemini_facts(*path, asked.body);
  if (!found) return found;
  scratch = std::move(path->model);
  found->model = scratch;
  if (found->stream) found->decode = &dialect::decode_gemini_stream;
  return found;
}

/// A stream as one JSON array.
class ArrayFraming final : public StreamFraming {
 public:
  std::string_view content_type() const noexcept override { return "application/json; charset=UTF-8"; }
  void frame(std::string_view bytes, bool last, std::string& out) override {
    framer_.feed(bytes, out);
    if (last) framer_.finish(out);
  }

 private:
  dialect::GeminiArrayFramer framer_;
};

}  // namespace gemini_client

inline constexpr ClientDialect gemini_client_dialect{
    .dialect = Dialect::gemini,
    .door = DoorKind::gemini,
    .route = "/v1beta/models",
    .facts = &gemini_client::facts,
    .decode = &dialect::decode_gemini,
    .error = [](Error const& error, std::string_view) { return dialect::to_gemini_error(error); },
    .error_event = [](Error const& error, ReplyProgress const&,
                      std::string& out) { out.append(dialect::gemini_error_event(error)); },
    .writer = &make_reply_writer<dialect::GeminiReplyWriter>,
    .whole = &dialect::encode_gemini_reply,
    .limits = [](LimitSnapshot const&, std::int64_t,
                 net::Responder&) {},  // Google's clients are told of none
    .request_id = "x-request-id",
    .passed_fields = {},
    .array_framing = [](Call& call) -> ArenaPtr<StreamFraming> {
      return call.make<gemini_client::ArrayFraming>();
    },
    .skips_comments = false,
};

}  // namespace lowart
