#pragma once
/// Where the parts of a reply come from: a stream cut into whole events, or a whole reply gathered.

#include <lowart/model/chat_reply.hpp>
#include <lowart/net/transport.hpp>
#include <lowart/provider/whole_body.hpp>

#include <algorithm>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Cuts a stream into parts of whole events, so that whatever is passed on can be followed by an event of ours.
/// `Reader` reads along: a dialect::ReplyReader.
template <class Reader>
class StreamSource final : public ReplySource {
 public:
  /// `most_bytes` bounds what comes before the first content, and the text of the whole stream.
  StreamSource(ArenaPtr<net::Exchange> exchange, Reader reader, std::size_t most_bytes, Call& call)
      : exchange_(std::move(exchange)),
        reader_(std::move(reader)),
        progress_(call.memory()),
        out_(call.memory()),
        most_bytes_(most_bytes),
        call_(call) {}

  ReplyProgress& progress() noexcept override { return progress_; }

  /// Reads up to the first content: what came until then is one part.
  Task<Result<ReplyPart>> begin() {
    std::pmr::string beginning(call_.memory());
    for (;;) {
      Result<ReplyPart> part = co_await next();
      if (!part) co_return part;
      if (reader_.committed() && beginning.empty()) co_return commit(*part);
      beginning.append(part->bytes);
      if (part->last && !reader_.committed()) co_return empty_answer();
      if (reader_.committed()) {
        out_ = std::move(beginning);
        part->bytes = out_;
        co_return commit(*part);
      }
      if (beginning.size() > most_bytes_)
        co_return fail(Error(Errc::malformed_reply, "the provider's stream has no content", Origin::upstream)
                           .with_sent(Sent::yes)
                           .with_retryable(true));
    }
  }

  Task<Result<ReplyPart>> next() override {
    if (pending_) co_return fail(*std::move(pending_));  // told already; the provider may never say more
    for (;;) {
      Result<std::span<char>> read;
      if (!exchange_->read_now(read)) read = co_await exchange_->read();
      if (!read) co_return fail(std::move(read.error()));
      if (read->empty()) co_return end_of_body();
      std::string_view const bytes(read->data(), read->size());
      Result<void> const fed = read_along(bytes);
      std::string_view const good = take_good(bytes);
      if (!fed && good.empty()) co_return fail(failure(fed.error()));
      if (!fed) {
        pending_.emplace(failure(fed.error()));
        co_return ReplyPart{.bytes = good, .deltas = {}, .last = false};
      }
      if (reader_.done()) {
        exchange_->finish();
        co_return ReplyPart{.bytes = good, .deltas = {}, .last = true};
      }
      if (!good.empty()) co_return ReplyPart{.bytes = good, .deltas = {}, .last = false};
    }
  }

 private:
  Result<ReplyPart> commit(ReplyPart part) {
    progress_.first_content_at = call_.now();
    return part;
  }

  /// A stream that never ends would fill the memory with the text that is kept for counting.
  Result<void> read_along(std::string_view bytes) {
    Result<void> fed = reader_.feed(bytes, progress_);
    if (!fed || reader_.done() || progress_.text.size() <= most_bytes_) return fed;
    return fail(Errc::too_large, "the provider's stream goes on beyond the size limit", Origin::upstream);
  }

  /// The whole events so far; the rest is held until its event is complete. Copies only when an event straddles.
  std::string_view take_good(std::string_view bytes) {
    std::size_t const good = std::min(reader_.good_bytes(), bytes.size());
    if constexpr (Reader::repairs)
      if (!reader_.instead().empty()) return take_repaired(bytes, good);
    std::string_view const rest = bytes.substr(good);
    std::string_view result = bytes.substr(0, good);
    if (good > 0 && !held_.empty()) {
      out_.assign(held_).append(result);
      held_.clear();
      result = out_;
    }
    held_.append(rest);
    return result;
  }

  /// The same, with repaired events in the place of theirs.
  std::string_view take_repaired(std::string_view bytes, std::size_t good)
    requires Reader::repairs
  {
    out_.clear();
    auto const held = static_cast<std::ptrdiff_t>(held_.size());
    std::ptrdiff_t done = -held;
    auto const pass_on = [&](std::ptrdiff_t end) {  // as it came
      if (done < 0)
        out_.append(held_, static_cast<std::size_t>(held + done),
                    static_cast<std::size_t>(std::min<std::ptrdiff_t>(end, 0) - done));
      if (end > 0)
        out_.append(bytes.substr(static_cast<std::size_t>(std::max<std::ptrdiff_t>(done, 0)),
                                 static_cast<std::size_t>(end - std::max<std::ptrdiff_t>(done, 0))));
    };
    for (auto const& instead : reader_.instead()) {
      pass_on(instead.begin);
      out_.append(instead.bytes);
      done = instead.end;
    }
    pass_on(static_cast<std::ptrdiff_t>(good));
    held_.assign(bytes.substr(good));
    return out_;
  }

  Result<ReplyPart> end_of_body() {
    if (!reader_.may_end())
      return fail(Error(Errc::connection_lost, "the provider's stream ended without its terminal event",
                        Origin::upstream)
                      .with_sent(Sent::yes)
                      .with_retryable(!reader_.committed()));
    return ReplyPart{.bytes = {}, .deltas = {}, .last = true};
  }
  Result<ReplyPart> empty_answer() {
    return fail(
        Error(Errc::malformed_reply, "the provider's stream ended without an answer", Origin::upstream)
            .with_sent(Sent::yes)
            .with_retryable(true));
  }
  Error failure(Error error) const { return std::move(error).with_sent(Sent::yes); }

  ArenaPtr<net::Exchange> exchange_;
  Reader reader_;
  ReplyProgress progress_;
  std::pmr::string out_;
  std::pmr::string held_{out_.get_allocator()};
  std::optional<Error> pending_;
  std::size_t most_bytes_;
  Call& call_;
};

/// A whole reply: gathered, then one part.
template <class Reader>
class WholeSource final : public ReplySource {
 public:
  WholeSource(ArenaPtr<net::Exchange> exchange, std::size_t most_bytes, Call& call)
      : body_(std::move(exchange), most_bytes, call), progress_(call.memory()), call_(call) {}
  ReplyProgress& progress() noexcept override { return progress_; }
  Task<Result<ReplyPart>> next() override { co_return ReplyPart{.bytes = {}, .deltas = {}, .last = true}; }

  /// To be gathered before anything else is asked.
  WholeBody& body() noexcept { return body_; }
  /// Looks at what was gathered: is it a reply, and what did it use?
  Result<void> read_along(Reader reader) {
    if (body_.too_large()) return fail(WholeBody::too_large_error());
    Result<void> read = reader.whole(body_.text(), progress_);
    if (!read) return fail(std::move(read.error()).with_sent(Sent::yes).with_retryable(true));
    if constexpr (Reader::repairs) {
      if (!reader.instead().empty()) repaired_ = reader.instead().front().bytes;
    }
    progress_.first_content_at = call_.now();
    return read;
  }
  /// All of it, once it was read along.
  ReplyPart part() const noexcept {
    std::string_view const bytes = repaired_.empty() ? body_.text() : std::string_view(repaired_);
    return ReplyPart{.bytes = bytes, .deltas = {}, .last = true};
  }

 private:
  WholeBody body_;
  std::string repaired_;  ///< What is passed on instead of the body, when it was defective.
  ReplyProgress progress_;
  Call& call_;
};

}  // namespace lowart
