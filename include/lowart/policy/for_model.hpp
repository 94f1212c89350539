#pragma once
/// ForModel: asks the wrapped provider for another model than the caller named. ForPattern: for one that is made of the
/// caller's name. How a route maps names.

#include <lowart/model/name_pattern.hpp>
#include <lowart/provider/provider.hpp>

#include <cstddef>
#include <string>
#include <string_view>
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

/// Hands every request on under `model`, in which `*` is what the star of `pattern` stands for in the caller's name, or
/// all of that name where it does not match. Of `router/*` and `*` comes "meta/llama" for "router/meta/llama".
template <Provider P>
class ForPattern {
 public:
  ForPattern(P inner, std::string pattern, std::string model)
      : inner_(std::move(inner)), pattern_(std::move(pattern)), model_(std::move(model)) {}

  std::string_view name() const { return inner_.name(); }

  template <Request R>
    requires Serves<P, R>
  Task<ReplyOf<R>> operator()(R const& request, Call& call) {
    R renamed = request.for_model(name_for(request.model()));
    co_return co_await inner_(renamed, call);
  }

 private:
  std::string name_for(std::string_view asked) const {
    std::string_view const star = pattern_.matches(asked) ? pattern_.star_in(asked) : asked;
    std::string made = model_;
    if (std::size_t const at = made.find('*'); at != std::string::npos) made.replace(at, 1, star);
    return made;
  }

  P inner_;
  NamePattern pattern_;
  std::string model_;
};

}  // namespace lowart
