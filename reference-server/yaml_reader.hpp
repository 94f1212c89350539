#pragma once
/// YamlMap: reads named values with their types and bounds, and reports everything else with its line.

#include "config.hpp"
#include "registry/config_overlay.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstdlib>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace lowart::server {

/// Collects what is wrong, in the order of the file.
class Problems {
 public:
  void add(std::size_t line, std::string message) { list_.push_back({line, std::move(message)}); }
  bool empty() const noexcept { return list_.empty(); }
  std::vector<Problem> take() {
    std::sort(list_.begin(), list_.end(), [](auto const& a, auto const& b) {
      return std::tie(a.line, a.message) < std::tie(b.line, b.message);
    });
    return std::move(list_);
  }

 private:
  std::vector<Problem> list_;
};

/// A node of the file, with its line.
class YamlNode {
 public:
  explicit YamlNode(YAML::Node const& node) : node_(node) {}

  static std::optional<YamlNode> parse(std::string const& text, Problems& problems) {
    try {
      return YamlNode(YAML::Load(text));
    } catch (YAML::ParserException const& e) {
      problems.add(static_cast<std::size_t>(e.mark.line + 1), "not YAML: " + e.msg);
    } catch (YAML::Exception const& e) {
      problems.add(0, std::string("not YAML: ") + e.what());
    }
    return std::nullopt;
  }

  std::size_t line() const {
    return node_.Mark().is_null() ? 0 : static_cast<std::size_t>(node_.Mark().line + 1);
  }
  bool is_map() const { return node_.IsMap(); }
  bool is_list() const { return node_.IsSequence(); }
  bool is_scalar() const { return node_.IsScalar(); }
  std::string scalar() const {
    if (!node_.IsScalar()) return {};
    return node_.Tag() == literal_tag ? node_.Scalar() : expand(node_.Scalar());
  }
  YAML::Node const& raw() const noexcept { return node_; }

 private:
  /// ${NAME} and ${NAME:-default}. A variable that is not set and has no default is empty.
  static std::string expand(std::string const& text) {
    std::string out;
    std::size_t at = 0;
    while (true) {
      auto const open = text.find("${", at);
      auto const close = open == std::string::npos ? open : text.find('}', open);
      if (close == std::string::npos) return out.append(text, at, std::string::npos);
      out.append(text, at, open - at);
      std::string name = text.substr(open + 2, close - open - 2);
      std::string fallback;
      if (auto const split = name.find(":-"); split != std::string::npos) {
        fallback = name.substr(split + 2);
        name.resize(split);
      }
      char const* const value = std::getenv(name.c_str());
      out.append(value != nullptr && *value != '\0' ? std::string_view(value) : std::string_view(fallback));
      at = close + 1;
    }
  }
  YAML::Node node_;
};

/// One `name: value` block. Every value that is asked for may be absent; finish() reports names nobody asked for.
class YamlMap {
 public:
  YamlMap(YamlNode node, Problems& problems) : node_(std::move(node)), problems_(problems) {}

  void wrong(std::string message) { problems_.add(node_.line(), std::move(message)); }
  void wrong(std::string_view name, std::string message) {
    auto const value = find(name);
    problems_.add(value ? value->line() : node_.line(), std::move(message));
  }

  void wrong_at(YamlNode const& node, std::string message) { problems_.add(node.line(), std::move(message)); }
  /// What is not in the file is read from there.
  void lean_on(YAML::Node const& defaults) { defaults_.reset(defaults); }
  /// Whether the name stands in the file, with or without a value.
  bool has(std::string_view name) const { return find(name).has_value(); }

  void text(std::string_view name, std::string& out) {
    if (auto const value = scalar(name)) out = value->scalar();
  }
  void flag(std::string_view name, bool& out) {
    auto const value = scalar(name);
    if (!value) return;
    std::string const text = value->scalar();
    if (text == "true" || text == "false") out = text == "true";
    else wrong(name, quoted(name) + " is true or false, not '" + text + "'");
  }
  template <std::integral I>
  void integer(std::string_view name, I& out, std::type_identity_t<I> least, std::type_identity_t<I> most) {
    auto const value = scalar(name);
    if (!value) return;
    std::string const text = value->scalar();
    I number{};
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool const whole = error == std::errc() && end == text.data() + text.size();
    if (whole && number >= least && number <= most) out = number;
    else
      wrong(name, quoted(name) + " is a number from " + std::to_string(least) + " to " +
                      std::to_string(most) + ", not '" + text + "'");
  }
  /// The same for what may be left out.
  void flag(std::string_view name, std::optional<bool>& out) {
    bool value = false;
    flag(name, value);
    if (has(name)) out = value;
  }
  template <std::integral I>
  void integer(std::string_view name, std::optional<I>& out, std::type_identity_t<I> least,
               std::type_identity_t<I> most) {
    I value{};
    integer(name, value, least, most);
    if (has(name)) out = value;
  }
  /// "500ms", "30s", "10m", "2h".
  void duration(std::string_view name, std::chrono::milliseconds& out) {
    measure(name, "a time such as 500ms, 30s, 10m or 2h",
            {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}, 0, 86'400'000,
            [&](std::int64_t ms) { out = std::chrono::milliseconds(ms); });
  }
  /// "5%".
  void percent(std::string_view name, int& out, int least, int most) {
    std::string const what = "a share from " + std::to_string(least) + "% to " + std::to_string(most) + "%";
    measure(name, what, {{"%", 1}}, least, most, [&](std::int64_t n) { out = static_cast<int>(n); });
  }
  /// "32KiB", "16MiB", "1024B".
  void bytes(std::string_view name, std::size_t& out, std::size_t least, std::size_t most) {
    measure(name, "a size such as 32KiB or 16MiB",
            {{"KiB", 1024}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}}, static_cast<std::int64_t>(least),
            static_cast<std::int64_t>(most), [&](std::int64_t n) { out = static_cast<std::size_t>(n); });
  }
  void texts(std::string_view name, std::vector<std::string>& out) {
    items(name, [&](YamlNode const& item) {
      if (item.is_scalar()) out.push_back(item.scalar());
      else problems_.add(item.line(), quoted(name) + " is a list of words");
    });
  }
  std::optional<YamlMap> map(std::string_view name) {
    auto const value = ask(name);
    if (!value) return std::nullopt;
    if (value->is_map()) return YamlMap(*value, problems_);
    problems_.add(value->line(), quoted(name) + " is a block of 'name: value' entries");
    return std::nullopt;
  }
  bool is_list(std::string_view name) const {
    auto const value = find(name);
    return value && value->is_list();
  }
  /// Calls `f` for every value of a block of named values.
  void scalars(std::string_view name, std::function<void(std::string const&, YamlNode const&)> const& f) {
    auto const value = ask(name);
    if (!value) return;
    if (!value->is_map()) {
      problems_.add(value->line(), quoted(name) + " is a block of 'name: value' entries");
      return;
    }
    std::set<std::string> seen;
    for (auto const& entry : value->raw()) {
      std::string const key = entry.first.Scalar();
      if (!seen.insert(key).second) problems_.add(YamlNode(entry.first).line(), "'" + key + "' stands twice");
      else f(key, YamlNode(entry.second));
    }
  }
  /// Calls `f` for every item of a list.
  void items(std::string_view name, std::function<void(YamlNode const&)> const& f) {
    auto const value = ask(name);
    if (!value) return;
    if (!value->is_list()) {
      problems_.add(value->line(), quoted(name) + " is a list");
      return;
    }
    for (auto const& item : value->raw()) f(YamlNode(item));
  }
  /// The same for a list of blocks.
  void each(std::string_view name, std::function<void(YamlMap&)> const& f) {
    items(name, [&](YamlNode const& item) {
      if (!item.is_map()) {
        problems_.add(item.line(), quoted(name) + " is a list of blocks");
        return;
      }
      YamlMap map(item, problems_);
      f(map);
    });
  }
  /// The same for named blocks.
  void members(std::string_view name, std::function<void(std::string, std::size_t, YamlMap&)> const& f) {
    auto const value = ask(name);
    if (!value) return;
    if (!value->is_map()) {
      problems_.add(value->line(), quoted(name) + " is a block of named entries");
      return;
    }
    std::set<std::string> seen;
    for (auto const& entry : value->raw()) {
      YamlNode const body(entry.second);
      std::size_t const line = YamlNode(entry.first).line();
      if (!seen.insert(entry.first.Scalar()).second) {
        problems_.add(line, "'" + entry.first.Scalar() + "' stands twice");
        continue;
      }
      if (!body.is_map()) {
        problems_.add(line, "'" + entry.first.Scalar() + "' is a block of 'name: value' entries");
        continue;
      }
      YamlMap map(body, problems_);
      f(entry.first.Scalar(), line, map);
    }
  }

  /// Reports what stands here and nobody asked for.
  void finish() {
    std::set<std::string> seen;
    for (auto const& entry : node_.raw()) {
      std::string const name = entry.first.Scalar();
      std::size_t const line = YamlNode(entry.first).line();
      if (!seen.insert(name).second) problems_.add(line, "'" + name + "' stands twice");
      if (asked_.contains(name)) continue;
      std::string known;
      for (auto const& one : asked_) known += (known.empty() ? "" : ", ") + one;
      problems_.add(line, "'" + name + "' is not known here; there are " + known);
    }
  }

 private:
  struct Unit {
    std::string_view name;
    std::int64_t factor;
  };

  static std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }
  std::optional<YamlNode> find(std::string_view name) const {
    for (auto const& entry : node_.raw())
      if (entry.first.Scalar() == name) return YamlNode(entry.second);
    return std::nullopt;
  }
  std::optional<YamlNode> ask(std::string_view name) {
    asked_.emplace(name);
    auto value = find(name);
    if (value && !value->raw().IsNull()) return value;
    for (auto const& entry : defaults_)
      if (entry.first.Scalar() == name) return YamlNode(entry.second);
    return std::nullopt;
  }
  std::optional<YamlNode> scalar(std::string_view name) {
    auto value = ask(name);
    if (!value || value->is_scalar()) return value;
    problems_.add(value->line(), quoted(name) + " is one value");
    return std::nullopt;
  }
  void measure(std::string_view name, std::string_view what, std::vector<Unit> const& units,
               std::int64_t least, std::int64_t most, std::function<void(std::int64_t)> const& keep) {
    auto const value = scalar(name);
    if (!value) return;
    std::string const text = value->scalar();
    std::int64_t number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    std::string_view const rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
    auto const unit =
        std::find_if(units.begin(), units.end(), [rest](Unit const& u) { return u.name == rest; });
    bool const zero = error == std::errc() && number == 0 && rest.empty();
    std::int64_t total = 0;
    bool fits = zero;
    if (error == std::errc() && unit != units.end())
      fits = !__builtin_mul_overflow(number, unit->factor, &total);
    if (fits && total >= least && total <= most) keep(total);
    else wrong(name, quoted(name) + " is " + std::string(what) + ", not '" + text + "'");
  }

  YamlNode node_;
  YAML::Node defaults_;
  Problems& problems_;
  std::set<std::string> asked_;
};

}  // namespace lowart::server
