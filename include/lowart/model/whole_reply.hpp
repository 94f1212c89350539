#pragma once
/// WholeHead and ReplyBytes: what answers that come in one piece have in common: embeddings, counts of tokens.

#include <lowart/model/cache_use.hpp>

#include <string_view>

namespace lowart {

/// What is known of an answer in one piece. Views that live as long as the call.
struct WholeHead {
  int status{200};
  std::string_view content_type{"application/json"};
  std::string_view provider;        ///< Who answers.
  std::string_view upstream_model;  ///< The model asked of the provider.
  std::string_view upstream_id;     ///< The provider's request id.
  std::string_view dropped;  ///< Losses::header() of the request's translation; empty when all was said.
  CacheUse cache{};
};

/// The bytes of an answer as they came, held by whoever received them. Made in the call's arena.
class ReplyBytes {
 public:
  virtual ~ReplyBytes() = default;
  virtual std::string_view text() const noexcept = 0;
};

}  // namespace lowart
