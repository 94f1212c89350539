/// Any bytes as comma-separated values: nothing crashes, bounds hold, and rows that are written anew read the same.

#include "fuzz.hpp"

#include <lowart/dialect/csv.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lowart;
using namespace lowart::fuzz;

using Rows = std::vector<std::vector<std::string>>;

Rows read(std::string_view text) {
  Rows rows;
  dialect::CsvReader reader(text);
  std::vector<std::string> fields;
  for (;;) {
    auto const more = reader.next(fields);
    if (!more || !*more) return rows;
    require(!fields.empty() && fields.size() <= dialect::CsvReader::max_fields);
    for (auto const& field : fields) require(field.size() <= dialect::CsvReader::max_field_bytes);
    rows.push_back(fields);
  }
}

std::string write(Rows const& rows) {
  std::string text;
  for (auto const& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text.append(i == 0 ? "\"" : ",\"");
      for (char const c : row[i]) text.append(c == '"' ? 2 : 1, c);
      text.push_back('"');
    }
    text.append("\r\n");
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Rows const rows = read(std::string_view(reinterpret_cast<char const*>(data), size));
  require(read(write(rows)) == rows);
  return 0;
}
