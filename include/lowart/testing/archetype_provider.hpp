#pragma once
/// ArchetypeProvider: a Provider that can do nothing but what the concept asks. Every policy must accept it.

#include <lowart/provider/provider.hpp>

#include <string_view>

namespace lowart::testing {

/// Move-only, without default constructor, without assignment or comparison.
class ArchetypeProvider {
 public:
  explicit ArchetypeProvider(int) noexcept {}
  ArchetypeProvider(ArchetypeProvider&&) noexcept = default;
  ArchetypeProvider& operator=(ArchetypeProvider&&) = delete;

  std::string_view name() const { return "archetype"; }
  Task<Result<ChatReply>> operator()(ChatRequest const&, Call&) {
    co_return fail(Errc::unsupported, "an archetype answers nothing");
  }
};

static_assert(Provider<ArchetypeProvider>);

}  // namespace lowart::testing
