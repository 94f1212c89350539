#pragma once
/// The door for moderation, reranking, images and speech.

#include <lowart/dialect/openai_operation.hpp>
#include <lowart/gateway/operation_client.hpp>
#include <lowart/gateway/passing_door.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Answers as ChatDoor does, and counts and logs the same. JSON is read whole; of a form only what comes up to its model
/// is read before the call is admitted, and the rest passes by.
class OperationDoor : public PassingDoor {
 public:
  explicit OperationDoor(LoopState& loop, DoorLimits limits = {}) noexcept
      : PassingDoor(loop, std::move(limits)) {}

  /// A POST of `client`'s kind. Answers whatever happens; so always true, as Doors::serve says of a door that was found.
  template <Provider P>
    requires Serves<P, OperationRequest>
  Task<bool> serve(P& answer, Keyring const& keys, OperationClient const& client, net::ServerRequest& request,
                   net::Responder& responder) {
    ArenaPtr<OperationVisit> const visit =
        make_visit<OperationVisit>(request, loop(), *client.manners, client.route, request, responder);
    bool admitted = identify(*visit, keys);
    if (admitted && client.takes_forms && dialect::is_multipart_form(content_type(request))) {
      if (visit->must_be_signed()) {
        Result<std::string_view> const body = co_await request.body(limits().body_bytes);
        admitted = take_body(*visit, body);
      }
      Result<void> read{};
      if (admitted) read = co_await read_form(*visit);
      if (!read) admitted = visit->fails(read.error());
      admitted = admitted && admit_form(*visit, client, answer);
    } else if (admitted) {
      std::optional<Result<std::string_view>> body = request.body_now(limits().body_bytes);
      if (!body) body = co_await request.body(limits().body_bytes);
      admitted = admit(*visit, *body, client, answer);
    }
    if (admitted) co_await ask_and_relay(answer, *visit);
    if (visit->failure) co_await refuse(*visit);
    finish(*visit);
    co_return true;
  }

 private:
  using OperationVisit = PassingVisit<OperationRequest>;

  Task<Result<void>> read_form(OperationVisit& visit) const {
    Result<std::string> const boundary = dialect::multipart::boundary_of(content_type(visit.request));
    if (!boundary) co_return fail(boundary.error());
    visit.upload.emplace(visit.request, limits().upload, dialect::MultipartForm(*boundary));
    Result<void> read = co_await visit.upload->until_model();
    co_return read;
  }
  /// How many tokens a form may use, nobody knows before: it reserves none, and settles what is told.
  template <class P>
  bool admit_form(OperationVisit& visit, OperationClient const& client, P const& answer) {
    visit.model = visit.upload->model();
    if (!let_in(visit, door_of(client.kind), {}, answer)) return false;
    WireOperation wire;
    wire.kind = client.kind;
    wire.content_type = content_type(visit.request);
    wire.model = visit.model;
    wire.source = &*visit.upload;
    visit.asked.emplace(wire);
    return true;
  }
  template <class P>
  bool admit(OperationVisit& visit, Result<std::string_view> const& body, OperationClient const& client,
             P const& answer) {
    if (!take_body(visit, body)) return false;
    Result<WireOperation> const facts = dialect::read_operation_facts(client.kind, *body, visit.scratch);
    if (!facts) return visit.fails(facts.error());
    visit.model = facts->model;
    if (!let_in(visit, door_of(client.kind), CallSize{.input_bytes = body->size()}, answer)) return false;
    visit.asked.emplace(*facts);
    return true;
  }
};

}  // namespace lowart
