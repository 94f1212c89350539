#pragma once
/// KeptAnswer: an answer that outlives its call, and how it is given to another.

#include <lowart/core/call.hpp>
#include <lowart/model/chat_reply.hpp>
#include <lowart/model/chat_request.hpp>
#include <lowart/model/embedding_reply.hpp>
#include <lowart/model/embedding_request.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart {

/// About how much memory the parts of an answer take.
inline std::size_t bytes_of(ChatDelta const& delta) noexcept {
  std::size_t bytes = sizeof delta + delta.id.size() + delta.model.size();
  for (ExtraField const& field : delta.extra)
    bytes += sizeof field + field.name.size() + field.value.text.size();
  for (ChoiceDelta const& choice : delta.choices) {
    bytes += sizeof choice + choice.logprobs.text.size();
    for (ExtraField const& field : choice.extra)
      bytes += sizeof field + field.name.size() + field.value.text.size();
    for (PieceDelta const& piece : choice.pieces) {
      bytes += sizeof piece + piece.text.size() + piece.call.id.size() + piece.call.name.size() +
               piece.call.arguments.size() + piece.signature.value.size() + piece.data.size() +
               piece.raw.text.size();
      for (Citation const& citation : piece.citations)
        bytes += sizeof citation + citation.url.size() + citation.title.size() + citation.quote.size() +
                 citation.raw.text.size();
    }
  }
  return bytes;
}
inline std::size_t bytes_of(ReplyPart const& part) noexcept {
  std::size_t bytes = part.bytes.size();
  for (ChatDelta const& delta : part.deltas) bytes += bytes_of(delta);
  return bytes;
}

/// An answer that is complete. Immutable once it is kept, so that any thread may read it.
class KeptAnswer {
 public:
  KeptAnswer() = default;
  KeptAnswer(KeptAnswer const&) = delete;
  KeptAnswer& operator=(KeptAnswer const&) = delete;
  virtual ~KeptAnswer() = default;
  /// The memory it takes.
  virtual std::size_t bytes() const noexcept = 0;
};

/// The texts of a head, which are views into a call.
template <class Head>
class KeptHead {
 public:
  explicit KeptHead(Head const& head)
      : head_(head),
        content_type_(head.content_type),
        provider_(head.provider),
        upstream_model_(head.upstream_model),
        upstream_id_(head.upstream_id),
        dropped_(head.dropped) {}

  /// For an answer to `call`. Doors tell of it when the answer is gone already, so the call has its own copies.
  Head head(Call& call, CacheUse use) const {
    Head head = head_;
    head.content_type = call.keep(content_type_);
    head.provider = call.keep(provider_);
    head.upstream_model = call.keep(upstream_model_);
    head.upstream_id = call.keep(upstream_id_);
    head.dropped = call.keep(dropped_);
    head.cache = use;
    return head;
  }
  std::size_t bytes() const noexcept {
    return content_type_.size() + provider_.size() + upstream_model_.size() + upstream_id_.size() +
           dropped_.size();
  }

 private:
  Head head_;  ///< Without its views, which ended with the first call.
  std::string content_type_, provider_, upstream_model_, upstream_id_, dropped_;
};

/// An answer to a chat call: all its bytes, or all its steps.
class KeptChat final : public KeptAnswer {
 public:
  explicit KeptChat(ReplyHead const& head) : head_(head) {}

  std::size_t bytes() const noexcept override { return sizeof *this + head_.bytes() + content_; }
  /// How much it has taken up so far.
  std::size_t content() const noexcept { return content_; }

  void add(ReplyPart const& part) {
    content_ += bytes_of(part);
    bytes_.append(part.bytes);
    deltas_.insert(deltas_.end(), part.deltas.begin(), part.deltas.end());
  }
  /// It is complete.
  void finish(ReplyProgress const& progress) {
    bytes_.shrink_to_fit();
    deltas_.shrink_to_fit();
    finish_ = progress.finish;
    events_ = progress.events;
    sequence_number_ = progress.sequence_number;
  }

  /// The same answer, to another call: one part, which is what a client gets that reads no faster than we send.
  /// Nobody used anything for it.
  static ChatReply replay(std::shared_ptr<KeptChat const> kept, Call& call, CacheUse use) {
    ReplyHead const head = kept->head_.head(call, use);
    ArenaPtr<Replay> source = call.make<Replay>(std::move(kept), call);
    ReplyPart const all = source->part();
    return ChatReply(head, std::move(source), all);
  }

 private:
  class Replay final : public ReplySource {
   public:
    Replay(std::shared_ptr<KeptChat const> kept, Call& call)
        : kept_(std::move(kept)), progress_(call.memory()) {
      progress_.usage.set(UsageClass::input, 0);
      progress_.usage.set(UsageClass::output, 0);
      progress_.events = kept_->events_;
      progress_.sequence_number = kept_->sequence_number_;
      progress_.finish = kept_->finish_;
      progress_.first_content_at = call.now();
    }
    Task<Result<ReplyPart>> next() override { co_return part(); }
    ReplyProgress& progress() noexcept override { return progress_; }
    ReplyPart part() const noexcept {
      return ReplyPart{.bytes = kept_->bytes_, .deltas = kept_->deltas_, .last = true};
    }

   private:
    std::shared_ptr<KeptChat const> kept_;
    ReplyProgress progress_;
  };

  KeptHead<ReplyHead> head_;
  std::string bytes_;
  std::vector<ChatDelta> deltas_;
  std::size_t content_{0};
  std::int64_t events_{0};
  std::int64_t sequence_number_{-1};
  FinishReason finish_{FinishReason::none};
};

/// An answer to an embedding call. Its usage stays what it was: a client of another dialect is told so.
class KeptEmbedding final : public KeptAnswer {
 public:
  explicit KeptEmbedding(EmbeddingReply const& reply)
      : head_(reply.head()),
        dialect_(reply.dialect()),
        bytes_(reply.bytes()),
        decode_(reply.decoder()),
        usage_(reply.usage()) {
    if (decode_ == nullptr)
      if (auto vectors = reply.vectors()) vectors_ = *std::move(vectors);
  }

  std::size_t bytes() const noexcept override {
    std::size_t all = sizeof *this + head_.bytes() + bytes_.size();
    for (Embedding const& vector : vectors_) all += sizeof vector + vector.size() * sizeof(float);
    return all;
  }

  static EmbeddingReply replay(std::shared_ptr<KeptEmbedding const> kept, Call& call, CacheUse use) {
    WholeHead const head = kept->head_.head(call, use);
    if (kept->decode_ == nullptr) return EmbeddingReply(head, kept->vectors_, kept->usage_);
    EmbeddingDialect const dialect = kept->dialect_;
    EmbeddingReply::Decode const decode = kept->decode_;
    Usage const usage = kept->usage_;
    ArenaPtr<Bytes> bytes = call.make<Bytes>(std::move(kept));
    return EmbeddingReply(head, dialect, std::move(bytes), decode, usage);
  }

 private:
  class Bytes final : public ReplyBytes {
   public:
    explicit Bytes(std::shared_ptr<KeptEmbedding const> kept) noexcept : kept_(std::move(kept)) {}
    std::string_view text() const noexcept override { return kept_->bytes_; }

   private:
    std::shared_ptr<KeptEmbedding const> kept_;
  };

  KeptHead<WholeHead> head_;
  EmbeddingDialect dialect_;
  std::string bytes_;
  EmbeddingReply::Decode decode_;
  std::vector<Embedding> vectors_;
  Usage usage_;
};

/// How the answers to a kind of request are kept; there is none for what nobody keeps (counts).
template <class R>
struct KeptOf;
template <>
struct KeptOf<ChatRequest> {
  using type = KeptChat;
};
template <>
struct KeptOf<EmbeddingRequest> {
  using type = KeptEmbedding;
};
template <class R>
concept Keepable = requires { typename KeptOf<R>::type; };

}  // namespace lowart
