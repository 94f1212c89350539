#pragma once
/// GenerateContentWire: what the Gemini API and Vertex AI have in common: chat, and counts of tokens.

#include <lowart/dialect/count_reply.hpp>
#include <lowart/dialect/gemini_error_reading.hpp>
#include <lowart/dialect/gemini_model_name.hpp>
#include <lowart/dialect/gemini_reader.hpp>
#include <lowart/dialect/gemini_reply_decode.hpp>
#include <lowart/dialect/gemini_request_encode.hpp>
#include <lowart/provider/http_chat.hpp>
#include <lowart/provider/http_count.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// POST {model}:generateContent, :streamGenerateContent?alt=sse and :countTokens. Whoever derives from it adds the
/// credentials. `Options_` has what GeminiOptions has.
template <class Options_>
class GenerateContentWire {
 public:
  using Options = Options_;
  using Reader = dialect::GeminiReader;
  static constexpr std::string_view request_id = "x-request-id";
  static constexpr std::array<std::string_view, 2> refusal_fields{"retry-after", "retry-after-ms"};

  explicit GenerateContentWire(Options options) : options_(std::move(options)) {}
  Options const& options() const noexcept { return options_; }

  static bool speaks(Dialect d) noexcept { return d == Dialect::gemini; }
  static Dialect reply_dialect(Dialect) noexcept { return Dialect::gemini; }
  /// Streams come as server-sent events always; a client that wants an array gets it from the door.
  std::string_view path(ChatRequest const& request, std::string& made) const {
    made = path_of(request.model());
    return made.append(request.stream() ? ":streamGenerateContent?alt=sse" : ":generateContent");
  }
  Result<std::string> encode(Conversation const& c, std::string_view model, Losses& losses) const {
    return dialect::encode_gemini(c, model, losses);
  }

  std::string_view path(CountRequest const& request, std::string& made) const {
    made = path_of(request.model());
    return made.append(":countTokens");
  }
  static std::string model_in_body(std::string_view model) { return dialect::gemini_model_name(model); }
  static Result<std::int64_t> read_count(std::string_view body) {
    return dialect::read_count_reply(body, "totalTokens");
  }

  Reader reader() const { return Reader(); }
  static auto decoder(bool streamed) noexcept {
    return streamed ? &dialect::make_stream_decoder<dialect::GeminiReplyEvents>
                    : &dialect::make_whole_decoder<&dialect::decode_gemini_reply>;
  }
  template <dialect::HeaderLookup F>
  static Error refusal(int status, std::string_view body, F const& header, std::int64_t now) {
    return dialect::from_gemini_error(status, body, header, now);
  }

 protected:
  /// "/models/NAME", or "/tunedModels/NAME" as it is; what a path cannot hold is percent-encoded.
  static std::string path_of(std::string_view model) {
    std::string path = model.starts_with("tunedModels/") ? "/" : "/models/";
    path.append(http_wire::percent_encoded(model, "/@"));
    return path;
  }

 private:
  Options options_;
};

}  // namespace lowart
