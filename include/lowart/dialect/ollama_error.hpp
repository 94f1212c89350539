#pragma once
/// Errors as a client of Ollama understands them: status, one text, and the end of a broken stream.

#include <lowart/dialect/error_reply.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_writer.hpp>

#include <string>
#include <string_view>

namespace lowart::dialect {

/// Whether `body` is `{"error":"..."}`, the whole of Ollama's envelope.
inline bool is_ollama_error_envelope(std::string_view body) {
  auto const error = find_member(body, "error");
  return error && error->kind == JsonKind::string;
}

/// The envelope alone. A request that the provider itself refused (upstream_rejected) keeps the provider's envelope,
/// byte for byte, when it is one of Ollama's.
inline std::string ollama_error_body(Error const& error) {
  if (error.code() == Errc::upstream_rejected && is_ollama_error_envelope(error.upstream_body()))
    return error.upstream_body();
  std::string body;
  JsonWriter w(body);
  w.begin_object().text("error", message_of(error)).end_object();
  return body;
}

/// The whole answer for an error before the commit point.
inline ErrorReply to_ollama_error(Error const& error) {
  ErrorReply reply;
  reply.status = http_status(error);
  reply.body = ollama_error_body(error);
  tell_retry_after(error, reply);
  return reply;
}

/// The last line of a stream that failed after its commit point.
inline std::string ollama_error_line(Error const& error) {
  std::string line = ollama_error_body(error);
  std::erase_if(line, [](char c) {
    return c == '\n' || c == '\r';
  });  // between tokens; inside strings they are escaped
  return line.append("\n");
}

}  // namespace lowart::dialect
