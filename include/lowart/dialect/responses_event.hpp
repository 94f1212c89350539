#pragma once
/// One event of a Responses stream, taken apart by one shallow look.

#include <lowart/dialect/json_scan.hpp>
#include <lowart/net/sse.hpp>

#include <cstdint>
#include <string_view>

namespace lowart::dialect {

/// The members of an event that anybody here asks for; a member that is absent is of kind null. Views into the event.
struct ResponsesEvent {
  std::string_view type;  ///< "response.output_text.delta"
  std::int64_t sequence_number{-1};
  std::int64_t output_index{0};
  std::int64_t sub_index{0};  ///< `content_index` or `summary_index`.
  JsonMember delta, full, item, part, response, error, annotation, logprobs;

  /// Reads the event; the name of the SSE event stands in where the data tells no type.
  JsonScan read(net::SseEvent const& event) {
    JsonScan const scan = scan_object(event.data, [this](JsonMember const& m) { take(m, m.key); });
    if (type.empty()) type = event.event;
    return scan;
  }

  bool has(std::string_view suffix) const noexcept { return type.ends_with(suffix); }
  static bool is_text(JsonMember const& m) noexcept { return m.kind == JsonKind::string; }
  static bool is_object(JsonMember const& m) noexcept { return m.kind == JsonKind::object; }
  /// The event says that the answer failed: `event: error`, `response.failed`, or any with an `error`.
  bool is_failure() const noexcept {
    return type == "error" || type == "response.failed" || error.kind != JsonKind::null;
  }
  bool is_end() const noexcept { return type == "response.completed" || type == "response.incomplete"; }

 private:
  void take(JsonMember const& m, std::string_view name) {
    switch (name.size()) {
      case 4:
        if (name == "type") type = as_string_view(m.value).value_or(std::string_view());
        else if (name == "item") item = m;
        else if (name == "part") part = m;
        else if (name == "text" || name == "code" || name == "diff") full = m;
        break;
      case 5:
        if (name == "delta") delta = m;
        else if (name == "error") error = m;
        else if (name == "input") full = m;
        break;
      case 7:
        if (name == "refusal" || name == "command") full = m;
        break;
      case 8:
        if (name == "response") response = m;
        else if (name == "logprobs") logprobs = m;
        break;
      case 9:
        if (name == "arguments") full = m;
        break;
      case 10:
        if (name == "annotation") annotation = m;
        break;
      case 12:
        if (name == "output_index") output_index = as_int(m.value).value_or(0);
        break;
      case 13:
        if (name == "content_index" || name == "summary_index") sub_index = as_int(m.value).value_or(0);
        break;
      case 15:
        if (name == "sequence_number") sequence_number = as_int(m.value).value_or(-1);
        break;
      default: break;
    }
  }
};

/// What the object of a response says of its end and its cost; views into it.
struct ResponseHead {
  std::string_view id, model, status, incomplete_reason, service_tier;
  std::int64_t created{0};
  JsonMember output, usage, error;

  JsonScan read(std::string_view response) {
    return scan_object(response, [this](JsonMember const& m) {
      auto const text = [&m] { return as_string_view(m.value).value_or(std::string_view()); };
      if (m.key_is("id")) id = text();
      else if (m.key_is("model")) model = text();
      else if (m.key_is("status")) status = text();
      else if (m.key_is("created_at")) created = as_int(m.value.substr(0, m.value.find('.'))).value_or(0);
      else if (m.key_is("output")) output = m;
      else if (m.key_is("usage")) usage = m;
      else if (m.key_is("error")) error = m;
      else if (m.key_is("service_tier")) service_tier = text();
      else if (m.key_is("incomplete_details") && m.kind == JsonKind::object)
        if (auto const reason = find_member(m.value, "reason"))
          incomplete_reason = as_string_view(reason->value).value_or(std::string_view());
    });
  }
  bool failed() const noexcept { return status == "failed" || status == "cancelled"; }
};

}  // namespace lowart::dialect
