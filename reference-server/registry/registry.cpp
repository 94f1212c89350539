#include "registry/registry.hpp"

#include "registry/registry_schema.hpp"

#include <cstring>
#include <limits>
#include <span>

namespace lowart::server {

namespace {

using sqlite::Statement;

constexpr std::string_view columns = "kind, name, revision, created_at, updated_at, body";

Result<json::object> parse_body(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object())
    return fail(Errc::storage_failed, "a body in lowart.db is not a JSON object");
  return std::move(value.get_object());
}

Result<Resource> resource_of(Statement const& row) {
  auto body = parse_body(row.text(5));
  if (!body) return tl::unexpected(std::move(body).error());
  Resource made;
  made.kind = kind_named(row.text(0)).value_or(ResourceKind::user);
  made.name = row.text(1);
  made.revision = row.integer(2);
  made.created_at = row.integer(3);
  made.updated_at = row.integer(4);
  made.body = std::move(*body);
  return made;
}

/// Calls `f` for each row; it returns a Result<void>.
template <class F>
Result<void> each_row(Statement& rows, F const& f) {
  for (;;) {
    auto const row = rows.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    if (Result<void> done = f(rows); !done) return done;
  }
}

net::Sha256 digest_in(Statement const& row, int column) {
  net::Sha256 digest{};
  auto const blob = row.blob(column);
  std::memcpy(digest.data(), blob.data(), std::min(blob.size(), digest.size()));
  return digest;
}

Result<Change> change_of(Statement const& row, bool with_bodies) {
  Change change;
  change.revision = row.integer(0);
  change.at = row.integer(1);
  change.actor = row.text(2);
  change.kind = kind_named(row.text(3)).value_or(ResourceKind::user);
  change.name = row.text(4);
  if (!with_bodies) return change;
  for (auto const& [column, body] : {std::pair{5, &change.before}, std::pair{6, &change.after}}) {
    if (row.is_null(column)) continue;
    auto parsed = parse_body(row.text(column));
    if (!parsed) return tl::unexpected(std::move(parsed).error());
    *body = std::move(*parsed);
  }
  return change;
}

}  // namespace

Result<Registry> Registry::open(std::string const& path) {
  auto database = sqlite::Database::open(path);
  if (!database) return tl::unexpected(std::move(database).error());
  if (auto done = sqlite::migrate(*database, registry_steps, "account"); !done)
    return tl::unexpected(std::move(done).error());
  return Registry(std::move(*database));
}

Result<std::optional<Resource>> Registry::find(ResourceKind kind, std::string_view name) {
  auto rows =
      database_.prepare("SELECT " + std::string(columns) + " FROM resource WHERE kind = ? AND name = ?");
  if (!rows) return tl::unexpected(std::move(rows).error());
  auto const row = rows->bind(1, plural(kind)).bind(2, name).step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::nullopt;
  auto found = resource_of(*rows);
  if (!found) return tl::unexpected(std::move(found).error());
  return std::optional(std::move(*found));
}

Result<ResourcePage> Registry::list(ResourceKind kind, ResourceFilter const& filter, std::string_view after,
                                    std::size_t limit) {
  std::string query = "SELECT " + std::string(columns) + " FROM resource WHERE kind = ?1 AND name > ?2";
  std::vector<std::string_view> values;
  for (auto const& [column, value] : {std::pair<std::string_view, std::string_view>{"owner", filter.owner},
                                      {"team", filter.team},
                                      {"status", filter.status}}) {
    if (value.empty()) continue;
    values.push_back(value);
    query.append(" AND ").append(column).append(" = ?").append(std::to_string(values.size() + 2));
  }
  std::string last = filter.prefix;
  if (!last.empty()) {
    last.append("\xF4\x8F\xBF\xBF");  // the last character there is
    values.push_back(filter.prefix);
    query.append(" AND name >= ?").append(std::to_string(values.size() + 2));
    values.push_back(last);
    query.append(" AND name <= ?").append(std::to_string(values.size() + 2));
  }
  query.append(" ORDER BY name LIMIT ").append(std::to_string(limit + 1));
  auto rows = database_.prepare(query);
  if (!rows) return tl::unexpected(std::move(rows).error());
  rows->bind(1, plural(kind)).bind(2, after);
  for (std::size_t i = 0; i < values.size(); ++i) rows->bind(static_cast<int>(i) + 3, values[i]);
  ResourcePage page;
  auto done = each_row(*rows, [&](Statement const& row) -> Result<void> {
    auto one = resource_of(row);
    if (!one) return tl::unexpected(std::move(one).error());
    page.entries.push_back(std::move(*one));
    return {};
  });
  if (!done) return tl::unexpected(std::move(done).error());
  page.has_more = page.entries.size() > limit;
  if (page.has_more) page.entries.pop_back();
  return page;
}

Result<void> Registry::for_each(ResourceKind kind, std::function<void(Resource&&)> const& f) {
  auto rows =
      database_.prepare("SELECT " + std::string(columns) + " FROM resource WHERE kind = ? ORDER BY name");
  if (!rows) return tl::unexpected(std::move(rows).error());
  rows->bind(1, plural(kind));
  return each_row(*rows, [&](Statement const& row) -> Result<void> {
    auto one = resource_of(row);
    if (!one) return tl::unexpected(std::move(one).error());
    f(std::move(*one));
    return {};
  });
}

Result<std::int64_t> Registry::count(ResourceKind kind) {
  auto row = database_.prepare("SELECT count FROM resource_count WHERE kind = ?");
  if (!row) return tl::unexpected(std::move(row).error());
  auto const stepped = row->bind(1, plural(kind)).step();
  if (!stepped) return tl::unexpected(stepped.error());
  return *stepped ? row->integer(0) : 0;
}

Result<Resource> Registry::put(ResourceKind kind, std::string_view name, json::object body,
                               std::string_view actor, std::int64_t now) {
  auto before = find(kind, name);
  if (!before) return tl::unexpected(std::move(before).error());
  Resource const* const old = *before ? &**before : nullptr;
  if (auto done = note_change(kind, name, actor, now, old, &body); !done)
    return tl::unexpected(std::move(done).error());
  Resource made{.kind = kind,
                .name = std::string(name),
                .revision = database_.last_inserted(),
                .created_at = old == nullptr ? now : old->created_at,
                .updated_at = now,
                .body = std::move(body)};
  if (old == nullptr)
    if (auto done = add_to_count(kind, 1); !done) return tl::unexpected(std::move(done).error());
  auto row = database_.prepare(
      "INSERT OR REPLACE INTO resource (kind, name, revision, created_at, updated_at, owner, team, status, "
      "body) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!row) return tl::unexpected(std::move(row).error());
  std::string const text = json::serialize(made.body);
  row->bind(1, plural(kind)).bind(2, name).bind(3, made.revision).bind(4, made.created_at).bind(5, now);
  row->bind(6, text_in(made.body, "user")).bind(7, text_in(made.body, "team"));
  row->bind(8, text_in(made.body, "status")).bind(9, text);
  if (auto done = row->run(); !done) return tl::unexpected(std::move(done).error());
  return made;
}

Result<void> Registry::remove(ResourceKind kind, std::string_view name, std::string_view actor,
                              std::int64_t now) {
  auto before = find(kind, name);
  if (!before) return tl::unexpected(std::move(before).error());
  if (!*before) return {};
  if (auto done = note_change(kind, name, actor, now, &**before, nullptr); !done) return done;
  if (auto done = add_to_count(kind, -1); !done) return done;
  auto row = database_.prepare("DELETE FROM resource WHERE kind = ? AND name = ?");
  if (!row) return tl::unexpected(std::move(row).error());
  if (auto done = row->bind(1, plural(kind)).bind(2, name).run(); !done || kind != ResourceKind::key)
    return done;
  auto digest = database_.prepare("DELETE FROM key_digest WHERE name = ?");
  if (!digest) return tl::unexpected(std::move(digest).error());
  return digest->bind(1, name).run();
}

Result<void> Registry::note_change(ResourceKind kind, std::string_view name, std::string_view actor,
                                   std::int64_t now, Resource const* before, json::object const* after) {
  auto row = database_.prepare(
      "INSERT INTO change (at, actor, kind, name, before, after) VALUES (?, ?, ?, ?, ?, ?)");
  if (!row) return tl::unexpected(std::move(row).error());
  std::string const was = before == nullptr ? std::string() : json::serialize(before->body);
  std::string const is = after == nullptr ? std::string() : json::serialize(*after);
  row->bind(1, now).bind(2, actor).bind(3, plural(kind)).bind(4, name);
  if (before != nullptr) row->bind(5, was);
  if (after != nullptr) row->bind(6, is);
  return row->run();
}

Result<void> Registry::add_to_count(ResourceKind kind, std::int64_t more) {
  auto row = database_.prepare(
      "INSERT INTO resource_count (kind, count) VALUES (?1, ?2) ON CONFLICT (kind) DO UPDATE SET count = "
      "count + ?2");
  if (!row) return tl::unexpected(std::move(row).error());
  return row->bind(1, plural(kind)).bind(2, more).run();
}

Result<std::int64_t> Registry::latest_revision() {
  return database_.integer("SELECT coalesce(max(revision), 0) FROM change");
}

Result<std::vector<Change>> Registry::changes_after(std::int64_t revision, std::size_t limit) {
  auto rows = database_.prepare(
      "SELECT revision, at, actor, kind, name FROM change WHERE revision > ? ORDER BY revision LIMIT ?");
  if (!rows) return tl::unexpected(std::move(rows).error());
  rows->bind(1, revision).bind(2, static_cast<std::int64_t>(limit));
  std::vector<Change> changes;
  auto done = each_row(*rows, [&](Statement const& row) -> Result<void> {
    changes.push_back(*change_of(row, false));
    return {};
  });
  if (!done) return tl::unexpected(std::move(done).error());
  return changes;
}

Result<std::vector<Change>> Registry::history(std::optional<ResourceKind> kind, std::string_view name,
                                              std::int64_t before, std::size_t limit) {
  std::string query = "SELECT revision, at, actor, kind, name, before, after FROM change WHERE revision < ?1";
  if (kind) query.append(" AND kind = ?2");
  else query.append(" AND kind IN ('providers', 'groups', 'models', 'tiers', 'model_types')");
  if (!name.empty()) query.append(" AND name = ?3");
  query.append(" ORDER BY revision DESC LIMIT ").append(std::to_string(limit));
  auto rows = database_.prepare(query);
  if (!rows) return tl::unexpected(std::move(rows).error());
  rows->bind(1, before);
  if (kind) rows->bind(2, plural(*kind));
  if (!name.empty()) rows->bind(3, name);
  std::vector<Change> changes;
  auto done = each_row(*rows, [&](Statement const& row) -> Result<void> {
    auto change = change_of(row, true);
    if (!change) return tl::unexpected(std::move(change).error());
    changes.push_back(std::move(*change));
    return {};
  });
  if (!done) return tl::unexpected(std::move(done).error());
  return changes;
}

Result<void> Registry::set_digest(std::string_view key, net::Sha256 const& digest) {
  auto row = database_.prepare("INSERT OR REPLACE INTO key_digest (name, digest) VALUES (?, ?)");
  if (!row) return tl::unexpected(std::move(row).error());
  return row->bind(1, key).bind(2, std::as_bytes(std::span(digest))).run();
}

Result<std::optional<net::Sha256>> Registry::digest_of(std::string_view key) {
  auto row = database_.prepare("SELECT digest FROM key_digest WHERE name = ?");
  if (!row) return tl::unexpected(std::move(row).error());
  auto const stepped = row->bind(1, key).step();
  if (!stepped) return tl::unexpected(stepped.error());
  return *stepped ? std::optional(digest_in(*row, 0)) : std::nullopt;
}

Result<void> Registry::for_each_digest(std::function<void(std::string_view, net::Sha256 const&)> const& f) {
  auto rows = database_.prepare("SELECT name, digest FROM key_digest ORDER BY name");
  if (!rows) return tl::unexpected(std::move(rows).error());
  return each_row(*rows, [&](Statement const& row) -> Result<void> {
    f(row.text(0), digest_in(row, 1));
    return {};
  });
}

}  // namespace lowart::server
