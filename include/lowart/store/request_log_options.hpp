#pragma once
/// RequestLogOptions: how long requests are kept.

namespace lowart {

struct RequestLogOptions {
  /// A month is compressed when everything in it is older than so many months, and deleted likewise; 0: never.
  int archive_after{6};
  int retention{24};
};

}  // namespace lowart
