#pragma once
/// GET /v1/usage/me: what the asking key has used, in all and by model.

#include <lowart/dialect/json_text.hpp>
#include <lowart/store/usage_store.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace lowart::server {

/// The sums of a key.
struct KeyUsage {
  UsageTotals totals;
  std::vector<UsageGroup> models;
};

/// `0.000123450`: whole and nano-dollars; exact, so it is text and not a JSON number.
inline std::string format_usd(NanoUsd amount) {
  constexpr std::int64_t one = 1'000'000'000;
  std::int64_t const n = amount.count();
  std::string const nanos = std::to_string((n < 0 ? -n : n) % one);
  return (n < 0 ? "-" : "") + std::to_string((n < 0 ? -n : n) / one) + "." +
         std::string(9 - nanos.size(), '0') + nanos;
}

inline void append_totals(UsageTotals const& totals, std::string& out) {
  out.append("\"request_count\":").append(std::to_string(totals.request_count));
  out.append(",\"tokens\":{");
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < usage_class_count; ++i) {
    out.append(i == 0 ? "\"" : ",\"").append(to_string(static_cast<UsageClass>(i))).append("\":");
    out.append(std::to_string(totals.tokens[i]));
    if (is_tokens(static_cast<UsageClass>(i))) sum += totals.tokens[i];
  }
  out.append(",\"total\":").append(std::to_string(sum)).append("},\"cost_usd\":\"");
  out.append(format_usd(totals.cost)).append("\"");
}

inline std::string usage_page(std::string_view key, KeyUsage const& usage) {
  std::string out = R"({"object":"usage","key":)";
  dialect::append_json_string(out, key);
  out.append(",");
  append_totals(usage.totals, out);
  out.append(R"(,"models":[)");
  bool first = true;
  for (auto const& model : usage.models) {
    out.append(first ? R"({"model":)" : R"(,{"model":)");
    first = false;
    dialect::append_json_string(out, model.name);
    out.append(",");
    append_totals(model.totals, out);
    out.append("}");
  }
  return out.append("]}");
}

}  // namespace lowart::server
