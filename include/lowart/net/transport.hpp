#pragma once
/// Transport: how a provider reaches its network. A light header: no sockets, no TLS.

#include <lowart/core/body_source.hpp>
#include <lowart/core/call.hpp>
#include <lowart/core/result.hpp>
#include <lowart/core/task.hpp>

#include <array>
#include <concepts>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace lowart::net {

/// A request to a provider. All views; they must live until exchange() returns, and so must a body's source.
class HttpRequest {
 public:
  static constexpr std::size_t max_fields = 24;
  static constexpr std::size_t max_pieces = 4;

  HttpRequest(std::string_view method, std::string_view path) noexcept : method_(method), path_(path) {}

  /// Names and values must hold no CR, LF or NUL: exchange() refuses them. Host, Content-Length, Transfer-Encoding and
  /// Connection are the transport's own. More than max_fields are an error of exchange().
  HttpRequest& field(std::string_view name, std::string_view value) noexcept {
    if (field_count_ < max_fields) std::construct_at(&fields_.all[field_count_], name, value);
    ++field_count_;
    return *this;
  }
  /// Appends a piece of the body: pieces are sent in order, without being copied together.
  HttpRequest& body(std::string_view piece) noexcept {
    if (!piece.empty() && piece_count_ < max_pieces) pieces_[piece_count_++] = piece;
    return *this;
  }
  /// The body comes from `source`, which stands at its beginning, and goes out piece by piece: with its length where that
  /// is known, else chunked. There are no other pieces then.
  HttpRequest& body(BodySource& source) noexcept {
    source_ = &source;
    return *this;
  }

  std::string_view method() const noexcept { return method_; }
  /// Appended to the path of the transport's base URL; begins with '/'.
  std::string_view path() const noexcept { return path_; }
  bool too_many_fields() const noexcept { return field_count_ > max_fields; }
  using Field = std::pair<std::string_view, std::string_view>;
  std::span<Field const> fields() const noexcept {
    return {fields_.all.data(), std::min(field_count_, max_fields)};
  }
  std::span<std::string_view const> pieces() const noexcept { return {pieces_.data(), piece_count_}; }
  BodySource* source() const noexcept { return source_; }
  std::size_t body_size() const noexcept {
    std::size_t size = 0;
    for (auto piece : pieces()) size += piece.size();
    return size;
  }

 private:
  std::string_view method_;
  std::string_view path_;
  /// Only those that were added are there: a request of six fields should not pay for all.
  union Fields {
    Fields() noexcept {}
    std::array<Field, max_fields> all;
  };
  Fields fields_;
  std::array<std::string_view, max_pieces> pieces_{};
  BodySource* source_{nullptr};
  std::size_t field_count_{0};
  std::size_t piece_count_{0};
};

/// The answer to one HttpRequest: its head is here, its body follows. Made in the call's arena.
/// Dropping it before its end closes the connection; after its end the connection serves the next call.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual int status() const noexcept = 0;
  /// A response field, by lower-case name; empty when absent. Valid until the first read().
  virtual std::string_view field(std::string_view name) const noexcept = 0;
  /// The length of the body when the provider told it.
  virtual std::optional<std::uint64_t> content_length() const noexcept = 0;
  /// The next piece of the body without its framing; empty at its end. Valid, and changeable in place, until the
  /// next read(). A body that stops short is Errc::connection_lost, bad framing Errc::malformed_reply.
  /// Interrupting the call ends the wait.
  virtual Task<Result<std::span<char>>> read() = 0;
  /// What read() would give, if that is here already: saves its coroutine. False: `piece` is untouched, ask read().
  virtual bool read_now(Result<std::span<char>>& piece) {
    (void)piece;
    return false;
  }
  /// Nothing more is wanted, and the body is about to end (a stream's terminal event came): the connection is
  /// kept for the next call if the end follows within a second and 16 KiB, else closed. Never waits; the exchange
  /// must not be read again. Views of the last read() stay valid until the exchange is destroyed.
  virtual void finish() = 0;
};

/// Something that sends an HttpRequest and returns when the head of the answer is here.
///
/// Errors: connect_failed, connect_timeout (nothing sent), connection_lost (maybe sent), malformed_reply,
/// invalid_request (bad field), the call's interruption, and those of a body's source. A status of 4xx or 5xx is an answer, not an error.
/// Exemplar: testing::ScriptedTransport.   Models: HttpTransport, AnyTransport.
template <class T>
concept Transport = requires(T& transport, HttpRequest const& request, Call& call) {
  { transport.exchange(request, call) } -> std::same_as<Task<Result<ArenaPtr<Exchange>>>>;
};

/// Any Transport behind one type, so that a provider's header needs no sockets. Copies share the transport.
class AnyTransport {
 public:
  template <Transport T>
    requires(!std::same_as<std::remove_cvref_t<T>, AnyTransport>)
  explicit AnyTransport(T transport) : held_(std::make_shared<Holder<T>>(std::move(transport))) {}

  Task<Result<ArenaPtr<Exchange>>> exchange(HttpRequest const& request, Call& call) {
    return held_->exchange(request, call);
  }

 private:
  struct Held {
    virtual ~Held() = default;
    virtual Task<Result<ArenaPtr<Exchange>>> exchange(HttpRequest const& request, Call& call) = 0;
  };
  template <class T>
  struct Holder final : Held {
    explicit Holder(T t) : transport(std::move(t)) {}
    Task<Result<ArenaPtr<Exchange>>> exchange(HttpRequest const& request, Call& call) override {
      return transport.exchange(request, call);
    }
    T transport;
  };
  std::shared_ptr<Held> held_;
};

static_assert(Transport<AnyTransport>);

}  // namespace lowart::net
