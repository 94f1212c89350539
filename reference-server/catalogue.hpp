#pragma once
/// The catalogue: what is publicly known of vendors and their models, as data that is built into the program.

#include <lowart/core/result.hpp>
#include <lowart/meter/price_card.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowart::server {

/// A model as its vendor names it.
struct ListedModel {
  std::string id;
  std::int64_t context_tokens{0};  ///< How much fits in; 0: not known.
  std::int64_t output_tokens{0};   ///< How much it writes at most; 0: not known.
  std::vector<std::string> types;
  std::vector<std::string> capabilities;
  std::string source;        ///< The page where that was read; empty: it was not compared with any.
  DatedPrice price;          ///< Empty: not known. It says of no day from when on it holds.
  std::string priced_at;     ///< The day on which the price was looked up: 2026-03-21.
  std::string price_source;  ///< The page where it was looked up.
};

/// A vendor: how to reach it, and what it has.
struct Vendor {
  std::string id;
  std::string name;
  std::string type;      ///< Of provider, as lowart.yaml names it; maybe one that this server does not have.
  std::string base_url;  ///< May hold {placeholders}, which a configuration gives by their names.
  std::string auth;      ///< bearer, header, aws, google or none.
  std::string key_variable;  ///< Where its own tools look for the key; empty: it needs none.
  std::string docs;
  std::string checked_at;  ///< When it was compared with the vendor's own documents; empty: it was not.
  std::string source;      ///< Which of them that was.
  std::vector<std::pair<std::string, std::string>> settings;  ///< Of a provider, as lowart.yaml names them.
  std::vector<ListedModel> models;

  bool needs_key() const noexcept { return auth != "none"; }
};

/// Reads a catalogue. Errors: config_invalid with the vendor and the field.
Result<std::vector<Vendor>> read_catalogue(std::string_view json);

/// The one that is built in, by id. Read on first use; thread safe.
std::vector<Vendor> const& catalogue();

/// The ids of those where the same variable holds the key for another host: the vendor's other regions, whose keys are
/// no good here. With commas; empty where there is none.
std::string other_regions(Vendor const& vendor);

/// Null where there is none.
Vendor const* find_vendor(std::string_view id);
/// Null where the vendor (which may be null) or the model is not known.
ListedModel const* find_listed(Vendor const* vendor, std::string_view model);

/// "input 0.15, output 0.6; above 200000 input_tokens: input 0.3; batch * 0.5": what has a price of its own.
std::string prices_text(DatedPrice const& price);

/// The placeholders of a base URL, in their order.
std::vector<std::string> placeholders_in(std::string_view base_url);

/// Up to three ids that look like `id`, with commas; empty where none does.
std::string vendors_like(std::string_view id);

}  // namespace lowart::server
