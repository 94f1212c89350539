/// Arbitrary bytes as a journal segment that an earlier process left: recovery must not crash, must end, and
/// must keep exactly the records that stand whole before the first fault.

#include <lowart/store/fold.hpp>
#include <lowart/store/memory_store.hpp>

#include <unistd.h>
#include <cstdlib>
#include <filesystem>

namespace {

using namespace lowart;

constexpr char const* segment_name = "0000000000000001-000-0000000001";

/// A data directory for this process, in memory where there is such a place.
struct DataDirectory {
  std::string path =
      ::access("/dev/shm", W_OK) == 0 ? "/dev/shm/lowart-fuzz-XXXXXX" : "/tmp/lowart-fuzz-XXXXXX";
  DataDirectory() {
    if (::mkdtemp(path.data()) == nullptr || ::mkdir((path + "/journal").c_str(), 0700) != 0) std::abort();
  }
  ~DataDirectory() { std::filesystem::remove_all(path); }
};

std::string const& data_directory() {
  static DataDirectory const directory;
  return directory.path;
}

/// Makes the input get past the header and the check sums, so that the fuzzer also reaches what is behind
/// them. The first byte says which of them it shall mend.
std::vector<std::byte> mended(std::span<std::byte const> input) {
  auto const wish = std::to_integer<unsigned>(input[0]);
  std::vector<std::byte> bytes(input.begin() + 1, input.end());
  if ((wish & 1) != 0 && bytes.size() >= sizeof(journal::SegmentHeader)) {
    auto const header = journal::make_header({1, 1, 0});
    std::memcpy(bytes.data(), &header, sizeof header);
  }
  if ((wish & 2) == 0) return bytes;
  for (auto at = sizeof(journal::SegmentHeader); at + journal::word_bytes < bytes.size();) {
    std::uint32_t length = 0;
    std::memcpy(&length, bytes.data() + at, sizeof length);
    length %= 400;
    if (length == 0 || at + journal::word_bytes + length > bytes.size()) break;
    auto const word = journal::commit_word(std::span(bytes).subspan(at + journal::word_bytes, length));
    std::memcpy(bytes.data() + at, &word, sizeof word);
    at += journal::slot_bytes(length);
  }
  return bytes;
}

std::size_t readable_records(std::span<std::byte const> bytes) {
  if (journal::check_header(bytes, {1, 1, 0}) != journal::HeaderState::good) return 0;
  std::size_t count = 0;
  for (auto at = sizeof(journal::SegmentHeader);; ++count) {
    auto const slot = journal::read_slot(bytes, at);
    if (slot.kind != journal::Slot::Kind::record || !journal::decode(slot.payload)) return count;
    at = slot.next;
  }
}

/// A record that can be read must be the same when it is written and read again, with its trail.
void check_record(std::span<std::byte const> bytes) {
  std::vector<AttemptRecord> trail;
  auto const record = journal::decode(bytes, &trail);
  if (!record) return;
  KeptRecord const kept(*record);
  std::vector<AttemptRecord> again;
  auto const back = kept.get(again);
  if (back.id != record->id || back.usage != record->usage || back.user != record->user ||
      back.features != record->features || again.size() != trail.size())
    std::abort();
}

/// A cursor is refused, or stands for the age that it says.
void check_cursor(std::string_view text) {
  auto const age = parse_cursor(text);
  if (!age) return;
  auto const again = parse_cursor(cursor_text(*age));
  if (!again || *again != *age) std::abort();
  MemoryStore store;
  HistoryQuery query;
  query.after = text;
  if (!store.history(query)) std::abort();
}

void write_segment(std::span<std::byte const> bytes) {
  auto const path = data_directory() + "/journal/" + segment_name + ".segment";
  FileDescriptor const file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
  if (::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
  if (size < 1 || size > 65536) return 0;
  check_record(std::as_bytes(std::span(data + 1, size - 1)));
  check_cursor({reinterpret_cast<char const*>(data), size});
  auto const bytes = mended(std::as_bytes(std::span(data, size)));
  write_segment(bytes);
  auto journal = Journal::open(data_directory(), {.segment_bytes = 8192});
  if (!journal) {  // The only reason there may be.
    if (journal::check_header(bytes, {1, 1, 0}) != journal::HeaderState::newer) std::abort();
    return 0;
  }
  MemoryStore store;
  Fold<MemoryStore> fold(**journal, store, {.batch_records = 3, .on_damage = {}});
  if (!fold.recover()) std::abort();
  if (fold.folded() != readable_records(bytes)) std::abort();
  if (!store.totals({}) || !store.grouped({}, UsageDimension::model)) std::abort();
  return 0;
}
