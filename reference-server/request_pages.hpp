#pragma once
/// Pages of the request log: GET /admin/requests, /v1/conversations and /v1/conversations/{id}.

#include "snapshot.hpp"

#include <lowart/gateway/doors.hpp>
#include <lowart/store/request_writer.hpp>

#include <string_view>

namespace lowart::server {

/// Whether a path is one of these pages.
bool is_request_page(std::string_view path) noexcept;

/// Answers a GET for one of them: a key sees its own conversations, an admin's key or session all and the requests.
/// `log` null: there is none, and the client is told so.
Task<void> serve_request_page(RequestWriter* log, Doors& doors, KeyEntry const& asks,
                              net::ServerRequest& request, net::Responder& responder);

}  // namespace lowart::server
