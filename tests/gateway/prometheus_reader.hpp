#pragma once
/// A strict reader of the Prometheus text format 0.0.4: what a scraper would refuse, it refuses.

#include <charconv>
#include <limits>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lowart::testing {

/// Samples by name and labels as written: `name{a="x"}`. Throws std::runtime_error with the line that is
/// wrong.
class PrometheusReader {
 public:
  explicit PrometheusReader(std::string_view text) {
    if (text.empty() || text.back() != '\n') throw std::runtime_error("no line end at the end");
    while (!text.empty()) {
      auto const end = text.find('\n');
      line(text.substr(0, end));
      text.remove_prefix(end + 1);
    }
    for (auto const& [series, buckets] : buckets_) check_buckets(series, buckets);
  }
  /// The value of a sample; -1 when there is none.
  double value(std::string const& sample) const {
    auto const found = samples_.find(sample);
    return found == samples_.end() ? -1 : found->second;
  }
  std::map<std::string, double> const& samples() const noexcept { return samples_; }
  bool mentions(std::string_view text) const {
    for (auto const& [name, value] : samples_)
      if (name.find(text) != std::string::npos) return true;
    return false;
  }

 private:
  struct Bucket {
    double bound;
    double count;
  };

  [[noreturn]] static void refuse(std::string_view why, std::string_view line) {
    throw std::runtime_error(std::string(why) + ": " + std::string(line));
  }
  static bool is_name(std::string_view name) {
    if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
    for (char const c : name)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
        return false;
    return true;
  }
  static double number(std::string_view text, std::string_view line) {
    double value = 0;
    if (text == "+Inf") return std::numeric_limits<double>::infinity();
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) refuse("not a number", line);
    return value;
  }
  void line(std::string_view line) {
    if (line.starts_with("# HELP ")) return head(line, 7, helped_);
    if (line.starts_with("# TYPE ")) {
      head(line, 7, typed_);
      family_ = line.substr(7, line.find(' ', 7) - 7);
      type_ = line.substr(line.rfind(' ') + 1);
      if (type_ != "counter" && type_ != "gauge" && type_ != "histogram") refuse("type", line);
      return;
    }
    std::size_t const end = line.find_first_of("{ ");
    if (end == std::string_view::npos) refuse("no value", line);
    std::string const name(line.substr(0, end));
    if (!is_name(name)) refuse("name", line);
    bool const part = type_ == "histogram" &&
                      (name == family_ + "_bucket" || name == family_ + "_sum" || name == family_ + "_count");
    if (name != family_ && !part) refuse("a sample outside its family", line);
    std::string le, others;
    std::size_t at = end;
    if (line[at] == '{') at = labels(line, at + 1, le, others);
    if (at >= line.size() || line[at] != ' ') refuse("no blank before the value", line);
    double const value = number(line.substr(at + 1), line);
    if (!samples_.emplace(line.substr(0, at), value).second) refuse("twice", line);
    if (type_ != "gauge" && value < 0) refuse("a counter below zero", line);
    if (name == family_ + "_bucket") buckets_[family_ + "{" + others].push_back({number(le, line), value});
    if (name == family_ + "_count") counts_[family_ + "{" + others] = value;
  }
  void head(std::string_view line, std::size_t from, std::set<std::string>& seen) {
    auto const name = line.substr(from, line.find(' ', from) - from);
    if (!is_name(name)) refuse("name", line);
    if (!seen.emplace(name).second) refuse("twice", line);
  }
  std::size_t labels(std::string_view line, std::size_t at, std::string& le, std::string& others) {
    std::set<std::string> names;
    for (;;) {
      auto const equals = line.find("=\"", at);
      if (equals == std::string_view::npos) refuse("label", line);
      std::string const name(line.substr(at, equals - at));
      if (!is_name(name) || !names.insert(name).second) refuse("label name", line);
      std::string value;
      for (at = equals + 2; at < line.size() && line[at] != '"'; ++at) {
        if (line[at] == '\\' && std::string_view("\\\"n").find(line[++at]) == std::string_view::npos)
          refuse("escape", line);
        value += line[at];
      }
      if (at >= line.size()) refuse("label without end", line);
      if (name == "le") le = value;
      else others += name + "=" + value + ",";
      if (line[++at] == '}') return at + 1;
      if (line[at++] != ',') refuse("between labels", line);
    }
  }
  void check_buckets(std::string const& series, std::vector<Bucket> const& buckets) const {
    for (std::size_t i = 1; i < buckets.size(); ++i)
      if (buckets[i].bound <= buckets[i - 1].bound || buckets[i].count < buckets[i - 1].count)
        refuse("buckets do not rise", series);
    if (buckets.back().bound != std::numeric_limits<double>::infinity()) refuse("no +Inf", series);
    if (buckets.back().count != counts_.at(series)) refuse("+Inf is not the count", series);
  }

  std::string family_, type_;
  std::set<std::string> helped_, typed_;
  std::map<std::string, double> samples_;
  std::map<std::string, std::vector<Bucket>> buckets_;
  std::map<std::string, double> counts_;
};

}  // namespace lowart::testing
