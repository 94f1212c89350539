#pragma once
/// The bodies of encoding.hpp. They are compiled once, because they bring 8.5 MB of tables along.

#include <array>
#include <lowart/meter/ascii_words.hpp>
#include <lowart/meter/bpe.hpp>
#include <lowart/meter/encoding.hpp>
#include <lowart/meter/encoding_data.hpp>
#include <lowart/meter/piece_cache.hpp>
#include <lowart/meter/utf8.hpp>
#include <memory>
#include <string>

namespace lowart {

namespace detail {

/// This thread's cache for an encoding.
inline PieceCache& piece_cache(std::uint8_t index) {
  thread_local std::array<std::unique_ptr<PieceCache>, 2> caches;
  std::unique_ptr<PieceCache>& cache = caches[index];
  if (!cache) cache = std::make_unique<PieceCache>();
  return *cache;
}

/// Puts the tokens of one piece into its slot of the cache.
struct SlotSink {
  PieceCache::Entry& entry;
  void push(Vocabulary::Token token) noexcept {
    if (entry.count < PieceCache::kept) entry.tokens[entry.count] = token;
    ++entry.count;
  }
  void pop() noexcept { --entry.count; }
};

/// The slot that holds this piece, which is filled first if need be.
inline PieceCache::Entry const& cached_piece(Vocabulary const& vocabulary, PieceCache& cache,
                                             unsigned char const* piece, std::size_t length,
                                             std::size_t readable) {
  PieceKey const key = piece_key(piece, length, readable);
  PieceCache::Entry& entry = cache.slot(key);
  if (entry.key != key) [[unlikely]] {
    entry = {};
    SlotSink sink{entry};
    encode_piece(vocabulary, piece, length, sink);
    entry.key = key;
  }
  return entry;
}

/// Counts the tokens of pieces.
struct PieceCounter {
  Vocabulary const& vocabulary;
  PieceCache& cache;
  CountingSink sink{};

  void add(unsigned char const* piece, std::size_t length, std::size_t readable) {
    if (length <= PieceKey::longest) {
      sink.count += cached_piece(vocabulary, cache, piece, length, readable).count;
    } else {
      encode_piece(vocabulary, piece, length, sink);
    }
  }
};

/// Collects the tokens of pieces.
struct PieceCollector {
  Vocabulary const& vocabulary;
  PieceCache& cache;
  CollectingSink sink;

  void add(unsigned char const* piece, std::size_t length, std::size_t readable) {
    if (length <= PieceKey::longest) {
      PieceCache::Entry const& entry = cached_piece(vocabulary, cache, piece, length, readable);
      if (entry.count <= PieceCache::kept) {
        sink.tokens.insert(sink.tokens.end(), entry.tokens, entry.tokens + entry.count);
        return;
      }
    }
    encode_piece(vocabulary, piece, length, sink);
  }
};

/// Gives the pieces of `text`, valid UTF-8, to `taker`: all of them or, unless `whole`, those that no
/// continuation of the text can change. Returns how many bytes they have.
template <PiecePattern pattern, bool whole, class Taker>
std::size_t each_piece(std::string_view text, Taker& taker) {
  auto const* const begin = reinterpret_cast<unsigned char const*>(text.data());
  unsigned char const* const end = begin + text.size();
  PieceScanner<pattern> scanner{end};
  unsigned char const* place = begin;
  while (place != end) {
    auto const readable = static_cast<std::size_t>(end - place);
    std::size_t length = readable >= 32 ? ascii_word_length<pattern>(place) : 0;
    if (length == 0) {
      length = static_cast<std::size_t>(scanner.piece_end(place) - place);
      if (!whole && scanner.saw_end()) break;
    }
    taker.add(place, length, readable);
    place += length;
  }
  return static_cast<std::size_t>(place - begin);
}

template <bool whole, class Taker>
std::size_t each_piece(PiecePattern pattern, std::string_view text, Taker& taker) {
  return pattern == PiecePattern::o200k ? each_piece<PiecePattern::o200k, whole>(text, taker)
                                        : each_piece<PiecePattern::cl100k, whole>(text, taker);
}

/// `text` itself if it is valid UTF-8, or else a repaired copy in `storage`.
inline std::string_view as_utf8(std::string_view text, std::string& storage) {
  std::size_t const good = unicode::valid_utf8_prefix(text);
  if (good == text.size()) return text;
  storage.assign(text.substr(0, good));
  unicode::append_repaired(text.substr(good), storage);
  return storage;
}

}  // namespace detail

LOWART_DECL std::size_t Encoding::count(std::string_view text) const {
  std::string storage;
  detail::PieceCounter counter{vocabulary_, detail::piece_cache(index_)};
  detail::each_piece<true>(pattern_, detail::as_utf8(text, storage), counter);
  return counter.sink.count;
}

LOWART_DECL void Encoding::encode(std::string_view text, std::vector<std::uint32_t>& tokens) const {
  std::string storage;
  detail::PieceCollector collector{vocabulary_, detail::piece_cache(index_), {tokens}};
  detail::each_piece<true>(pattern_, detail::as_utf8(text, storage), collector);
}

LOWART_DECL Encoding::Settled Encoding::count_settled(std::string_view text) const {
  detail::PieceCounter counter{vocabulary_, detail::piece_cache(index_)};
  std::size_t const bytes = detail::each_piece<false>(pattern_, text, counter);
  return {counter.sink.count, bytes};
}

LOWART_DECL Encoding const& o200k_base() {
  static Encoding const encoding{"o200k_base", PiecePattern::o200k, lowart_data_o200k_base, 0};
  return encoding;
}

LOWART_DECL Encoding const& cl100k_base() {
  static Encoding const encoding{"cl100k_base", PiecePattern::cl100k, lowart_data_cl100k_base, 1};
  return encoding;
}

LOWART_DECL Encoding const* encoding_for_model(std::string_view model) {
  if (model.starts_with("ft:")) model.remove_prefix(3);
  if (auto const slash = model.rfind('/'); slash != std::string_view::npos) model.remove_prefix(slash + 1);
  struct Family {
    std::string_view prefix;
    Encoding const& (*encoding)();
  };
  // The first that fits wins, so the longer names come first. The source is tiktoken's model table, where
  // o200k_harmony is o200k_base with more special tokens.
  static constexpr Family families[] = {
      {"gpt-4o", o200k_base},
      {"gpt-4.", o200k_base},
      {"gpt-5", o200k_base},
      {"gpt-oss", o200k_base},
      {"chatgpt-4o", o200k_base},
      {"o1", o200k_base},
      {"o3", o200k_base},
      {"o4", o200k_base},
      {"gpt-4", cl100k_base},
      {"gpt-3.5", cl100k_base},
      {"gpt-35-turbo", cl100k_base},  // Azure's name
      {"text-embedding-3-", cl100k_base},
      {"text-embedding-ada-002", cl100k_base},
      {"davinci-002", cl100k_base},
      {"babbage-002", cl100k_base},
  };
  for (Family const& family : families) {
    if (!model.starts_with(family.prefix)) continue;
    std::string_view const rest = model.substr(family.prefix.size());
    char const before = family.prefix.back();
    bool const ends_there = before == '-' || before == '.' || rest.empty() || rest[0] == '-' ||
                            rest[0] == '.' || rest[0] == ':' || rest[0] == '@';
    if (ends_there) return &family.encoding();
  }
  return nullptr;
}

}  // namespace lowart
