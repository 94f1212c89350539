#pragma once
/// ChatReply: an answer that has begun. Its parts follow; who wrapped it sees them pass and learns the end.

#include <lowart/core/call.hpp>
#include <lowart/core/task.hpp>
#include <lowart/model/cache_use.hpp>
#include <lowart/model/chat_delta.hpp>
#include <lowart/model/dialect.hpp>
#include <lowart/model/shape_mark.hpp>
#include <lowart/model/usage_record.hpp>

#include <cassert>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// The next piece of an answer: bytes of the provider's dialect as they came, or neutral steps.
/// Views stay valid until the next piece is asked for.
struct ReplyPart {
  std::string_view bytes;
  std::span<ChatDelta const> deltas;
  bool last{false};  ///< The answer is complete with this piece; it may be empty.

  bool empty() const noexcept { return bytes.empty() && deltas.empty(); }
};

/// What an answer used at a provider whose stream broke, before another one went on with it (Resume).
struct EarlierLeg {
  Usage usage;
  Provenance provenance{Provenance::none};
  std::string_view provider;  ///< Lives as long as the call; so does upstream_model.
  std::string_view upstream_model;
};

/// What has been read off an answer while it passed. Filled by the provider, read by meters and doors.
class ReplyProgress {
 public:
  explicit ReplyProgress(std::pmr::memory_resource* memory)
      : text(memory), earlier(memory), service_tier(memory) {}

  Usage usage;            ///< As reported so far; empty when nothing was.
  std::pmr::string text;  ///< Everything the model wrote: text, reasoning, refusals, arguments of tools.
  /// Where several providers answered one after the other: those before the last. `usage` and `text` are the last one's.
  std::pmr::vector<EarlierLeg> earlier;
  std::int64_t events{0};            ///< Streamed events that carried content.
  std::int64_t sequence_number{-1};  ///< Of the last event, where the dialect numbers them (Responses).
  TimePoint first_content_at{};
  FinishReason finish{FinishReason::none};
  std::pmr::string service_tier;  ///< Which one the provider says it served; empty: its usual one.

  /// Notes a tier as vendors name them; their names for the usual one are left out, and what is too long is none.
  void served(std::string_view tier) {
    constexpr std::size_t longest = 32;
    bool const is_usual = tier == "default" || tier == "standard" || tier == "auto";
    service_tier = is_usual || tier.size() > longest ? std::string_view() : tier;
  }
};

/// How an answer ended.
struct ReplyEnd {
  Outcome outcome;
  Error const* error;  ///< Set when outcome is partial; may be set when it is cancelled.
};

/// Sees an answer pass. Made in the call's arena; destroyed with the reply. Called on the call's loop.
class ReplyWatcher {
 public:
  virtual ~ReplyWatcher() = default;
  /// The consumer waits for the provider from now on.
  virtual void waiting() noexcept {}
  /// A piece came, and the consumer has not seen it yet.
  virtual void part(ReplyPart const&, ReplyProgress const&) noexcept {}
  /// Exactly once, before the consumer sees the last piece or the error; or when the reply is dropped.
  virtual void end(ReplyEnd const&, ReplyProgress const&) noexcept = 0;

 private:
  friend class ChatReply;
  ArenaPtr<ReplyWatcher> next_;
};

/// Reads bytes of a dialect into neutral steps; bound by whoever knows the dialect.
class ReplyDecoder {
 public:
  virtual ~ReplyDecoder() = default;
  /// Appends the steps that `bytes` complete.
  virtual Result<void> decode(std::string_view bytes, bool last, std::vector<ChatDelta>& out) = 0;
};

/// What is known of an answer when it begins.
struct ReplyHead {
  Dialect dialect{Dialect::neutral};
  bool streamed{false};
  int status{200};
  std::string_view content_type;
  std::string_view provider;        ///< Who answers.
  std::string_view upstream_model;  ///< The model asked of the provider.
  std::string_view upstream_id;     ///< The provider's request id.
  std::string_view dropped;  ///< Losses::header() of the request's translation; empty when all was said.
  CacheUse cache{};
  ShapeMark shaped{};
  /// Of an answer that is bytes of no dialect: its length where the provider told it, and fields of it that are the client's.
  std::optional<std::uint64_t> length{};
  std::span<std::pair<std::string_view, std::string_view> const> fields{};
  /// Makes a decoder for the bytes; null when the parts are neutral already.
  ArenaPtr<ReplyDecoder> (*decoder)(Call&){nullptr};
};

/// Where the parts of an answer come from. Dropping it stops the provider.
class ReplySource {
 public:
  virtual ~ReplySource() = default;
  /// Parts until one is `last`. A stream that stops without its terminal event is an Error, never a last part.
  virtual Task<Result<ReplyPart>> next() = 0;
  virtual ReplyProgress& progress() noexcept = 0;

 protected:
  /// From here on another provider answers. The views live as long as the call.
  void answers_now(std::string_view provider, std::string_view upstream_model) noexcept {
    kept_.head.provider = provider;
    kept_.head.upstream_model = upstream_model;
  }

 private:
  friend class ChatReply;
  /// What the reply needs to remember. Here, so that a ChatReply itself is one pointer: every policy moves it.
  struct Kept {
    ReplyHead head;
    ReplyPart first;
    ArenaPtr<ReplyWatcher> watchers;
    bool has_first{false};
    bool ended{false};
  };
  Kept kept_;
};

/// An answer that has begun: head and first content are here (the commit point).
///
/// Move-only. Must be gone before its Call is. One coroutine at a time.
class ChatReply {
 public:
  using Head = ReplyHead;

  /// `first` is handed out before the source is asked. `source` is never null: it holds what `first` views, and
  /// the progress, also when `first` is the last part.
  ChatReply(Head const& head, ArenaPtr<ReplySource> source, ReplyPart first) : source_(std::move(source)) {
    assert(source_ != nullptr);
    kept().head = head;
    kept().first = first;
    kept().has_first = true;
  }
  ChatReply(ChatReply&&) noexcept = default;
  ChatReply& operator=(ChatReply&& other) noexcept {
    if (this == &other) return *this;
    drop();
    source_ = std::move(other.source_);
    return *this;
  }
  ~ChatReply() { drop(); }

  /// Lives as long as the answer does, wherever the ChatReply is moved.
  Head const& head() const noexcept { return source_->kept_.head; }
  ReplyProgress const& progress() const noexcept { return source_->progress(); }
  /// For a policy that has changed the request or the answer.
  void shaped_by(ShapeMark mark) noexcept { kept().head.shaped.add(mark); }
  /// For a cache: whether it had this answer.
  void came_by(CacheUse use) noexcept { kept().head.cache = use; }

  /// The newest watcher is told last: inner policies learn the end before outer ones.
  void watch(ArenaPtr<ReplyWatcher> watcher) {
    ArenaPtr<ReplyWatcher>* tail = &kept().watchers;
    while (*tail) tail = &(*tail)->next_;
    *tail = std::move(watcher);
  }

  /// The first part is here and has not been handed out yet: then take_first() gives what next() would.
  bool has_first() const noexcept { return source_->kept_.has_first; }
  /// Its last part, or an error, was handed out.
  bool over() const noexcept { return source_->kept_.ended; }
  bool is_one_part() const noexcept { return has_first() && source_->kept_.first.last; }
  ReplyPart take_first() noexcept {
    kept().has_first = false;
    return seen(kept().first);
  }

  /// Ends it before its last part: its watchers learn that it is partial. For who may not hand on the rest.
  void break_off(Error const& why) noexcept { finish({.outcome = Outcome::partial, .error = &why}); }

  /// The next part. After the last part, or an error, it must not be called again.
  Task<Result<ReplyPart>> next() {
    if (has_first()) co_return take_first();
    for (auto* w = kept().watchers.get(); w != nullptr; w = w->next_.get()) w->waiting();
    Result<ReplyPart> part = co_await source_->next();
    if (part) co_return seen(*part);
    bool const left = part.error().code() == Errc::cancelled;
    finish(ReplyEnd{.outcome = left ? Outcome::cancelled : Outcome::partial, .error = &part.error()});
    co_return part;
  }

 private:
  ReplySource::Kept& kept() noexcept { return source_->kept_; }
  ReplyPart seen(ReplyPart part) noexcept {
    for (auto* w = kept().watchers.get(); w != nullptr; w = w->next_.get())
      w->part(part, source_->progress());
    if (part.last) finish(ReplyEnd{.outcome = Outcome::complete, .error = nullptr});
    return part;
  }
  void finish(ReplyEnd end) noexcept {
    if (std::exchange(kept().ended, true)) return;
    for (auto* w = kept().watchers.get(); w != nullptr; w = w->next_.get()) w->end(end, source_->progress());
  }
  void drop() noexcept {
    if (!source_) return;
    finish(ReplyEnd{.outcome = Outcome::cancelled, .error = nullptr});
    kept().watchers.reset();
    source_.reset();
  }

  ArenaPtr<ReplySource> source_;
};

}  // namespace lowart
