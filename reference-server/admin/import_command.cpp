#include "admin/import_command.hpp"

#include "admin/console.hpp"
#include "config.hpp"
#include "litellm/litellm_import.hpp"
#include "yaml_writer.hpp"

#include <cstdio>
#include <cstdlib>

namespace lowart::server {

namespace {

struct ImportFlags : ConsoleFlags {
  std::string file;
  bool apply{false};
};

void print_notes(LitellmImport const& theirs, std::string const& file, std::FILE* out, char const* before) {
  if (theirs.notes.empty()) return;
  std::fprintf(out, "%snot carried over, or not the same here:\n", before);
  for (ImportNote const& note : theirs.notes)
    std::fprintf(out, "%s%s:%zu: %s: %s\n", before, file.c_str(), note.line, note.setting.c_str(),
                 note.why.c_str());
}

json::object file_form(LitellmImport const& theirs) {
  json::object all;
  for (auto const& [kind, entries] :
       {std::pair{"providers", &theirs.providers}, {"groups", &theirs.groups}, {"models", &theirs.models}})
    if (!entries->empty()) all[kind] = named_variables(*entries);
  return all;
}

json::array notes_of(LitellmImport const& theirs) {
  json::array notes;
  for (ImportNote const& note : theirs.notes)
    notes.push_back(json::object{{"line", note.line}, {"setting", note.setting}, {"why", note.why}});
  return notes;
}

int preview(ImportFlags const& flags, LitellmImport const& theirs) {
  json::object made = file_form(theirs);
  if (flags.json) {
    made["notes"] = notes_of(theirs);
    print_answer(made, true);
    return exit_code::done;
  }
  std::fputs(yaml_text(made).c_str(), stdout);
  print_notes(theirs, flags.file, stdout, "# ");
  return exit_code::done;
}

/// All that is to be made, with what variables say now. In an order in which each finds what it names.
Result<std::vector<Resource>> resources_of(LitellmImport const& theirs) {
  auto const lookup = [](std::string const& name) -> std::optional<std::string> {
    char const* const value = std::getenv(name.c_str());
    return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
  };
  std::vector<Resource> all;
  std::vector<std::string> missing;
  for (auto const& [kind, entries] : {std::pair{ResourceKind::provider, &theirs.providers},
                                      {ResourceKind::group, &theirs.groups},
                                      {ResourceKind::model, &theirs.models}})
    for (auto const& entry : *entries) {
      Resource one{.kind = kind, .name = std::string(entry.key())};
      one.body = resolved_variables(entry.value(), lookup, missing).as_object();
      all.push_back(std::move(one));
    }
  if (missing.empty()) return all;
  std::string names;
  for (auto const& name : missing) names.append(names.empty() ? "" : ", ").append(name);
  return fail(Errc::config_invalid, "these variables of the environment are not set: " + names);
}

/// Whether all of it together would be a configuration, and nothing of it is there already.
Result<void> check(Console& console, std::vector<Resource> const& made) {
  Administration& admin = console.administration();
  auto laid_over = admin.overlay();
  if (!laid_over) return tl::unexpected(std::move(laid_over).error());
  std::string there;
  for (Resource const& one : made) {
    auto const found = console.ask("GET", path_of(plural(one.kind), one.name));
    if (found) there.append(there.empty() ? "" : ", ").append(plural(one.kind)).append("/").append(one.name);
    laid_over->push_back(one);
  }
  if (!there.empty()) return fail(Errc::conflict, "these are there already, so nothing was made: " + there);
  ConfigResult const read = read_config(admin.file(), *laid_over);
  if (read.config) return {};
  std::string problems;
  for (Problem const& problem : read.problems) problems.append("\n  ").append(problem.message);
  return fail(Errc::config_invalid, "what would be made is no configuration, so nothing was:" + problems);
}

int make_all(Console& console, ImportFlags const& flags, std::vector<Resource> const& all) {
  auto const before = console.administration().registry().latest_revision();
  if (!before) return refuse(before.error());
  json::array names;
  for (Resource const& one : all) {
    json::object body = one.body;
    body["name"] = one.name;
    auto const answer = console.ask("POST", "/admin/" + std::string(plural(one.kind)), &body);
    if (!answer) {
      std::fprintf(stderr, "lowart: %zu of %zu were made; `lowart config rollback %lld` takes them back\n",
                   names.size(), all.size(), static_cast<long long>(*before));
      return refuse(answer.error());
    }
    std::string const name = std::string(plural(one.kind)) + "/" + one.name;
    names.push_back(json::value(name));
    if (!flags.json) std::printf("made %s\n", name.c_str());
  }
  if (flags.json) print_answer({{"made", std::move(names)}}, true);
  return exit_code::done;
}

int import_litellm(ImportFlags const& flags) {
  auto const text = read_file(flags.file);
  if (!text) return refuse_usage("the file '" + flags.file + "' cannot be read");
  auto const theirs = read_litellm(*text);
  if (!theirs) return refuse(Error(theirs.error().code(), flags.file + ": " + theirs.error().message()));
  if (!flags.apply) return preview(flags, *theirs);
  auto const all = resources_of(*theirs);
  if (!all) return refuse(all.error());
  return with_console(flags, [&](Console& console) {
    if (auto const ok = check(console, *all); !ok) return refuse(ok.error());
    int const code = make_all(console, flags, *all);
    print_notes(*theirs, flags.file, stderr, "");
    return code;
  });
}

}  // namespace

void add_import_command(Commands& commands, CLI::App& config) {
  auto const flags = std::make_shared<ImportFlags>();
  auto* const command =
      config.add_subcommand("import-litellm", "Take over a configuration of the LiteLLM proxy");
  command->add_option("FILE", flags->file, "Its config.yaml")->required();
  command->add_flag("--apply", flags->apply, "Make it; without, only show what would be made");
  flags->add_to(*command);
  commands.on(command, [flags] { return import_litellm(*flags); });
}

}  // namespace lowart::server
