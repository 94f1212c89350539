#pragma once
/// AWS Signature Version 4: the authorization field of a request, as a pure function of what is sent.

#include <lowart/core/secret.hpp>
#include <lowart/net/keyed_hash.hpp>
#include <lowart/net/sha256.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::net {

/// What is signed. All views, as they go over the wire.
struct SigV4Request {
  using Field = std::pair<std::string_view, std::string_view>;
  std::string_view method;
  std::string_view path;          ///< Begins with '/'; percent-encoded as it is sent.
  std::string_view query;         ///< Behind the '?', percent-encoded as it is sent.
  std::span<Field const> fields;  ///< Those that are signed; with `host` and `x-amz-date`.
  std::span<std::string_view const> body;
};

/// Whose signature, and for what.
struct SigV4Scope {
  std::string_view access_key_id;
  std::string_view secret_access_key;
  std::string_view region;   ///< "eu-central-1"
  std::string_view service;  ///< "bedrock"
};

/// The value of `x-amz-date`: "20150830T123600Z". `utc_micros`: microseconds since 1970; the years 1970 to 9999.
inline std::string sigv4_time(std::int64_t utc_micros) {
  using namespace std::chrono;
  sys_seconds const at = floor<seconds>(sys_time<microseconds>(microseconds(utc_micros)));
  sys_days const midnight = floor<days>(at);
  year_month_day const date(midnight);
  hh_mm_ss const time(at - midnight);
  char text[40];
  int const size =
      std::snprintf(text, sizeof text, "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                    static_cast<int>(time.seconds().count()));
  return std::string(text, static_cast<std::size_t>(size));
}

namespace sigv4 {

inline std::string_view bytes_of(Sha256 const& digest) noexcept {
  return {reinterpret_cast<char const*>(digest.data()), digest.size()};
}

/// Percent-encodes all but letters, digits, "-._~" and what `also_plain` names.
inline void append_encoded(std::string& out, std::string_view text, char also_plain) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (char const c : text) {
    auto const byte = static_cast<unsigned char>(c);
    bool const plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || c == also_plain;
    if (plain) out.push_back(c);
    else out.append({'%', digits[byte >> 4U], digits[byte & 15U]});
  }
}

/// The path as it is sent, without empty and dot segments and encoded once more: all services but S3 look at it so, and
/// want '%' itself as "%25".
inline void append_path(std::string& out, std::string_view path) {
  std::vector<std::string_view> segments;
  for (std::size_t at = 0; at < path.size();) {
    std::size_t const end = std::min(path.find('/', at), path.size());
    std::string_view const segment = path.substr(at, end - at);
    if (segment == ".." && !segments.empty()) segments.pop_back();
    if (!segment.empty() && segment != "." && segment != "..") segments.push_back(segment);
    at = end + 1;
  }
  for (std::string_view const segment : segments) append_encoded(out.append("/"), segment, '/');
  if (segments.empty() || path.ends_with('/')) out.push_back('/');
}

/// The parameters in the order of their names, each with its '='.
inline void append_query(std::string& out, std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    std::string_view const one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(one.size() + 1, query.size()));
    if (one.empty()) continue;
    std::size_t const equals = std::min(one.find('='), one.size());
    auto& [name, value] = parameters.emplace_back();
    append_encoded(name, one.substr(0, equals), '%');  // what is encoded stays as it is
    append_encoded(value, one.substr(std::min(equals + 1, one.size())), '%');
  }
  std::sort(parameters.begin(), parameters.end());
  for (auto const& [name, value] : parameters) {
    if (&name != &parameters.front().first) out.push_back('&');
    out.append(name).append("=").append(value);
  }
}

/// Without blanks around it; several within it are one.
inline void append_value(std::string& out, std::string_view value) {
  auto const is_blank = [](char c) { return c == ' ' || c == '\t'; };
  bool begun = false, blank = false;
  for (char const c : value) {
    if (is_blank(c)) {
      blank = begun;
      continue;
    }
    if (std::exchange(blank, false)) out.push_back(' ');
    out.push_back(c);
    begun = true;
  }
}

/// "host:example.com\n" and so on, by name; the values of one name in their order, between commas. Tells the names, too.
inline void append_fields(std::string& out, std::span<SigV4Request::Field const> fields, std::string& names) {
  std::vector<std::pair<std::string, std::string>> sorted;
  for (auto const& [name, value] : fields) {
    std::string lower(name);
    for (char& c : lower)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    auto known =
        std::find_if(sorted.begin(), sorted.end(), [&](auto const& one) { return one.first == lower; });
    if (known == sorted.end()) known = sorted.emplace(known, std::move(lower), std::string());
    else known->second.push_back(',');
    append_value(known->second, value);
  }
  std::sort(sorted.begin(), sorted.end());
  for (auto const& [name, value] : sorted) {
    names.append(names.empty() ? "" : ";").append(name);
    out.append(name).append(":").append(value).append("\n");
  }
}

/// "20150830/us-east-1/service/aws4_request": what a signature is good for.
inline std::string credential_scope(SigV4Scope const& scope, std::string_view time) {
  std::string text(time.substr(0, 8));
  return text.append("/").append(scope.region).append("/").append(scope.service).append("/aws4_request");
}

/// The request as both sides write it down to sign it, and the names of its signed fields.
struct CanonicalRequest {
  std::string text, names;
};
inline CanonicalRequest canonical_request(SigV4Request const& request) {
  Sha256Sum body;
  for (std::string_view const piece : request.body) body.add(piece);
  CanonicalRequest made{.text = std::string(request.method), .names = {}};
  append_path(made.text.append("\n"), request.path);
  append_query(made.text.append("\n"), request.query);
  append_fields(made.text.append("\n"), request.fields, made.names);
  append_hex(made.text.append("\n").append(made.names).append("\n"), body.take());
  return made;
}
inline std::string string_to_sign(std::string_view canonical, std::string_view scope, std::string_view time) {
  std::string text("AWS4-HMAC-SHA256\n");
  append_hex(text.append(time).append("\n").append(scope).append("\n"), sha256(canonical));
  return text;
}

}  // namespace sigv4

/// The value of `authorization`. `time` is that of x-amz-date, as sigv4_time() writes it.
///
/// Cost: one pass of SHA-256 over the body and about ten short ones. No errors: what is wrong the service tells.
inline std::string sigv4_authorization(SigV4Request const& request, SigV4Scope const& scope,
                                       std::string_view time) {
  using namespace sigv4;
  auto const [canonical, names] = canonical_request(request);
  std::string const within = credential_scope(scope, time);
  std::string const text = string_to_sign(canonical, within, time);
  Secret const first(std::string("AWS4").append(scope.secret_access_key));  // wiped, as the key itself is
  Sha256 key = hmac_sha256(first.reveal(), time.substr(0, 8));
  for (std::string_view const step : {scope.region, scope.service, std::string_view("aws4_request")})
    key = hmac_sha256(bytes_of(key), step);
  std::string value("AWS4-HMAC-SHA256 Credential=");
  value.append(scope.access_key_id).append("/").append(within).append(", SignedHeaders=").append(names);
  value.append(", Signature=");
  append_hex(value, hmac_sha256(bytes_of(key), text));
  return value;
}

}  // namespace lowart::net
