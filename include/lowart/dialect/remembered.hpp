#pragma once
/// remembered(): what of a request its own server keeps, so that nobody else can know all that is said.

#include <lowart/core/error.hpp>
#include <lowart/model/conversation.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

/// The field by which a request goes on from what its server keeps, or takes its words from there; null when it says
/// all itself. Responses only: the others remember nothing.
inline ExtraField const* remembered(Conversation const& conversation) noexcept {
  constexpr std::array<std::string_view, 3> names{"previous_response_id", "conversation", "prompt"};
  if (conversation.dialect != Dialect::openai_responses) return nullptr;
  for (ExtraField const& field : conversation.extra)
    if (field.value.text != "null" && std::find(names.begin(), names.end(), field.name) != names.end())
      return &field;
  return nullptr;
}

/// The refusal of such a field by one who keeps nothing: Errc::unsupported with the field in param.
inline Error cannot_remember(ExtraField const& field) {
  Error error(Errc::unsupported,
              "'" + field.name + "' names what is not kept here: send the whole conversation as 'input'",
              Origin::client);
  return std::move(error).with_param(field.name);
}

}  // namespace lowart::dialect
