#pragma once
/// JsonFault: the first thing that was wrong with a document; later ones are not told.

#include <lowart/core/error.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

class JsonFault {
 public:
  void wrong(std::string path, std::string_view what) {
    if (error_) return;
    std::string message = path.empty() ? std::string("the body ") : "'" + path + "' ";
    error_ = Error(Errc::invalid_request, message.append(what), Origin::client);
    std::move(*error_).with_param(std::move(path));
  }
  std::optional<Error>& error() noexcept { return error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace lowart::dialect
