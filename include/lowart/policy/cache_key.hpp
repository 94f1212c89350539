#pragma once
/// CacheKey: what two requests share when one answer does for both. Pure.

#include <lowart/core/call.hpp>
#include <lowart/dialect/json_canonical.hpp>
#include <lowart/model/chat_request.hpp>
#include <lowart/model/embedding_request.hpp>
#include <lowart/net/sha256.hpp>
#include <lowart/provider/provider.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowart {

/// A SHA-256, so that nobody can make a request that is taken for another.
using CacheKey = net::Sha256;

struct CacheKeyHash {
  std::size_t operator()(CacheKey const& key) const noexcept {
    std::size_t hash = 0;
    std::memcpy(&hash, key.data(), sizeof hash);
    return hash;
  }
};

/// Who shares answers with whom.
struct CacheScope {
  std::string model;   ///< Stands for whatever name the client calls it by; empty: that name counts.
  bool shared{false};  ///< Between the keys of clients.
  std::vector<std::string> fields{};  ///< Header fields that decide who answers: they must be the same, too.
};

namespace cache_key {

/// Members of a request that change nothing of its answer: who is behind it, and how its provider caches prompts.
/// Everything else counts: `stream_options` and `store` change what is sent back or what can be done with it later, and
/// the objects of Responses repeat whatever they were asked.
inline bool changes_nothing(Dialect dialect, dialect::JsonMember const& member) {
  auto const is_one_of = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), member.key) != names.end();
  };
  switch (dialect) {
    case Dialect::openai_chat:
    case Dialect::openai_completions:
      return is_one_of({"user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"});
    case Dialect::anthropic: return is_one_of({"metadata"});
    case Dialect::gemini: return is_one_of({"labels"});
    case Dialect::ollama:
    case Dialect::ollama_generate: return is_one_of({"keep_alive"});
    case Dialect::openai_responses:
    case Dialect::bedrock:
    case Dialect::cohere:
    case Dialect::neutral: return false;
  }
  return false;
}

/// Members that lean on what a provider keeps and changes between two calls, or that ask for an answer later: the next
/// call has another answer.
inline bool leans_on_state(dialect::JsonMember const& member) {
  if (member.kind == dialect::JsonKind::null || member.value == "false") return false;
  constexpr std::array<std::string_view, 3> names{"conversation", "container", "background"};
  return std::any_of(names.begin(), names.end(), [&](auto name) { return member.key_is(name); });
}

/// What lists things that were said: in there the order of members says nothing. Elsewhere it may: a model fills in a
/// schema in the order of its properties.
inline bool is_said(dialect::JsonMember const& member) {
  constexpr std::array<std::string_view, 6> names{
      "messages", "input", "contents", "system", "systemInstruction", "system_instruction"};
  return std::find(names.begin(), names.end(), member.key) != names.end();
}

/// Adds parts so that no two lists of parts come out alike.
class Sum {
 public:
  void text(std::string_view text) {
    number(text.size());
    sum_.add(text);
  }
  void number(std::uint64_t number) {
    std::array<char, sizeof number> bytes{};
    std::memcpy(bytes.data(), &number, sizeof number);
    sum_.add({bytes.data(), bytes.size()});
  }
  /// False: the answer to such a body is not to be kept.
  bool body(Dialect dialect, std::string_view body) {
    // Deep enough for the parts of messages and what is in them; further down only the same order is equal.
    constexpr int levels = 6;
    std::vector<dialect::JsonMember> members;
    bool stateless = true;
    auto const scan = dialect::scan_object(body, [&](dialect::JsonMember const& member) {
      stateless = stateless && !leans_on_state(member);
      if (!member.key_is("model") && !changes_nothing(dialect, member)) members.push_back(member);
    });
    if (scan != dialect::JsonScan::ok || !stateless) return false;
    dialect::sort_by_name(members);
    auto const add = [this](std::string_view piece) { sum_.add(piece); };
    for (dialect::JsonMember const& member : members) {
      text(member.key);
      dialect::canonical_json(member.value, is_said(member) ? levels : 0, add);
      sum_.add(std::string_view("\0", 1));
    }
    return true;
  }
  CacheKey take() { return sum_.take(); }

 private:
  net::Sha256Sum sum_;
};

inline Dialect dialect_of(EmbeddingDialect d) noexcept {
  if (d == EmbeddingDialect::ollama || d == EmbeddingDialect::ollama_single) return Dialect::ollama;
  return d == EmbeddingDialect::openai ? Dialect::openai_chat : Dialect::gemini;
}

}  // namespace cache_key

/// Two requests with one key get one answer: the same operation, model, dialect and framing; the same API key, unless
/// these share; the same header fields that are passed on or decide who answers; and the same body, but for white
/// space, the order of members, the model's spelling and what changes_nothing().
///
/// Nullopt: the request is none for a cache: it was made in process, or it leans on what its provider keeps.
/// Cost: about ten passes over the body; 1 MB takes 1 to 4 ms.
template <Request R>
std::optional<CacheKey> key_of(R const& request, Call const& call, CacheScope const& scope) {
  if (!request.wire()) return std::nullopt;
  auto const& wire = *request.wire();
  constexpr bool is_chat = std::same_as<R, ChatRequest>;
  cache_key::Sum sum;
  sum.text(R::operation);
  sum.number(static_cast<std::uint64_t>(wire.dialect));
  sum.text(scope.model.empty() ? std::string_view(request.model()) : std::string_view(scope.model));
  sum.text(scope.shared ? std::string_view() : call.caller().key);
  for (std::string const& name : scope.fields) sum.text(call.client_fields().get(name));
  sum.number(wire.fields.size());
  for (auto const& [name, value] : wire.fields) {
    sum.text(name);
    sum.text(value);
  }
  if constexpr (is_chat) {
    sum.number(wire.stream ? 1 : 0);
    if (!sum.body(wire.dialect, wire.body)) return std::nullopt;
  } else if (!sum.body(cache_key::dialect_of(wire.dialect), wire.body)) {
    return std::nullopt;
  }
  return sum.take();
}

/// What `cache-control` of a request asks of a cache.
struct CacheWish {
  bool may_keep{true};                    ///< `no-store`: it is to have no part in the call.
  std::optional<std::int64_t> max_age{};  ///< Seconds; `no-cache` is 0.

  bool takes(std::int64_t age) const noexcept { return !max_age || age < *max_age; }
};

/// Reads a header field as RFC 9111 has it; what is not known is passed over.
inline CacheWish cache_wish(std::string_view control) {
  CacheWish wish;
  while (!control.empty()) {
    std::size_t const comma = std::min(control.find(','), control.size());
    std::string directive;
    for (char const c : control.substr(0, comma))
      if (c != ' ' && c != '\t')
        directive.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    control.remove_prefix(std::min(comma + 1, control.size()));
    constexpr std::string_view age = "max-age=";
    if (directive == "no-store") wish.may_keep = false;
    else if (directive == "no-cache") wish.max_age = 0;
    else if (directive.starts_with(age))
      if (auto const seconds = dialect::as_int(std::string_view(directive).substr(age.size())); seconds >= 0)
        wish.max_age = std::min(wish.max_age.value_or(*seconds), *seconds);
  }
  return wish;
}

}  // namespace lowart
