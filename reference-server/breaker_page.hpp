#pragma once
/// GET /admin/breakers: every breaker of the configuration at work, and why it is where it is.

#include "snapshot.hpp"

#include <lowart/dialect/json_text.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lowart::server {

inline void append_rate(std::string_view name, OutcomeCount const& count, int percent, std::string& out) {
  if (percent == 0) return;
  out.append(",\"").append(name).append("\":{\"calls\":").append(std::to_string(count.calls));
  out.append(",\"bad\":").append(std::to_string(count.bad));
  out.append(",\"opens_at_percent\":").append(std::to_string(percent)).append("}");
}

inline void append_breaker(NamedBreaker const& breaker, TimePoint now, std::string& out) {
  BreakerView const view = breaker.state->view(now);
  BreakerOptions const& options = breaker.state->options();
  out.append(R"({"provider":)");
  dialect::append_json_string(out, breaker.provider);
  out.append(R"(,"model":)");
  if (breaker.model.empty()) out.append("null");
  else dialect::append_json_string(out, breaker.model);
  out.append(R"(,"key":)").append(breaker.key == 0 ? "null" : std::to_string(breaker.key));
  out.append(R"(,"state":")").append(to_string(view.position));
  out.append(R"(","probe_in_ms":)");
  out.append(view.position == BreakerPosition::open ? std::to_string(view.opens_in.count()) : "null");
  out.append(R"(,"opened_total":)").append(std::to_string(view.opened_count));
  std::string_view const slowness = view.opened_count > 0 ? "slow" : std::string_view();
  std::string_view const cause = view.opened_by ? to_string(*view.opened_by) : slowness;
  out.append(R"(,"opened_by":)");
  if (cause.empty()) out.append("null");
  else dialect::append_json_string(out, cause);
  out.append(R"(,"failures_in_row":)").append(std::to_string(view.failures_in_row));
  append_rate("failures", view.failures, options.failure_percent, out);
  append_rate("slow", view.slow, options.slow_percent, out);
  out.append("}");
}

/// JSON: `{"object":"list","data":[{...}]}`, in the order of the file.
inline std::string breaker_page(Snapshot const& snapshot, TimePoint now) {
  std::string out = R"({"object":"list","data":[)";
  for (std::size_t i = 0; i < snapshot.breakers.size(); ++i) {
    if (i > 0) out.append(",");
    append_breaker(snapshot.breakers[i], now, out);
  }
  return out.append("]}");
}

}  // namespace lowart::server
