#pragma once
/// Upload: the body of a client that passes through to a provider while it comes.

#include <lowart/dialect/multipart_form.hpp>
#include <lowart/gateway/spool.hpp>
#include <lowart/model/operation.hpp>
#include <lowart/net/server_request.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart {

/// Bounds of an upload.
struct UploadLimits {
  std::size_t bytes{std::size_t{1} << 30U};          ///< Of the whole body.
  std::size_t before_model{std::size_t{64} << 20U};  ///< Of what may stand in front of a form's model.
  std::string spool{};  ///< Directory for what is kept meanwhile; empty: the system's for temporary files.
};

/// What came before the model was known is kept, and so is what follows as far as there is memory for it: up to there the
/// body can be sent again. The rest goes by.
///
/// Errors of next(): those of ServerRequest::next_piece and of MultipartForm, which looks along; storage_failed.
class Upload final : public OperationBody {
 public:
  /// `form`: where the model stands; none: the body names no model. `request` and `limits` outlive it.
  Upload(net::ServerRequest& request, UploadLimits const& limits, std::optional<dialect::MultipartForm> form)
      : request_(request), limits_(limits), form_(std::move(form)), kept_(limits.spool) {}

  /// Reads up to the model of the form. Errors: as next(); invalid_request with `param` when there is none.
  Task<Result<void>> until_model() {
    while (!form_->has_model()) {
      Result<std::string_view> const piece = co_await read(nullptr);
      if (!piece) co_return fail(piece.error());
      if (piece->empty()) co_return dialect::multipart::refuse("the form has no part 'model'", "model");
      if (kept_.size() + piece->size() > limits_.before_model)
        co_return dialect::multipart::refuse("the part 'model' comes too late: put it before the files",
                                             "model");
      Result<void> kept = kept_.append(*piece);
      if (!kept) co_return fail(kept.error());
    }
    co_return Result<void>();
  }
  std::string const& model() const noexcept { return form_->model(); }

  void name_model(std::string_view model) override { model_ = model; }
  bool rewind() override {
    if (gone_) return false;
    at_ = 0;
    return true;
  }
  bool can_rewind() const noexcept override { return !gone_; }
  std::optional<std::uint64_t> length() const noexcept override {
    auto const told = request_.head().content_length();
    if (!told) return std::nullopt;
    return *told - replaced_size() + replacement().size();
  }
  Task<Result<std::string_view>> next(Call& call) override {
    if (at_ < kept_.size()) co_return next_kept();
    Result<std::string_view> piece = co_await read(&call);
    if (!piece || piece->empty()) co_return piece;
    bool const keeps = !gone_ && kept_.has_memory_for(piece->size());
    if (keeps) {
      Result<void> kept = kept_.append(*piece);
      if (!kept) co_return fail(kept.error());
    }
    gone_ = !keeps;
    at_ += piece->size();
    co_return piece;
  }

 private:
  std::uint64_t replaced_size() const noexcept { return form_ ? form_->model().size() : 0; }
  std::string_view replacement() const noexcept { return form_ ? model_ : std::string_view(); }

  Result<std::string_view> next_kept() {
    if (!form_) return take_kept(kept_.size());
    if (at_ < form_->model_at()) return take_kept(form_->model_at());
    if (at_ > form_->model_at()) return take_kept(kept_.size());
    at_ += form_->model().size();
    return replacement();
  }
  Result<std::string_view> take_kept(std::uint64_t end) {
    Result<std::string_view> const piece = kept_.read(at_, end - at_);
    if (piece) at_ += piece->size();
    return piece;
  }

  Task<Result<std::string_view>> read(Call* call) {
    Result<std::string_view> piece = co_await request_.next_piece(limits_.bytes, call);
    if (!piece || !form_) co_return piece;
    Result<void> seen = form_->feed(*piece);
    if (seen && request_.consumed()) seen = form_->finish();  // before the last piece of it goes up
    if (!seen) co_return fail(seen.error());
    co_return piece;
  }

  net::ServerRequest& request_;
  UploadLimits const& limits_;
  std::optional<dialect::MultipartForm> form_;
  Spool kept_;
  std::string_view model_;  ///< In the place of the form's.
  std::uint64_t at_{0};     ///< How far it was given, in bytes as they came.
  bool gone_{false};
};

}  // namespace lowart
