#include "admin/command_body.hpp"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>

namespace lowart::server {

namespace {

tl::unexpected<Error> wrong(std::string message) { return fail(Errc::config_invalid, std::move(message)); }

std::string option_of(std::string_view name) {
  std::string option = "--" + std::string(name);
  for (char& c : option)
    if (c == '_') c = '-';
  return option;
}

std::string about(Field const& field) {
  std::string text(field.about);
  if (field.type == FieldType::flag) text.append(text.empty() ? "" : ". ").append("true or false");
  if (field.type == FieldType::secret) text.append("; '-': from stdin, 'env:NAME': from a variable");
  if (field.type == FieldType::map) text.append(text.empty() ? "" : ". ").append("NAME=VALUE, several times");
  if (field.type == FieldType::names) text.append(text.empty() ? "" : ". ").append("Several times");
  if (field.type == FieldType::any) text.append(text.empty() ? "" : ". ").append("JSON");
  std::string choices;
  for (auto const choice : field.choices) choices.append(choices.empty() ? "" : ", ").append(choice);
  if (!choices.empty()) text.append(text.empty() ? "" : ": ").append(choices);
  return text;
}

json::value number_or_text(std::string const& text) {
  std::int64_t number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return json::value(text);
}

/// Amounts are decimal texts: as floating point they would lose what they are. Inside of lists and objects as well.
void keep_no_fractions(json::value& value) {
  if (auto* const object = value.if_object())
    for (auto& member : *object) keep_no_fractions(member.value());
  if (auto* const list = value.if_array())
    for (auto& item : *list) keep_no_fractions(item);
  if (!value.is_double()) return;
  constexpr std::size_t longest = 32;
  std::array<char, longest> digits{};
  auto const [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value.get_double(),
                                          std::chars_format::fixed);
  if (error == std::errc())
    value = std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

json::value json_or_text(std::string_view text) {
  boost::system::error_code not_json;
  json::value value = json::parse(text, not_json);
  if (not_json || value.is_double()) return json::value(text);
  keep_no_fractions(value);
  return value;
}

/// A secret is not an argument: those of every program on the machine can be seen by all.
Result<std::string> secret_of(std::string const& option, std::string const& text) {
  constexpr std::string_view variable = "env:";
  if (text == "-") return read_secret(option.substr(2));
  if (!text.starts_with(variable))
    return wrong(option +
                 " is '-', to read it from stdin, or 'env:NAME', for a variable: others on this machine can "
                 "see arguments");
  char const* const value = std::getenv(text.c_str() + variable.size());
  if (value == nullptr || *value == '\0')
    return wrong(option + ": the variable '" + text.substr(variable.size()) + "' is not set");
  return std::string(value);
}

Result<json::object> read_object(std::string const& path) {
  constexpr std::size_t most = std::size_t{1} << 20U;
  std::string text;
  if (path == "-") text.assign(std::istreambuf_iterator<char>(std::cin), {});
  else if (std::ifstream file(path); file) text.assign(std::istreambuf_iterator<char>(file), {});
  else return wrong("the file '" + path + "' cannot be read");
  if (text.size() > most) return wrong("'" + path + "' has more than 1 MiB");
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) return wrong("'" + path + "' is not a JSON object");
  keep_no_fractions(value);
  return std::move(value.get_object());
}

}  // namespace

void BodyOptions::add_to(CLI::App& command, Shape const& shape, bool changes) {
  for (auto const fields : shape.parts)
    for (Field const& field : fields) {
      if (field.read_only || field.name == "name" || field.name == "revision") continue;
      auto* const option = command.add_option(option_of(field.name), given_[&field], about(field));
      option->take_all()->allow_extra_args(false);
    }
  if (shape.open) {
    command
        .add_option("--set", set_, "PATH=VALUE, such as timeouts.connect=2s; VALUE is JSON, or else a text")
        ->take_all()
        ->allow_extra_args(false);
    command.add_option("--file", file_, "A JSON object with all of it; '-': from stdin");
  }
  if (!changes) return;
  command.add_option("--unset", unset_, "A member to take away")->take_all()->allow_extra_args(false);
  command.add_option("--revision", revision_,
                     "The one that was seen: refused when somebody changed it since");
}

Result<void> BodyOptions::add_member(Field const& field, std::vector<std::string> const& texts,
                                     json::object& body) const {
  std::string const option = option_of(field.name);
  std::string const& text = texts.back();
  json::value& value = body[field.name];
  switch (field.type) {
    case FieldType::flag:
      value = text;
      if (text == "true" || text == "false") value = text == "true";
      return {};
    case FieldType::integer: value = number_or_text(text); return {};
    case FieldType::names: {
      json::array list;
      for (auto const& one : texts)
        if (!one.empty()) list.push_back(json::value(one));
      value = std::move(list);
      return {};
    }
    case FieldType::map:
      if (!value.is_object()) value = json::object();
      for (auto const& one : texts) {
        auto const equals = one.find('=');
        if (equals == one.npos) return wrong(option + " is NAME=VALUE, not '" + one + "'");
        value.get_object()[one.substr(0, equals)] = one.substr(equals + 1);
      }
      return {};
    case FieldType::object:
    case FieldType::objects:
    case FieldType::any: {
      boost::system::error_code not_json;
      value = json::parse(text, not_json);
      if (not_json) return wrong(option + " is JSON: " + not_json.message());
      keep_no_fractions(value);
      return {};
    }
    case FieldType::secret: {
      auto secret = secret_of(option, text);
      if (!secret) return tl::unexpected(std::move(secret).error());
      value = std::move(*secret);
      return {};
    }
    default: value = text; return {};
  }
}

Result<void> BodyOptions::add_assignments(json::object& body) const {
  for (auto const& one : set_)
    if (auto ok = assign(body, one); !ok) return ok;
  for (auto const& name : unset_) {
    auto const member =
        std::ranges::find(given_, "--" + name, [](auto const& one) { return option_of(one.first->name); });
    std::string const path = member == given_.end() ? name : std::string(member->first->name);
    if (auto ok = assign(body, path + "=null"); !ok) return ok;
  }
  if (!revision_.empty()) body["revision"] = number_or_text(revision_);
  return {};
}

Result<json::object> BodyOptions::body() const {
  json::object body;
  if (!file_.empty()) {
    auto read = read_object(file_);
    if (!read) return read;
    body = std::move(*read);
  }
  for (auto const& [field, texts] : given_)
    if (!texts.empty())
      if (auto ok = add_member(*field, texts, body); !ok) return tl::unexpected(ok.error());
  if (auto ok = add_assignments(body); !ok) return tl::unexpected(ok.error());
  return body;
}

Result<void> assign(json::object& body, std::string_view assignment) {
  auto const equals = assignment.find('=');
  if (equals == assignment.npos || equals == 0)
    return wrong("'" + std::string(assignment) + "' is not PATH=VALUE");
  std::string_view path = assignment.substr(0, equals);
  json::object* inner = &body;
  for (auto dot = path.find('.'); dot != path.npos; dot = path.find('.')) {
    json::value& next = (*inner)[path.substr(0, dot)];
    if (!next.is_object()) next = json::object();
    inner = &next.get_object();
    path.remove_prefix(dot + 1);
  }
  (*inner)[path] = json_or_text(assignment.substr(equals + 1));
  return {};
}

Result<std::string> read_secret(std::string const& prompt) {
  bool const at_terminal = ::isatty(STDIN_FILENO) != 0;
  termios usual{};
  if (at_terminal && ::tcgetattr(STDIN_FILENO, &usual) == 0) {
    termios silent = usual;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    std::fprintf(stderr, "%s: ", prompt.c_str());  // last: what is typed before is thrown away
  }
  std::string line;
  std::getline(std::cin, line);
  if (at_terminal) {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &usual);
    std::fputc('\n', stderr);
  }
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty()) return wrong("nothing came from stdin for the " + prompt);
  return line;
}

}  // namespace lowart::server
