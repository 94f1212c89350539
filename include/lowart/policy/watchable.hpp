#pragma once
/// Watchable: a reply that tells its watchers how it goes on. A reply that is not is over when it is
/// returned.

#include <lowart/model/chat_reply.hpp>

#include <utility>

namespace lowart {

template <class Reply>
concept Watchable =
    requires(Reply& reply, ArenaPtr<ReplyWatcher> watcher) { reply.watch(std::move(watcher)); };

}  // namespace lowart
