#include "catalogue.hpp"

#include <lowart/dialect/json_document.hpp>
#include <lowart/dialect/json_fault.hpp>
#include <lowart/dialect/json_object.hpp>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#if !defined(__ELF__)
#error "the catalogue is embedded with the directives of ELF assemblers"
#endif

// The path of vendors.json comes from CMake. Tools that read the source by itself assemble nothing.
#if !defined(LOWART_CATALOGUE)
#define LOWART_CATALOGUE "catalogue/vendors.json"
#endif

__asm__(
    ".pushsection .rodata\n.hidden lowart_catalogue\n.globl lowart_catalogue\nlowart_catalogue:\n"
    ".incbin \"" LOWART_CATALOGUE
    "\"\n.hidden lowart_catalogue_end\n.globl lowart_catalogue_end\n"
    "lowart_catalogue_end:\n.byte 0\n.popsection\n");

extern "C" {
[[gnu::visibility("hidden")]] extern char const lowart_catalogue[];
[[gnu::visibility("hidden")]] extern char const lowart_catalogue_end[];
}

namespace lowart::server {

namespace {

using dialect::JsonFault;
using dialect::JsonKind;
using dialect::JsonMember;
using dialect::JsonObject;
using dialect::JsonPath;

void take_words(JsonObject& from, std::string_view name, std::vector<std::string>& words) {
  from.take_list(name, [&](JsonMember const& element, JsonPath const& path) {
    if (element.kind == JsonKind::string) words.push_back(JsonObject::text_of(element));
    else from.fault().wrong(path, "must be a string");
  });
}

/// The digits of numbers as they stand there, so that no price is rounded.
void take_amounts(JsonObject& from, Price& price) {
  for (PriceName const& name : price_names)
    if (auto const member = from.take(name.name); member && !price.set(name, member->value))
      from.wrong(name.name, "must be USD");
}
void refuse_rest(JsonObject& from) {
  for (auto const& unknown : from.rest()) from.wrong(unknown.name, "is not known in a price");
}

void take_price(JsonObject& from, DatedPrice& price) {
  auto prices = from.take_object("price");
  if (!prices) return;
  take_amounts(*prices, price.price);
  if (auto const fee = prices->take("per_request")) {
    auto const amount = parse_usd(fee->value);
    if (amount) price.per_request = *amount;
    else prices->wrong("per_request", "must be USD");
  }
  prices->take_list("above", [&](JsonMember const& element, JsonPath const& path) {
    JsonObject step(element, path, from.fault());
    std::int64_t const above = step.take_count("input_tokens").value_or(0);
    Price own;
    take_amounts(step, own);
    refuse_rest(step);
    bool const rises = price.by_context.empty() || price.by_context.back().above < above;
    if (above > 0 && rises) price.by_context.push_back({above, price.price.with(own)});
    else step.wrong("input_tokens", "must be there and rise from step to step");
  });
  if (auto tiers = prices->take_object("tiers")) {
    for (auto const& tier : tiers->rest()) {
      auto const factor = PriceFactor::parse(tier.value.text);
      if (factor) price.tiers.push_back({tier.name, *factor});
      else tiers->wrong(tier.name, "must be a factor");
    }
  }
  refuse_rest(*prices);
}

ListedModel read_listed(JsonObject model) {
  ListedModel listed;
  listed.id = model.need_text("id");
  listed.context_tokens = model.take_count("context").value_or(0);
  listed.output_tokens = model.take_count("output").value_or(0);
  take_words(model, "types", listed.types);
  take_words(model, "capabilities", listed.capabilities);
  listed.source = model.take_text_or_empty("source");
  take_price(model, listed.price);
  listed.priced_at = model.take_text_or_empty("priced_at");
  listed.price_source = model.take_text_or_empty("price_source");
  return listed;
}

/// Scalars, as they would stand in lowart.yaml.
void take_settings(JsonObject& from, Vendor& vendor) {
  auto const settings = from.take("settings", JsonKind::object, "must be an object");
  if (!settings) return;
  JsonObject::for_each_in(*settings, [&](JsonMember const& member) {
    bool const is_text = member.kind == JsonKind::string;
    vendor.settings.emplace_back(member.key,
                                 is_text ? JsonObject::text_of(member) : std::string(member.value));
  });
}

Vendor read_vendor(JsonObject entry) {
  Vendor vendor;
  vendor.id = entry.need_text("id");
  vendor.name = entry.need_text("name");
  vendor.type = entry.need_text("type");
  vendor.base_url = entry.need_text("base_url");
  vendor.auth = entry.need_text("auth");
  vendor.key_variable = entry.take_text_or_empty("key_variable");
  vendor.docs = entry.need_text("docs");
  vendor.checked_at = entry.take_text_or_empty("checked_at");
  vendor.source = entry.take_text_or_empty("source");
  take_settings(entry, vendor);
  entry.take_list("models", [&](JsonMember const& model, JsonPath const& path) {
    vendor.models.push_back(read_listed(JsonObject(model, path, entry.fault())));
  });
  return vendor;
}

/// How many letters have to be put in, left out or replaced to make one of the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      std::size_t const replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

Result<std::vector<Vendor>> read_catalogue(std::string_view json) {
  dialect::JsonDocument const document(json);
  if (document.error())
    return fail(Errc::config_invalid, "no JSON from byte " + std::to_string(*document.error()) + " on");
  JsonFault fault;
  std::vector<Vendor> vendors;
  if (document.root().kind != JsonKind::object)
    return fail(Errc::config_invalid, "the catalogue is no object");
  JsonObject root(document.root(), JsonPath(), fault);
  std::string where;  // the vendor with the first fault, which is the one that is told
  bool const has_list = root.take_list("vendors", [&](JsonMember const& entry, JsonPath const& path) {
    vendors.push_back(read_vendor(JsonObject(entry, path, fault)));
    if (fault.error() && where.empty()) where = "vendor '" + vendors.back().id + "': ";
  });
  if (fault.error()) return fail(Errc::config_invalid, where + fault.error()->message());
  if (!has_list) return fail(Errc::config_invalid, "'vendors' is missing");
  return vendors;
}

std::vector<Vendor> const& catalogue() {
  static std::vector<Vendor> const vendors = [] {
    auto read = read_catalogue(std::string_view(
        lowart_catalogue, static_cast<std::size_t>(lowart_catalogue_end - lowart_catalogue)));
    // The checks before a build hold it to its schema: this is a program that was built without them.
    if (!read) throw std::runtime_error("the built-in catalogue: " + read.error().message());
    return *std::move(read);
  }();
  return vendors;
}

Vendor const* find_vendor(std::string_view id) {
  auto const& all = catalogue();
  auto const found = std::find_if(all.begin(), all.end(), [id](Vendor const& v) { return v.id == id; });
  return found == all.end() ? nullptr : &*found;
}

std::string other_regions(Vendor const& vendor) {
  std::string names;
  for (Vendor const& other : catalogue()) {
    bool const same_key = other.key_variable == vendor.key_variable && other.type == vendor.type;
    if (!vendor.needs_key() || !same_key || other.base_url == vendor.base_url) continue;
    names.append(names.empty() ? "" : ", ").append(other.id);
  }
  return names;
}

ListedModel const* find_listed(Vendor const* vendor, std::string_view model) {
  if (vendor == nullptr) return nullptr;
  auto const found = std::find_if(vendor->models.begin(), vendor->models.end(),
                                  [model](ListedModel const& m) { return m.id == model; });
  return found == vendor->models.end() ? nullptr : &*found;
}

std::vector<std::string> placeholders_in(std::string_view base_url) {
  std::vector<std::string> names;
  for (auto open = base_url.find('{'); open != std::string_view::npos; open = base_url.find('{', open + 1)) {
    auto const close = base_url.find('}', open);
    if (close == std::string_view::npos) break;
    std::string name(base_url.substr(open + 1, close - open - 1));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

std::string prices_text(DatedPrice const& dated) {
  std::string text;
  auto const add = [&text](Price const& price, Price const* but) {
    bool first = true;
    price.each([&](PriceName const& name, std::string const& usd) {
      if (but != nullptr && but->own(name.of) == price.own(name.of)) return;
      text.append(std::exchange(first, false) ? "" : ", ").append(name.name).append(" ").append(usd);
    });
  };
  add(dated.price, nullptr);
  if (dated.per_request.count() > 0) text.append("; per_request ").append(usd_text(dated.per_request));
  for (PriceStep const& step : dated.by_context) {
    text.append("; above ").append(std::to_string(step.above)).append(" input_tokens: ");
    add(step.price, &dated.price);
  }
  for (TierFactor const& tier : dated.tiers)
    text.append("; ").append(tier.tier).append(" * ").append(tier.factor.text());
  return text;
}

std::string vendors_like(std::string_view id) {
  constexpr std::size_t longest = 64;
  constexpr std::size_t most = 3;
  if (id.size() > longest) return {};
  std::vector<std::pair<std::size_t, std::string_view>> near;
  for (Vendor const& vendor : catalogue()) {
    bool const holds = id.size() > 2 && vendor.id.find(id) != std::string::npos;
    std::size_t const far = holds ? 1 : distance(id, vendor.id);
    if (far < 2 || far * 3 <= vendor.id.size()) near.emplace_back(far, vendor.id);
  }
  std::sort(near.begin(), near.end());
  std::string names;
  for (std::size_t i = 0; i < std::min(most, near.size()); ++i)
    names.append(names.empty() ? "" : ", ").append(near[i].second);
  return names;
}

}  // namespace lowart::server
