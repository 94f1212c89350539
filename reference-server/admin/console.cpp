#include "admin/console.hpp"

#include "admin/command_table.hpp"
#include "open_accounts.hpp"

#include <lowart/provider/http_wire.hpp>

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

namespace lowart::server {

namespace {

/// Who may read the data directory owns the installation: there is nothing to keep from him.
Actor actor_here() {
  Actor actor;
  passwd const* const user = ::getpwuid(::getuid());
  actor.name = "console " + (user != nullptr ? std::string(user->pw_name) : std::to_string(::getuid()));
  actor.role = Role::owner;
  return actor;
}

std::int64_t utc_us() {
  auto const now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

std::string query_of(std::map<std::string, std::string> const& parameters) {
  std::string query;
  for (auto const& [name, value] : parameters)
    query.append(query.empty() ? "" : "&").append(name).append("=").append(http_wire::percent_encoded(value));
  return query;
}

}  // namespace

void ConsoleFlags::add_to(CLI::App& command) {
  command.add_option("--config", serve.config_path, "The configuration")->capture_default_str();
  command.add_option("--data", serve.data, "The data directory, instead of the configuration's");
  command.add_flag("--json", json, "Print what the API would answer");
}

void ListFlags::add_to(CLI::App& command) {
  command.add_option("--limit", limit, "How many at most")->capture_default_str()->check(CLI::PositiveNumber);
  command.add_flag("--all", all, "All of them");
  command.add_option("--after", after, "Go on behind this one");
}

Result<Console> Console::open(ConsoleFlags const& flags) {
  auto administration = open_administration(flags.serve);
  if (!administration) return tl::unexpected(std::move(administration).error());
  return Console(std::move(*administration));
}

Result<std::string> Console::ask_text(std::string_view method, std::string path, json::object const* body,
                                      std::map<std::string, std::string> const& query) {
  RawRequest raw;
  raw.method = method;
  raw.path = std::move(path);
  raw.query = query_of(query);
  if (body != nullptr) raw.body = json::serialize(*body);
  auto answer = administration_->perform(actor_here(), raw, utc_us());
  if (!answer) return tl::unexpected(std::move(answer).error());
  return std::move(answer->body);
}

Result<json::value> Console::ask(std::string_view method, std::string path, json::object const* body,
                                 std::map<std::string, std::string> const& query) {
  auto const text = ask_text(method, std::move(path), body, query);
  if (!text) return tl::unexpected(text.error());
  return text->empty() ? json::value() : json::parse(*text);
}

Result<std::string> Console::each_page(std::string const& path, ListFlags const& flags,
                                       std::string const& cursor,
                                       std::function<void(json::array const&)> const& f) {
  constexpr std::int64_t largest_page = 1000;
  std::int64_t left = flags.all ? INT64_MAX : flags.limit;
  auto query = flags.query;
  if (!flags.after.empty()) query[cursor] = flags.after;
  for (;;) {
    std::int64_t const page = std::min(left, largest_page);
    query["limit"] = std::to_string(page);
    auto const answer = ask("GET", path, nullptr, query);
    if (!answer) return tl::unexpected(answer.error());
    json::object const& list = answer->as_object();
    json::array const& data = list.at("data").as_array();
    f(data);
    left -= static_cast<std::int64_t>(data.size());
    std::string next(text_in(list, "next"));
    if (next.empty() || left <= 0) return next;
    query[cursor] = std::move(next);
  }
}

int print_list(Console& console, std::string const& path, ListFlags const& flags, std::string const& cursor,
               bool as_json, std::span<std::string_view const> members) {
  char const* before = R"({"object":"list","data":[)";
  auto const next = console.each_page(path, flags, cursor, [&](json::array const& page) {
    CommandTable table({members.begin(), members.end()});
    for (auto const& entry : page) {
      if (as_json) std::printf("%s%s", std::exchange(before, ","), json::serialize(entry).c_str());
      else table.add(entry.as_object(), members);
    }
    if (as_json && page.empty()) std::fputs(std::exchange(before, ""), stdout);
    if (!as_json) std::fputs(table.text().c_str(), stdout);
  });
  if (!next) return refuse(next.error());
  if (as_json && next->empty()) std::fputs("],\"has_more\":false}\n", stdout);
  else if (as_json)
    std::printf("],\"has_more\":true,\"next\":%s}\n", json::serialize(json::value(*next)).c_str());
  else if (!next->empty())
    std::fprintf(stderr, "there are more: --all lists them all, --after '%s' goes on\n", next->c_str());
  return exit_code::done;
}

void print_answer(json::object const& answer, bool as_json) {
  if (as_json) std::printf("%s\n", json::serialize(answer).c_str());
  else std::fputs(members_text(answer).c_str(), stdout);
}

std::string path_of(std::string_view all, std::string_view name, std::string_view act) {
  std::string path = "/admin/" + std::string(all) + "/" + http_wire::percent_encoded(name);
  if (!act.empty()) path.append("/").append(act);
  return path;
}

int refuse(Error const& error) {
  std::string text = error.message();
  while (text.ends_with('\n')) text.pop_back();
  std::fprintf(stderr, "lowart: %s\n", text.c_str());
  return exit_code::refused;
}

int refuse_usage(std::string const& why) {
  std::fprintf(stderr, "lowart: %s\n", why.c_str());
  return exit_code::usage;
}

int with_console(ConsoleFlags const& flags, std::function<int(Console&)> const& act) {
  auto console = Console::open(flags);
  return console ? act(*console) : refuse(console.error());
}

}  // namespace lowart::server
