#pragma once
/// ForModel: asks the wrapped provider for another model than the caller named. How a route maps names.

#include <lowart/provider/provider.hpp>

#include <string>
#include <utility>

namespace lowart {

/// Hands every request on under `model`. Errors, cancellation and concurrency are the inner provider's.
template <Provider P>
class ForModel {
 public:
  ForModel(P inner, std::string model) : inner_(std::move(inner)), model_(std::move(model)) {}

  std::string_view name() const { return inner_.name(); }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    if (request.model() == model_) return inner_(request, call);  // no coroutine frame of its own
    return ask_renamed(request, call);
  }

 private:
  template <Request R>
  Task<ReplyOf<R>> ask_renamed(R const& request, Call& call) {
    R renamed = request.for_model(model_);
    co_return co_await inner_(renamed, call);
  }

  P inner_;
  std::string model_;
};

}  // namespace lowart
