#pragma once
/// ModelOffersRequest: which models does a provider offer? Nobody answers a prompt, and nothing is spent.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// One model as its provider names it.
struct ModelOffer {
  std::string id;
  std::int64_t context_tokens{0};  ///< How much fits in, as the provider says; 0: it does not.
};

/// All that a provider offers, in its own order.
class ModelOffers {
 public:
  explicit ModelOffers(std::vector<ModelOffer> models) noexcept : models_(std::move(models)) {}
  std::vector<ModelOffer> const& models() const noexcept { return models_; }

 private:
  std::vector<ModelOffer> models_;
};

/// Asks for the list of models.
class ModelOffersRequest {
 public:
  using reply_type = ModelOffers;
  static constexpr std::string_view operation = "models";
  /// It uses no tokens and costs nothing, so meters keep no record of it.
  static constexpr bool uses_nothing = true;
};

}  // namespace lowart
