#pragma once
/// ask_offers: the models that a provider lists. A provider class combines it with HttpChat.

#include <lowart/dialect/model_offer_page.hpp>
#include <lowart/model/model_offers.hpp>
#include <lowart/provider/attempt.hpp>
#include <lowart/provider/http_wire.hpp>

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// What a wire language is to ask_offers.
///
/// Models: OpenAiWire, OpenAiResponsesWire, AnthropicWire, GeminiWire, OllamaWire, CohereWire.
template <class W>
concept OffersWire =
    HttpWire<W> && requires(W const& wire, ModelOffersRequest const& request, Call& call,
                            std::string& scratch, net::HttpRequest& http, std::string_view text) {
      {
        wire.path(request, text, scratch)
      } -> std::same_as<std::string_view>;  // text: the page, as the last one named it
      { wire.write_fields(request, call, http) };
      { W::read_offers(text) } -> std::same_as<Result<dialect::ModelOfferPage>>;
    };

/// All pages of the list, one after the other: at most 32, and 10,000 models.
///
/// Errors: as HttpChat's for a whole reply; malformed_reply when it is no list, one that does not end, or too long.
template <OffersWire Wire, net::Transport T>
Task<Result<ModelOffers>> ask_offers(T& transport, Wire const& wire, ModelOffersRequest const& request,
                                     Call& call) {
  constexpr int most_pages = 32;
  constexpr std::size_t most_models = 10'000;
  constexpr std::size_t most_cursor_bytes = 8192;  // becomes a part of the next path
  AttemptMark attempt(call, wire.options().name, {});
  std::vector<ModelOffer> models;
  std::string next;
  for (int page = 0; page < most_pages; ++page) {
    ArenaPtr<http_wire::Outgoing> const out = call.make<http_wire::Outgoing>();
    auto& http = out->http.emplace("GET", wire.path(request, next, out->path));
    wire.write_fields(request, call, http);
    http.field("accept", http_wire::json_type).field("user-agent", "lowart");
    WholeHead head;
    Result<ArenaPtr<WholeBody>> body = co_await http_wire::ask_whole(transport, wire, *out, head, call);
    if (!body) co_return attempt.failed(std::move(body.error()));
    Result<dialect::ModelOfferPage> read = Wire::read_offers((*body)->text());
    if (!read) co_return attempt.failed(http_wire::not_an_answer(read.error()));
    if (models.size() + read->models.size() > most_models) break;
    std::move(read->models.begin(), read->models.end(), std::back_inserter(models));
    next = std::move(read->next);
    if (next.size() > most_cursor_bytes) break;
    if (!next.empty()) continue;
    attempt.answered();
    co_return ModelOffers(std::move(models));
  }
  Error endless(
      Errc::malformed_reply,
      "the provider's list of models is longer than 32 pages or 10,000 models, or names its next page with "
      "more than 8 KiB",
      Origin::upstream);
  co_return attempt.failed(http_wire::not_an_answer(std::move(endless)));
}

}  // namespace lowart
