#pragma once
/// The bodies of Resolver.

#include <lowart/net/resolver.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/address.hpp>

#include <algorithm>

namespace lowart::net {

LOWART_DECL std::shared_ptr<Resolver::Lookup> Resolver::look_up(std::string const& host, Call& call) {
  if (auto const known = names_.find(host); known != names_.end()) {
    Lookup const& lookup = *known->second;
    bool const holds = !lookup.error && call.now() - lookup.begun_at < remembered;
    if (!lookup.done || holds) return known->second;
  }
  if (names_.size() >= most_names) names_.clear();
  auto lookup = std::make_shared<Lookup>(call.executor());
  lookup->ended.expires_at(TimePoint::max());
  lookup->begun_at = call.now();
  names_[host] = lookup;
  lookup->resolver.async_resolve(host, "", [lookup](boost::system::error_code error, auto const& results) {
    lookup->error = error;
    for (auto const& result : results) lookup->found.push_back(result.endpoint());
    lookup->done = true;
    lookup->ended.cancel();
  });
  return lookup;
}

LOWART_DECL Task<Result<Resolver::Addresses>> Resolver::resolve(std::string host, std::uint16_t port,
                                                                Call& call, ConnectClock& clock) {
  boost::system::error_code not_numeric;
  auto const address = asio::ip::make_address(host, not_numeric);
  if (!not_numeric) co_return Addresses(1, asio::ip::tcp::endpoint(address, port));
  std::shared_ptr<Lookup> const lookup = look_up(host, call);
  while (!lookup->done) {
    if (clock.over()) co_return fail(clock.error());
    // Another waiter that gives up wakes this one too; it looks again.
    ConnectClock::Watch const watch(clock, &lookup->ended,
                                    [](void* timer) { static_cast<asio::steady_timer*>(timer)->cancel(); });
    co_await lookup->ended.async_wait(asio::as_tuple(asio::deferred));
  }
  if (lookup->error)
    co_return fail(connect_error(host, "the name cannot be resolved: " + lookup->error.message()));
  Addresses found = lookup->found;
  for (auto& endpoint : found) endpoint.port(port);
  co_return found;
}

LOWART_DECL void Resolver::prefer(std::string const& host, asio::ip::tcp::endpoint const& address) {
  auto const known = names_.find(host);
  if (known == names_.end()) return;
  auto& found = known->second->found;
  auto const place = std::find_if(found.begin(), found.end(),
                                  [&](auto const& e) { return e.address() == address.address(); });
  if (place != found.end()) std::rotate(found.begin(), place, place + 1);
}

}  // namespace lowart::net
