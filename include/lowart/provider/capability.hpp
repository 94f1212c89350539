#pragma once
/// doors_of(): at which doors a provider can serve. Its type says it: there is no list that could tell otherwise.

#include <lowart/model/door_set.hpp>
#include <lowart/provider/provider.hpp>

#include <concepts>

namespace lowart {

/// What a type of provider can serve: each operation that its call operator takes, at every door for it.
///
///     static_assert(!doors_served<Anthropic<>>.has(DoorKind::embeddings));
template <Provider P>
inline constexpr DoorSet doors_served = [] {
  DoorSet doors;
  if (Serves<P, ChatRequest>) doors = doors | DoorSet::of_chat();
  if (Serves<P, EmbeddingRequest>) doors.add(DoorKind::embeddings);
  if (Serves<P, CountRequest>) doors.add(DoorKind::count_tokens);
  if (Serves<P, OperationRequest>) doors = doors | DoorSet::of_operations();
  return doors;
}();

/// A provider that knows it better than its type does, because what it asks is chosen at run time: AnyProvider,
/// FallbackList.
template <class P>
concept TellsDoors = requires(P const& provider) {
  { provider.doors() } -> std::same_as<DoorSet>;
};

template <Provider P>
DoorSet doors_of(P const& provider) {
  if constexpr (TellsDoors<P>) return provider.doors();
  else return doors_served<P>;
}

}  // namespace lowart
