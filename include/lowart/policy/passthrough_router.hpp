#pragma once
/// PassthroughRouter: picks the provider that a call of its own API is for.

#include <lowart/model/door_set.hpp>
#include <lowart/model/passthrough.hpp>
#include <lowart/provider/any_provider.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// A Provider over a fixed table.
///
/// Errors: not_found (origin client) for a provider that is not in it.
class PassthroughRouter {
 public:
  using Target = AnyProviderOf<PassthroughRequest>;
  using Table = std::map<std::string, Target, std::less<>>;

  explicit PassthroughRouter(Table targets) : targets_(std::move(targets)) {}

  std::string_view name() const { return "passthrough"; }

  Task<Result<PassthroughReply>> operator()(PassthroughRequest const& request, Call& call) {
    auto const found = targets_.find(request.provider());
    if (found == targets_.end()) return refuse(request.provider());
    return found->second(request, call);
  }
  /// `model` is PassthroughRequest::model().
  std::optional<Error> refusal(std::string_view model, DoorKind) const {
    std::string_view const provider =
        model.substr(std::min(PassthroughRequest::model_prefix.size(), model.size()));
    if (targets_.find(provider) != targets_.end()) return std::nullopt;
    return unknown(provider);
  }

 private:
  static Error unknown(std::string_view provider) {
    std::string text = "no provider '";
    text.append(provider.substr(0, 200))
        .append("' can be passed through to; one with 'passthrough: true' can");
    return Error(Errc::not_found, std::move(text), Origin::client).with_param("path");
  }
  static Task<Result<PassthroughReply>> refuse(std::string_view provider) {
    co_return fail(unknown(provider));
  }

  Table targets_;
};

static_assert(Provider<PassthroughRouter>);

}  // namespace lowart
