#pragma once
/// Metrics: counters and histograms, one shard per event loop, merged when they are scraped.

#include <lowart/core/usage.hpp>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lowart {

/// A count that one thread raises and any thread reads: no locked instruction on the way.
class Counter {
 public:
  void add(std::int64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Seconds in fixed buckets, from 50 microseconds to ten minutes.
class Histogram {
 public:
  static constexpr std::array<std::int64_t, 18> bounds_us{
      50,     100,     250,     500,     1'000,     2'500,     5'000,      10'000,     25'000,
      50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 10'000'000, 60'000'000, 600'000'000};

  void observe(std::chrono::steady_clock::duration duration) noexcept {
    auto const us = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
    std::size_t i = 0;
    while (i < bounds_us.size() && us > bounds_us[i]) ++i;
    buckets_[i].add();
    sum_us_.add(us);
  }
  std::int64_t bucket(std::size_t i) const noexcept { return buckets_[i].value(); }
  std::int64_t sum_us() const noexcept { return sum_us_.value(); }

 private:
  std::array<Counter, bounds_us.size() + 1> buckets_;
  Counter sum_us_;
};

/// Up to three label values that tell one series from its siblings.
using Labels = std::array<std::string_view, 3>;

/// All series of one metric on one shard. at() on the shard's thread only; visit() on any.
///
/// Label values should come from a bounded set (configured names, codes). Whatever is given, a family holds at most
/// `most_series`: further ones count as one whose labels are all "other".
template <class Series>
class Family {
 public:
  static constexpr std::size_t most_series = 1024;
  static constexpr Labels others{"other", "other", "other"};

  Series& at(Labels const& labels) {
    if (auto found = series_.find(labels); found != series_.end()) return found->second->series;
    if (series_.size() >= most_series && labels != others) return at(others);
    auto entry = std::make_unique<Entry>();
    Labels key;
    for (std::size_t i = 0; i < labels.size(); ++i) key[i] = entry->text[i] = labels[i];
    std::lock_guard lock(mutex_);  // against visit(); lookups share the thread
    return series_.emplace(key, std::move(entry)).first->second->series;
  }
  template <class F>
  void visit(F&& f) const {
    std::lock_guard lock(mutex_);
    for (auto const& [labels, entry] : series_) f(labels, std::as_const(entry->series));
  }

 private:
  struct Entry {
    std::array<std::string, 3> text;
    Series series;
  };
  /// Labels are short and their ends differ: eight bytes from each end tell them apart well enough.
  struct Hash {
    static std::uint64_t eight(char const* p) noexcept {
      std::uint64_t word = 0;
      std::memcpy(&word, p, sizeof word);
      return word;
    }
    std::size_t operator()(Labels const& labels) const noexcept {
      constexpr std::uint64_t odd = 0x9E3779B97F4A7C15U;  // 2^64 over the golden ratio
      std::uint64_t h = 0;
      for (auto const label : labels) {
        std::uint64_t word = label.size();
        if (label.size() >= 8) word ^= eight(label.data()) * odd ^ eight(label.data() + label.size() - 8);
        else
          for (char const c : label) word = word << 8U | static_cast<unsigned char>(c);
        h = (h ^ word) * odd;
        h ^= h >> 32U;
      }
      return h;
    }
  };
  mutable std::mutex mutex_;
  std::unordered_map<Labels, std::unique_ptr<Entry>, Hash> series_;
};

/// The series of one model, so that a call looks for its model once. Each is there from its first use on.
class ModelSeries {
 public:
  template <class Series>
  static Series& of(Series*& known, Family<Series>& family, Labels const& labels) {
    if (known == nullptr) known = &family.at(labels);
    return *known;
  }
  std::array<Counter*, token_class_count> tokens{};
  Counter* cost_nano_usd{nullptr};
  Histogram* first_token{nullptr};
};

/// What one event loop counts.
struct MetricsShard {
  Family<Counter> http_requests;      ///< route, status
  Family<Histogram> http_duration;    ///< route
  Family<Counter> tokens;             ///< model, class
  Family<Counter> cost_nano_usd;      ///< model
  Family<Histogram> first_token;      ///< model
  Family<Counter> upstream_attempts;  ///< provider, outcome
  Family<Counter> denied;             ///< reason
  Family<Counter> records;            ///< provenance, outcome
  Family<Counter> limit_warnings;     ///< subject, limit
  Family<Counter> limit_refusals;     ///< subject, limit
  Family<ModelSeries> models;         ///< model; not shown, it knows where the model's other series are
  Counter in_flight;
  Histogram overhead;
};

/// Text in the Prometheus exposition format 0.0.4.
class PrometheusText {
 public:
  void head(std::string_view name, std::string_view type, std::string_view help) {
    out_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
    out_.append(name).append(" ").append(type).append("\n");
  }
  void sample(std::string_view name, std::string_view labels, double value) {
    std::array<char, 32> text{};
    auto const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    sample(name, labels, std::string_view(text.data(), static_cast<std::size_t>(end - text.data())));
  }
  void sample(std::string_view name, std::string_view labels, std::int64_t value) {
    sample(name, labels, std::string_view(std::to_string(value)));
  }
  std::string take() { return std::move(out_); }

  /// `a="x",b="y"` with values escaped.
  static std::string labels(std::span<std::string_view const> names, Labels const& values) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!text.empty()) text += ',';
      text.append(names[i]).append("=\"");
      for (char const c : values[i]) {
        if (c == '"' || c == '\\') text += '\\';
        if (c == '\n') text += "\\n";
        else text += c;
      }
      text += '"';
    }
    return text;
  }

 private:
  void sample(std::string_view name, std::string_view labels, std::string_view value) {
    out_.append(name);
    if (!labels.empty()) out_.append("{").append(labels).append("}");
    out_.append(" ").append(value).append("\n");
  }
  std::string out_;
};

/// All shards of a gateway. shard() once per loop, at its start; render() on any thread.
class Metrics {
 public:
  MetricsShard& shard(std::size_t loop) {
    std::lock_guard lock(mutex_);
    while (shards_.size() <= loop) shards_.push_back(std::make_unique<MetricsShard>());
    return *shards_[loop];
  }

  void render(PrometheusText& out) const {
    std::lock_guard lock(mutex_);
    counters(out, "http_requests_total", "HTTP requests answered", {"route", "status"},
             &MetricsShard::http_requests);
    histograms(out, "http_request_duration_seconds", "From request head to the last byte of the answer",
               {"route"}, &MetricsShard::http_duration);
    counters(out, "gateway_tokens_total", "Tokens by model and usage class", {"model", "class"},
             &MetricsShard::tokens);
    counters(out, "gateway_cost_nano_usd_total", "Cost in 1e-9 USD", {"model"}, &MetricsShard::cost_nano_usd);
    histograms(out, "gateway_time_to_first_token_seconds", "From request head to the first content",
               {"model"}, &MetricsShard::first_token);
    counters(out, "gateway_upstream_attempts_total",
             "Attempts on providers; outcome is ok or the error's code", {"provider", "outcome"},
             &MetricsShard::upstream_attempts);
    counters(out, "gateway_denied_total", "Requests refused before anything was sent", {"reason"},
             &MetricsShard::denied);
    counters(out, "gateway_limit_warnings_total", "Calls let in beyond the soft share of a limit",
             {"subject", "limit"}, &MetricsShard::limit_warnings);
    counters(out, "gateway_limit_refusals_total", "Calls refused by a limit", {"subject", "limit"},
             &MetricsShard::limit_refusals);
    counters(out, "gateway_usage_records_total", "Usage records written", {"provenance", "outcome"},
             &MetricsShard::records);
    std::int64_t in_flight = 0;
    Sum overhead;
    for (auto const& shard : shards_) {
      in_flight += shard->in_flight.value();
      overhead.add(shard->overhead);
    }
    out.head("gateway_in_flight", "gauge", "Calls being answered now");
    out.sample("gateway_in_flight", "", in_flight);
    out.head("gateway_overhead_seconds", "histogram", "Time to first byte minus the time providers took");
    overhead.write(out, "gateway_overhead_seconds", "");
  }

 private:
  struct Sum {
    std::array<std::int64_t, Histogram::bounds_us.size() + 1> buckets{};
    std::int64_t sum_us{0};
    void add(Histogram const& h) noexcept {
      for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += h.bucket(i);
      sum_us += h.sum_us();
    }
    void write(PrometheusText& out, std::string const& name, std::string const& labels) const {
      std::string const comma = labels.empty() ? "" : ",";
      std::int64_t below = 0;
      for (std::size_t i = 0; i < buckets.size(); ++i) {
        below += buckets[i];
        std::string bound = "+Inf";
        if (i < Histogram::bounds_us.size()) {
          std::array<char, 32> text{};
          double const seconds = static_cast<double>(Histogram::bounds_us[i]) / 1e6;
          bound.assign(text.data(), std::to_chars(text.data(), text.data() + text.size(), seconds).ptr);
        }
        out.sample(name + "_bucket", labels + comma + "le=\"" + bound + "\"", below);
      }
      out.sample(name + "_sum", labels, static_cast<double>(sum_us) / 1e6);
      out.sample(name + "_count", labels, below);
    }
  };

  /// Merges one family over all shards, by label text.
  template <class Series, class Merged, class Add>
  std::unordered_map<std::string, Merged> merge(std::span<std::string_view const> names,
                                                Family<Series> MetricsShard::* family, Add add) const {
    std::unordered_map<std::string, Merged> all;
    for (auto const& shard : shards_)
      ((*shard).*family).visit([&](Labels const& l, Series const& s) {
        add(all[PrometheusText::labels(names, l)], s);
      });
    return all;
  }
  void counters(PrometheusText& out, std::string const& name, std::string_view help,
                std::vector<std::string_view> names, Family<Counter> MetricsShard::* family) const {
    out.head(name, "counter", help);
    auto const all = merge<Counter, std::int64_t>(
        names, family, [](std::int64_t& sum, Counter const& c) { sum += c.value(); });
    for (auto const& [labels, value] : all) out.sample(name, labels, value);
  }
  void histograms(PrometheusText& out, std::string const& name, std::string_view help,
                  std::vector<std::string_view> names, Family<Histogram> MetricsShard::* family) const {
    out.head(name, "histogram", help);
    auto const all = merge<Histogram, Sum>(names, family, [](Sum& sum, Histogram const& h) { sum.add(h); });
    for (auto const& [labels, sum] : all) sum.write(out, name, labels);
  }

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<MetricsShard>> shards_;
};

}  // namespace lowart
