#pragma once
/// IpRange and PeerRanges: which addresses clients may come from: "10.0.0.0/8", "2001:db8::/32", "192.0.2.7", "unix".

#include <lowart/core/result.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::net {

/// An address of either family. One of IPv4 that is written as IPv6 ("::ffff:192.0.2.7") is of IPv4.
class IpAddress {
 public:
  /// nullopt when the text is no numeric address. What stands behind a '%' (a zone) does not count.
  static std::optional<IpAddress> parse(std::string_view text) {
    text = text.substr(0, text.find('%'));
    std::array<char, INET6_ADDRSTRLEN> plain{};
    if (text.size() >= plain.size() || text.find('\0') != text.npos) return std::nullopt;
    std::copy(text.begin(), text.end(), plain.begin());
    IpAddress address;
    if (::inet_pton(AF_INET, plain.data(), address.bytes_.data()) == 1) {
      address.bits_ = 32;
      return address;
    }
    if (::inet_pton(AF_INET6, plain.data(), address.bytes_.data()) != 1) return std::nullopt;
    constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    if (!std::equal(mapped.begin(), mapped.end(), address.bytes_.begin())) return address;
    std::copy(address.bytes_.begin() + mapped.size(), address.bytes_.end(), address.bytes_.begin());
    std::fill(address.bytes_.begin() + 4, address.bytes_.end(), static_cast<unsigned char>(0));
    address.bits_ = 32;
    return address;
  }

  unsigned bits() const noexcept { return bits_; }
  bool is_v4() const noexcept { return bits_ == 32; }
  std::array<unsigned char, 16> const& bytes() const noexcept { return bytes_; }

 private:
  std::array<unsigned char, 16> bytes_{};
  unsigned bits_{128};
};

/// All addresses of one family that begin with the same bits.
class IpRange {
 public:
  /// An address, or one with the length of its prefix. Errors: config_invalid says what is wrong.
  static Result<IpRange> parse(std::string_view text) {
    auto const wrong = [text](std::string_view why) {
      return fail(Errc::config_invalid, "'" + std::string(text) +
                                            "' is no range of addresses: " + std::string(why) +
                                            "; write 10.0.0.0/8, 2001:db8::/32, 192.0.2.7 or unix");
    };
    auto const slash = text.find('/');
    std::string_view const written = text.substr(0, slash);
    auto const address = IpAddress::parse(written);
    if (!address || written.find('%') != written.npos) return wrong("it does not begin with an address");
    IpRange range;
    range.first_ = *address;
    range.prefix_ = address->bits();
    if (slash == text.npos) return range;
    std::string_view const digits = text.substr(slash + 1);
    unsigned prefix = 0;
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    bool const is_number = error == std::errc() && end == digits.data() + digits.size() && !digits.empty();
    bool const is_mapped = address->is_v4() && written.find(':') != written.npos;
    unsigned const longest = is_mapped ? 128 : address->bits();
    if (!is_number || prefix > longest)
      return wrong("the prefix is a number up to " + std::to_string(longest));
    if (is_mapped && prefix < 96) return wrong("the prefix of an address of IPv4 in IPv6 is at least 96");
    range.prefix_ = is_mapped ? prefix - 96 : prefix;
    if (range.has_more_bits()) return wrong("the address has bits behind the prefix");
    return range;
  }

  bool contains(IpAddress const& address) const noexcept {
    if (address.bits() != first_.bits()) return false;
    for (unsigned bit = 0; bit < prefix_; bit += 8) {
      unsigned const left = std::min(prefix_ - bit, 8U);
      auto const mask = static_cast<unsigned char>(0xFFU << (8U - left));
      if (((first_.bytes()[bit / 8] ^ address.bytes()[bit / 8]) & mask) != 0) return false;
    }
    return true;
  }

 private:
  bool has_more_bits() const noexcept {
    for (unsigned bit = prefix_; bit < first_.bits(); ++bit)
      if ((first_.bytes()[bit / 8] & (0x80U >> (bit % 8))) != 0) return true;
    return false;
  }

  IpAddress first_{};
  unsigned prefix_{0};
};

/// Of "192.0.2.7:80" or "[::1]:80" the address alone; empty for "unix".
inline std::string_view address_of_peer(std::string_view peer) noexcept {
  auto const colon = peer.rfind(':');
  if (colon == std::string_view::npos) return {};
  bool const bracketed = peer.front() == '[';
  return peer.substr(bracketed ? 1 : 0, bracketed ? colon - 2 : colon);
}

/// Where clients may come from; empty: from anywhere.
class PeerRanges {
 public:
  /// A range, or "unix" for the clients of Unix sockets. Errors: IpRange's.
  Result<void> add(std::string_view text) {
    if (text == "unix") {
      unix_ = true;
      return {};
    }
    auto range = IpRange::parse(text);
    if (!range) return fail(std::move(range).error());
    ranges_.push_back(*range);
    return {};
  }
  bool empty() const noexcept { return ranges_.empty() && !unix_; }
  /// `peer` as ServerRequest tells it: "192.0.2.7:51234", "unix".
  bool allow(std::string_view peer) const {
    if (empty()) return true;
    if (peer == "unix") return unix_;
    auto const address = IpAddress::parse(address_of_peer(peer));
    return address && std::any_of(ranges_.begin(), ranges_.end(),
                                  [&](IpRange const& range) { return range.contains(*address); });
  }

 private:
  std::vector<IpRange> ranges_;
  bool unix_{false};
};

}  // namespace lowart::net
