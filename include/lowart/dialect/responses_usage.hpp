#pragma once
/// The `usage` object of the Responses dialect, both ways: input includes what was cached, output what was reasoned.

#include <lowart/core/usage.hpp>
#include <lowart/dialect/json_scan.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/openai_usage.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace lowart::dialect {

/// Reads a usage object into disjoint counters; see read_openai_usage.
inline Usage read_responses_usage(std::string_view object) {
  constexpr openai_usage::Names names{"input_tokens", "output_tokens", "input_tokens_details",
                                      "output_tokens_details"};
  openai_usage::Figures figures;
  figures.read(object, names);
  return openai_usage::disjoint(figures);
}

/// Of a web_search_call: whether it searches. A page that is opened, or looked through, has no price.
inline bool is_paid_search(std::string_view item) {
  auto const action = find_member(item, "action");
  auto const what =
      action && action->kind == JsonKind::object ? find_member(action->value, "type") : std::nullopt;
  return !what || what->value == "\"search\"";
}
/// How many of the items of an answer are searches.
inline std::int64_t count_searches(std::string_view output) {
  std::int64_t searches = 0;
  scan_array(output, [&](JsonMember const& item) {
    auto const type = find_member(item.value, "type");
    if (type && type->value == "\"web_search_call\"" && is_paid_search(item.value)) ++searches;
  });
  return searches;
}

/// Writes a usage object. What was not reported is 0: strict clients require each of these members.
inline void write_responses_usage(JsonWriter& w, Usage const& usage) {
  w.begin_object().count("input_tokens", usage.input_total()).begin_object("input_tokens_details");
  w.count("cached_tokens", usage.value(UsageClass::cache_read));
  w.count_if("cache_write_tokens", usage.cache_written()).end_object();
  w.count("output_tokens", usage.output_total()).begin_object("output_tokens_details");
  w.count("reasoning_tokens", usage.value(UsageClass::reasoning)).end_object();
  w.count("total_tokens", usage.total()).end_object();
}

}  // namespace lowart::dialect
