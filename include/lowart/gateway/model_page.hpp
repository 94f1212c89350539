#pragma once
/// Which page of the list of models a client wants, as each vendor's SDK asks for it.

#include <lowart/core/result.hpp>
#include <lowart/gateway/model_list.hpp>
#include <lowart/gateway/query.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// Where a page begins or ends, and how long it may be. Each place has the parameter that named it, for errors.
struct ModelPageWish {
  std::size_t most{SIZE_MAX};
  std::string after;   ///< The model behind which it begins; empty: at the first.
  std::string before;  ///< The model in front of which it ends; empty: wherever.
  std::string_view after_name{"after_id"};
};

namespace model_page {

inline constexpr std::size_t longest = 1000;  // of both vendors

inline Error wrong(std::string_view name, std::string_view what) {
  std::string message("'");
  message.append(name).append("' ").append(what);
  return Error(Errc::invalid_request, std::move(message), Origin::client).with_param(std::string(name));
}

/// A length; nullopt where none is asked for. One over the longest is itself.
inline Result<std::optional<std::size_t>> read_length(std::string_view query, std::string_view name,
                                                      std::size_t least) {
  std::string const text = percent_decoded(in_query(query, name));
  if (text.empty()) return std::nullopt;
  std::size_t length = 0;
  char const* const end = text.data() + text.size();
  auto const [stop, error] = std::from_chars(text.data(), end, length);
  bool const is_number = stop == end && error != std::errc::invalid_argument;
  if (!is_number || (error == std::errc{} && length < least))
    return fail(wrong(name, "must be a whole number from " + std::to_string(least)));
  return error == std::errc{} ? length : SIZE_MAX;
}

inline Result<ModelPageWish> read_anthropic(std::string_view query) {
  ModelPageWish wish;
  auto const limit = read_length(query, "limit", 1);
  if (!limit) return fail(limit.error());
  if (limit->value_or(1) > longest)
    return fail(wrong("limit", "must not be more than " + std::to_string(longest)));
  wish.most = limit->value_or(SIZE_MAX);
  wish.after = percent_decoded(in_query(query, "after_id"));
  wish.before = percent_decoded(in_query(query, "before_id"));
  if (!wish.after.empty() && !wish.before.empty())
    return fail(wrong("before_id", "and 'after_id' exclude each other"));
  return wish;
}

/// Google takes a size that is too long for the longest, and 0 for none.
inline Result<ModelPageWish> read_gemini(std::string_view query) {
  ModelPageWish wish;
  auto const size = read_length(query, "pageSize", 0);
  if (!size) return fail(size.error());
  if (auto const asked = size->value_or(0); asked > 0) wish.most = std::min(asked, longest);
  wish.after = percent_decoded(in_query(query, "pageToken"));
  wish.after_name = "pageToken";
  return wish;
}

}  // namespace model_page

/// What the query of a list asks for: `limit`, `after_id` and `before_id` of Anthropic's clients, `pageSize` and
/// `pageToken` of Gemini's. OpenAI's list has one page. Errors: invalid_request with the parameter's name.
inline Result<ModelPageWish> read_model_page_wish(Dialect asker, std::string_view query) {
  if (asker == Dialect::anthropic) return model_page::read_anthropic(query);
  if (asker == Dialect::gemini) return model_page::read_gemini(query);
  return ModelPageWish{};
}

/// The page of `cards` that is wished for; it views them. Errors: invalid_request for a model that is not among them.
inline Result<ModelPage> find_model_page(ModelPageWish const& wish, std::span<ModelCard const* const> cards) {
  auto const place_of = [&](std::string const& id) {
    auto const found =
        std::find_if(cards.begin(), cards.end(), [&](ModelCard const* card) { return card->id == id; });
    return static_cast<std::size_t>(found - cards.begin());
  };
  if (!wish.before.empty()) {
    std::size_t const end = place_of(wish.before);
    if (end == cards.size()) return fail(model_page::wrong("before_id", "names no model of this list"));
    std::size_t const count = std::min(end, wish.most);
    return ModelPage{cards.subspan(end - count, count), count < end};
  }
  std::size_t const begin = wish.after.empty() ? 0 : place_of(wish.after) + 1;
  if (begin > cards.size()) return fail(model_page::wrong(wish.after_name, "names no model of this list"));
  std::size_t const count = std::min(cards.size() - begin, wish.most);
  return ModelPage{cards.subspan(begin, count), begin + count < cards.size()};
}

}  // namespace lowart
