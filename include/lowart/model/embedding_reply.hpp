#pragma once
/// EmbeddingReply: the vectors of an embedding call, as bytes of a dialect or in the neutral language.

#include <lowart/core/call.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/usage.hpp>
#include <lowart/model/embedding.hpp>
#include <lowart/model/whole_reply.hpp>

#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// An answer that is complete: nothing of it can fail any more, except that its bytes may not decode.
///
/// Move-only. Must be gone before its Call is.
class EmbeddingReply {
 public:
  using Head = WholeHead;
  /// Reads the vectors out of a reply of a dialect.
  using Decode = Result<std::vector<Embedding>> (*)(std::string_view body);

  EmbeddingReply(Head const& head, std::vector<Embedding> vectors, Usage usage)
      : head_(head), vectors_(std::move(vectors)), usage_(usage) {}
  /// `bytes` are a reply of `dialect`, which `decode` reads.
  EmbeddingReply(Head const& head, EmbeddingDialect dialect, ArenaPtr<ReplyBytes> bytes, Decode decode,
                 Usage usage)
      : head_(head), bytes_(std::move(bytes)), decode_(decode), usage_(usage), dialect_(dialect) {}

  Head const& head() const noexcept { return head_; }
  /// For a cache: whether it had this answer.
  void came_by(CacheUse use) noexcept { head_.cache = use; }
  EmbeddingDialect dialect() const noexcept { return dialect_; }
  /// What reads the bytes; null when the reply is neutral.
  Decode decoder() const noexcept { return decode_; }
  /// As they came; empty when the reply is neutral.
  std::string_view bytes() const noexcept { return bytes_ ? bytes_->text() : std::string_view(); }
  /// As reported; empty when nothing was.
  Usage const& usage() const noexcept { return usage_; }
  /// One vector for each input, in order. Decoded anew for bytes: ask once.
  Result<std::vector<Embedding>> vectors() const { return bytes_ ? decode_(bytes_->text()) : vectors_; }

 private:
  Head head_;
  std::vector<Embedding> vectors_;
  ArenaPtr<ReplyBytes> bytes_;
  Decode decode_{nullptr};
  Usage usage_;
  EmbeddingDialect dialect_{EmbeddingDialect::neutral};
};

}  // namespace lowart
