#include "litellm/litellm_price.hpp"

#include "decimal_text.hpp"

#include <array>
#include <charconv>
#include <map>

namespace lowart::server {

namespace {

namespace json = boost::json;

constexpr int per_million = 6;

struct Cost {
  std::string_view theirs;
  std::string_view ours;
  int places;
};
constexpr std::array<Cost, 14> costs{{
    {"input_cost_per_token", "input", per_million},
    {"output_cost_per_token", "output", per_million},
    {"cache_read_input_token_cost", "cache_read", per_million},
    {"cache_creation_input_token_cost", "cache_write", per_million},
    {"cache_creation_input_token_cost_above_1hr", "cache_write_1h", per_million},
    {"output_cost_per_reasoning_token", "reasoning", per_million},
    {"input_cost_per_audio_token", "input_audio", per_million},
    {"output_cost_per_audio_token", "output_audio", per_million},
    {"input_cost_per_image_token", "input_image", per_million},
    {"output_cost_per_image_token", "output_image", per_million},
    {"output_cost_per_image", "per_image", 0},
    {"input_cost_per_second", "per_second", 0},
    {"input_cost_per_character", "per_character", 0},
    {"input_cost_per_query", "per_search", 0},
}};

/// The amount as a price card has it; empty, with a note, where it cannot.
std::string amount_of(LitellmMap& map, std::string_view name, int places) {
  constexpr std::size_t most_decimals = 9;
  auto const amount = shifted_decimal(map.text(name), places);
  if (!amount) return map.note(name, "is no price"), std::string();
  auto const point = amount->find('.');
  if (point == amount->npos || amount->size() - point - 1 <= most_decimals) return *amount;
  map.note(name, "has more than nine decimals as USD for a million");
  return {};
}

/// "input_cost_per_token_above_200k_tokens": what it is the cost of, and beyond how many tokens. Null: it is no such name.
Cost const* step_of(std::string_view name, std::int64_t& tokens) {
  constexpr std::string_view middle = "_above_", end = "k_tokens";
  auto const at = name.find(middle);
  if (at == name.npos || !name.ends_with(end)) return nullptr;
  std::string_view const number =
      name.substr(at + middle.size(), name.size() - at - middle.size() - end.size());
  auto const [last, error] = std::from_chars(number.data(), number.data() + number.size(), tokens);
  if (error != std::errc() || last != number.data() + number.size() || tokens <= 0 || tokens > 1'000'000)
    return nullptr;
  tokens *= 1000;
  for (Cost const& cost : costs)
    if (cost.theirs == name.substr(0, at)) return &cost;
  return nullptr;
}

}  // namespace

json::object read_litellm_price(LitellmMap& params, LitellmMap& info) {
  json::object price;
  std::map<std::int64_t, json::object> steps;
  for (LitellmMap* const map : {&params, &info}) {
    for (Cost const& cost : costs) {
      if (!map->has(cost.theirs)) continue;
      std::string amount = amount_of(*map, cost.theirs, cost.places);
      if (!amount.empty() && !price.contains(cost.ours)) price[cost.ours] = std::move(amount);
    }
    auto const members = map->members();
    for (auto const& [name, value] : members) {
      std::int64_t tokens = 0;
      Cost const* const cost = step_of(name, tokens);
      if (cost == nullptr) continue;
      std::string amount = amount_of(*map, name, cost->places);
      if (!amount.empty() && !steps[tokens].contains(cost->ours))
        steps[tokens][cost->ours] = std::move(amount);
    }
  }
  json::array above;
  for (auto& [tokens, amounts] : steps) {
    if (amounts.empty()) continue;
    json::object step{{"input_tokens", tokens}};
    for (auto& amount : amounts) step[amount.key()] = std::move(amount.value());
    above.push_back(std::move(step));
  }
  if (!above.empty()) price["above"] = std::move(above);
  return price;
}

}  // namespace lowart::server
