#include "registry/audit_log.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

namespace lowart::server {

namespace {

constexpr std::string_view columns = "seq, at, actor, address, act, subject, outcome, detail, hash";

AuditEntry entry_of(sqlite::Statement const& row) {
  AuditEntry entry;
  entry.seq = row.integer(0);
  entry.at = row.integer(1);
  entry.actor = row.text(2);
  entry.address = row.text(3);
  entry.act = row.text(4);
  entry.subject = row.text(5);
  entry.outcome = row.text(6);
  entry.detail = row.text(7);
  auto const blob = row.blob(8);
  std::memcpy(entry.hash.data(), blob.data(), std::min(blob.size(), entry.hash.size()));
  return entry;
}

void add_number(net::Sha256Sum& sum, std::int64_t number) {
  std::string bytes;
  for (unsigned shift = 0; shift < 64; shift += 8)
    bytes.push_back(static_cast<char>(static_cast<std::uint64_t>(number) >> shift & 0xFFU));
  sum.add(bytes);
}

}  // namespace

net::Sha256 audit_hash(net::Sha256 const& before, AuditEntry const& entry) {
  net::Sha256Sum sum;
  sum.add({reinterpret_cast<char const*>(before.data()), before.size()});
  add_number(sum, entry.seq);
  add_number(sum, entry.at);
  // Each text with its length, so that nothing can move from one into the next.
  for (std::string_view const text :
       {std::string_view(entry.actor), std::string_view(entry.address), std::string_view(entry.act),
        std::string_view(entry.subject), std::string_view(entry.outcome), std::string_view(entry.detail)}) {
    add_number(sum, static_cast<std::int64_t>(text.size()));
    sum.add(text);
  }
  return sum.take();
}

Result<AuditEntry> AuditLog::last() {
  auto row = database_.prepare("SELECT " + std::string(columns) + " FROM audit ORDER BY seq DESC LIMIT 1");
  if (!row) return tl::unexpected(std::move(row).error());
  auto const stepped = row->step();
  if (!stepped) return tl::unexpected(stepped.error());
  return *stepped ? entry_of(*row) : AuditEntry();
}

Result<AuditEntry> AuditLog::append(AuditEntry entry) {
  auto const before = last();
  if (!before) return before;
  entry.seq = before->seq + 1;
  entry.hash = audit_hash(before->hash, entry);
  auto row = database_.prepare("INSERT INTO audit (" + std::string(columns) + ") VALUES (?,?,?,?,?,?,?,?,?)");
  if (!row) return tl::unexpected(std::move(row).error());
  row->bind(1, entry.seq).bind(2, entry.at).bind(3, entry.actor).bind(4, entry.address).bind(5, entry.act);
  row->bind(6, entry.subject).bind(7, entry.outcome).bind(8, entry.detail);
  row->bind(9, std::as_bytes(std::span(entry.hash)));
  if (auto done = row->run(); !done) return tl::unexpected(std::move(done).error());
  return entry;
}

Result<std::vector<AuditEntry>> AuditLog::list(AuditFilter const& filter, std::size_t limit) {
  std::string query =
      "SELECT " + std::string(columns) + " FROM audit WHERE seq < ?1 AND at >= ?2 AND at < ?3";
  std::vector<std::string_view> values;
  for (auto const& [column, value] : {std::pair<std::string_view, std::string_view>{"actor", filter.actor},
                                      {"act", filter.act},
                                      {"subject", filter.subject},
                                      {"outcome", filter.outcome}}) {
    if (value.empty()) continue;
    values.push_back(value);
    query.append(" AND ").append(column).append(" = ?").append(std::to_string(values.size() + 3));
  }
  query.append(" ORDER BY seq DESC LIMIT ").append(std::to_string(limit));
  auto rows = database_.prepare(query);
  if (!rows) return tl::unexpected(std::move(rows).error());
  rows->bind(1, filter.before).bind(2, filter.from).bind(3, filter.until);
  for (std::size_t i = 0; i < values.size(); ++i) rows->bind(static_cast<int>(i) + 4, values[i]);
  std::vector<AuditEntry> entries;
  for (;;) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return entries;
    entries.push_back(entry_of(*rows));
  }
}

Result<void> AuditLog::for_each(std::function<void(AuditEntry const&)> const& f) {
  auto rows = database_.prepare("SELECT " + std::string(columns) + " FROM audit ORDER BY seq");
  if (!rows) return tl::unexpected(std::move(rows).error());
  for (;;) {
    auto const row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    f(entry_of(*rows));
  }
}

Result<AuditVerdict> AuditLog::verify(std::string_view expected) {
  AuditVerdict verdict;
  bool met = expected.empty();
  auto const done = for_each([&](AuditEntry const& entry) {
    if (verdict.broken_at != 0) return;
    if (entry.seq != verdict.entries + 1) {
      verdict.broken_at = verdict.entries + 1;
      verdict.reason = "entry " + std::to_string(verdict.entries + 1) + " is missing";
      return;
    }
    if (audit_hash(verdict.head, entry) != entry.hash) {
      verdict.broken_at = entry.seq;
      verdict.reason = "entry " + std::to_string(entry.seq) + " is not as it was written";
      return;
    }
    ++verdict.entries;
    verdict.head = entry.hash;
    std::string digits;
    if (!met) net::append_hex(digits, entry.hash);
    met = met || digits == expected;
  });
  if (!done) return tl::unexpected(done.error());
  if (verdict.broken_at == 0 && !met) {
    verdict.broken_at = verdict.entries + 1;
    verdict.reason = "no entry has the hash that is expected: the end was cut off, or all was written anew";
  }
  return verdict;
}

}  // namespace lowart::server
