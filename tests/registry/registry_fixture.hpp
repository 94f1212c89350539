#pragma once
/// A registry in a directory of its own, with a master key.

#include "admin/administration.hpp"

#include "../store/store_fixture.hpp"

#include <gtest/gtest.h>

namespace lowart_test {

using namespace lowart;
using namespace lowart::server;

inline constexpr std::int64_t noon = 1'796'040'000'000'000;  // 2026-11-30T12:00:00Z

inline net::SecretBox test_box(std::string_view id = "first", char fill = '1') {
  std::vector<net::MasterKey> keys;
  keys.push_back({std::string(id), Secret(std::string(32, fill))});
  return *net::SecretBox::make(std::move(keys));
}

/// A file that is a configuration by itself.
inline constexpr char const* small_file = R"(
providers:
  demo: {type: demo}
models:
  demo: {targets: [{provider: demo}]}
tiers:
  gold: {rpm: 7}
keys:
  - {name: first, key: sk-lw-0123456789abcdef, admin: true}
)";

struct Office {
  explicit Office(std::string text = small_file) : file(std::move(text)) { open(); }
  void open() {
    admin.reset();
    auto made = Administration::open(
        {.data = place.file(""), .box = test_box(), .file = [this] { return file; }}, noon);
    ASSERT_TRUE(made) << made.error().message();
    admin = std::move(*made);
  }
  Result<RawAnswer> ask(std::string method, std::string path, std::string body = {},
                        server::Role role = server::Role::owner) {
    Actor actor;
    actor.name = "user boss";
    actor.user = "boss";
    actor.role = role;
    RawRequest raw;
    raw.method = std::move(method);
    raw.path = path.substr(0, path.find('?'));
    raw.query = path.find('?') == path.npos ? "" : path.substr(path.find('?') + 1);
    raw.body = std::move(body);
    return admin->perform(actor, raw, now += 1'000'000);
  }
  json::object good(std::string method, std::string path, std::string body = {},
                    server::Role role = server::Role::owner) {
    auto const answer = ask(method, path, std::move(body), role);
    EXPECT_TRUE(answer) << method << " " << path << ": " << (answer ? "" : answer.error().message());
    if (!answer || answer->body.empty()) return {};
    return json::parse(answer->body).as_object();
  }
  Errc refused(std::string method, std::string path, std::string body = {},
               server::Role role = server::Role::owner) {
    auto const answer = ask(method, path, std::move(body), role);
    EXPECT_FALSE(answer) << method << " " << path;
    return answer ? Errc::internal : answer.error().code();
  }
  std::string texts() {  // all that the database's file holds
    return std::string(admin->registry().database().execute("PRAGMA wal_checkpoint(TRUNCATE)") ? "" : "") +
           read(place.file("lowart.db"));
  }
  static std::string read(std::string const& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }

  TempDirectory place;
  std::string file;
  std::int64_t now{noon};
  std::unique_ptr<Administration> admin;
};

}  // namespace lowart_test
