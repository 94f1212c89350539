#pragma once
/// The shapes of a snapshot's routes.

#include "snapshot.hpp"

#include <lowart/policy/shape.hpp>
#include <lowart/provider/any_provider.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace lowart::server {

/// `answer` with this shape, if there is one. What has been counted for a model is taken over from `before`, which may
/// be null.
inline AnyProvider shaped_by(AnyProvider answer, std::optional<ShapeOptions> const& shape, Snapshot& made,
                             Snapshot const* before, ModelConfig const& model) {
  if (!shape) return answer;
  auto& counts = made.shapes[model.name];
  if (!counts && before != nullptr)
    if (auto const old = before->shapes.find(model.name); old != before->shapes.end()) counts = old->second;
  if (!counts) counts = std::make_shared<ShapeCounts>();
  return AnyProvider(std::move(answer) | shaped(*shape, counts));
}

}  // namespace lowart::server
