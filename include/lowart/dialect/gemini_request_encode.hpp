#pragma once
/// A Conversation, written as a Gemini request.

#include <lowart/core/result.hpp>
#include <lowart/dialect/fidelity.hpp>
#include <lowart/dialect/gemini_blob.hpp>
#include <lowart/dialect/gemini_call_ids.hpp>
#include <lowart/dialect/gemini_config_encode.hpp>
#include <lowart/dialect/gemini_function_text.hpp>
#include <lowart/dialect/gemini_schema.hpp>
#include <lowart/dialect/json_writer.hpp>
#include <lowart/dialect/sealed_signature.hpp>
#include <lowart/model/conversation.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lowart::dialect {

namespace gemini_request {

/// Writes the contents of one conversation.
class Contents {
 public:
  Contents(JsonWriter& w, Conversation const& c, std::string_view model, Losses& losses)
      : w_(w), c_(c), losses_(losses), own_(c.dialect == Dialect::gemini), signs_(takes_levels(model)) {}

  /// The system prompt, which stands apart. Later ones are losses.
  void write_system() {
    bool any = false;
    for (std::size_t i = 0; i < c_.messages.size() && is_system(c_.messages[i]); ++i) {
      Message const& message = c_.messages[i];
      if (!any) w_.begin_object("systemInstruction").begin_list("parts");
      any = true;
      for (std::size_t j = 0; j < message.content.size(); ++j) write_part(message.content[j], i, j);
    }
    if (!any) return;
    w_.end_list();
    if (own_) w_.extra(c_.messages.front().extra);
    w_.end_object();
  }

  /// False when there is no content to write: Gemini takes no such request.
  bool write_turns() {
    w_.begin_list("contents");
    for (std::size_t i = 0; i < c_.messages.size(); ++i)
      if (!is_system(c_.messages[i])) write_message(i);
    close();
    w_.end_list();
    return any_ || own_;
  }

  /// The first thing that Gemini requires and the conversation does not have.
  std::optional<Error>& error() noexcept { return error_; }

 private:
  static bool is_system(Message const& m) noexcept {
    return m.role == Role::system || m.role == Role::developer;
  }

  void write_message(std::size_t i) {
    Message const& message = c_.messages[i];
    bool const is_model = message.role == Role::assistant;
    // A client of Gemini finds its own contents again; from others, turns of one side are joined.
    bool const goes_on = first_ != nullptr && is_model == is_model_ && (!own_ || message.same_turn);
    if (!goes_on) close(), is_model_ = is_model, called_ = false;
    if (own_ && !goes_on) open(message);
    if (message.role == Role::tool) return write_result(i);
    for (std::size_t j = 0; j < message.content.size(); ++j) {
      ContentPart const& part = message.content[j];
      if (!is_said(part)) continue;
      open(message);
      write_part(part, i, j);
    }
  }

  void open(Message const& first) {
    if (first_ != nullptr) return;
    first_ = &first;
    any_ = true;
    w_.begin_object().text("role", is_model_ ? "model" : "user").begin_list("parts");
  }
  void close() {
    if (first_ == nullptr) return;
    w_.end_list();
    constexpr std::string_view apart = "content.";
    if (own_)
      for (ExtraField const& field : first_->extra) {
        if (first_->role != Role::tool) w_.raw_if(field.name, field.value);
        else if (field.name.starts_with(apart)) w_.raw_if(field.name.substr(apart.size()), field.value);
      }
    w_.end_object();
    first_ = nullptr;
  }

  /// Empty texts of other dialects would be refused; what is a loss is left out.
  bool is_said(ContentPart const& part) const {
    if (!own_ && !part.raw.empty()) return false;
    bool const ours = part.signature.is_of(Dialect::gemini);
    switch (part.kind) {
      case PartKind::text:
      case PartKind::refusal: return own_ || ours || !part.text.empty();
      case PartKind::reasoning: return own_ ? !part.redacted : ours;
      case PartKind::other: return own_;
      case PartKind::tool_call: return true;
      case PartKind::image:
      case PartKind::audio:
      case PartKind::video:
      case PartKind::file: break;
    }
    return own_ || (part.media->file_id.empty() && !gemini_blob::is_url(part.media->data));
  }

  void write_part(ContentPart const& part, std::size_t i, std::size_t j) {
    switch (part.kind) {
      case PartKind::other:
        if (own_ && !part.raw.empty()) w_.raw(part.raw.text);
        return;
      case PartKind::text:
      case PartKind::refusal: w_.begin_object().text("text", part.text); break;
      case PartKind::reasoning: w_.begin_object().text("text", part.text).flag("thought", true); break;
      case PartKind::tool_call: write_call(part); break;
      case PartKind::image:
      case PartKind::audio:
      case PartKind::video:
      case PartKind::file:
        if (!write_media(part, i, j)) return;
        break;
    }
    std::string_view signature =
        part.signature.by == Dialect::gemini ? part.signature.value : std::string_view();
    if (part.kind == PartKind::tool_call) {
      // Of calls in parallel only the first is signed.
      bool const foreign = !own_ || !part.signature.empty();
      if (foreign && signs_ && signature.empty() && !called_) signature = gemini_no_signature;
      called_ = true;
    }
    w_.text_if("thoughtSignature", signature);
    if (own_)
      for (ExtraField const& field : part.extra)
        if (!is_inner(field.name)) w_.raw_if(field.name, field.value);
    w_.end_object();
  }

  /// Names under which members of an inner object are kept.
  static bool is_inner(std::string_view name) noexcept {
    return name == "functionCall" || name == "inlineData" || name == "fileData" || name == "functionResponse";
  }
  void end_inner(std::vector<ExtraField> const& extra, std::string_view name) {
    RawJson const* const rest = own_ ? find_extra(extra, name) : nullptr;
    if (rest != nullptr) w_.members_of(rest->text);
    w_.end_object();
  }

  void write_call(ContentPart const& part) {
    ToolCall const& call = part.call;
    bool const made = own_ && ids_.is_next(call.id, call.name);
    w_.begin_object().begin_object("functionCall");
    if (!made) w_.text_if("id", call.id);
    w_.text("name", call.name);
    write_gemini_arguments(w_, call);
    end_inner(part.extra, "functionCall");
    ids_.call(call.id, call.name);
  }

  /// False when the part cannot be said: a loss.
  bool write_media(ContentPart const& part, std::size_t i, std::size_t j) {
    Media const& media = *part.media;
    std::string scratch;
    if (auto const bytes = gemini_blob::bytes_of(part.kind, media, scratch); bytes && media.file_id.empty()) {
      w_.begin_object().begin_object("inlineData");
      w_.text("mimeType", gemini_blob::type_of(part.kind, *bytes)).text("data", bytes->base64);
      w_.text_if("displayName", own_ ? std::string_view(media.file_name) : std::string_view());
      end_inner(part.extra, "inlineData");
      return true;
    }
    if (!own_) {
      losses_.lose(Weight::meaning, path_of(c_, i, j), "is not base64, which Gemini needs");
      return false;
    }
    w_.begin_object().begin_object("fileData").text_if("mimeType", media.media_type);
    w_.text("fileUri", media.file_id.empty() ? media.data : media.file_id)
        .text_if("displayName", media.file_name);
    end_inner(part.extra, "fileData");
    return true;
  }

  void write_result(std::size_t i) {
    Message const& message = c_.messages[i];
    std::string_view const known = ids_.name_of(message.tool_call_id);
    std::string_view const name = (own_ && !message.name.empty()) || known.empty() ? message.name : known;
    if (name.empty() && !error_) {
      error_.emplace(Errc::invalid_request, "a tool's result answers no call that came before it",
                     Origin::client);
      std::move(*error_).with_param(path_of(c_, i));
    }
    bool const made =
        own_ && ids_.is_made(message.tool_call_id) && ids_.answered_by(name) == message.tool_call_id;
    ids_.answer(message.tool_call_id);
    open(message);
    w_.begin_object().begin_object("functionResponse");
    if (!made) w_.text_if("id", message.tool_call_id);
    w_.text("name", name);
    write_gemini_response(w_, message);
    write_result_parts(message, i);
    end_inner(message.extra, "functionResponse");
    if (own_)
      for (ExtraField const& field : message.extra)
        if (!is_inner(field.name) && !field.name.starts_with("content.")) w_.raw_if(field.name, field.value);
    w_.end_object();
  }

  /// Images and documents that a tool gave.
  void write_result_parts(Message const& message, std::size_t i) {
    bool any = false;
    for (std::size_t j = 0; j < message.content.size(); ++j) {
      ContentPart const& part = message.content[j];
      bool const is_words = part.kind == PartKind::text || part.kind == PartKind::refusal ||
                            part.kind == PartKind::reasoning || part.kind == PartKind::tool_call;
      if (is_words || !is_said(part)) continue;
      if (!std::exchange(any, true)) w_.begin_list("parts");
      write_part(part, i, j);
    }
    if (any) w_.end_list();
  }

  JsonWriter& w_;
  Conversation const& c_;
  Losses& losses_;
  GeminiCallIds ids_;
  std::optional<Error> error_;
  Message const* first_{nullptr};  // the first message of the content that is open
  bool own_;
  bool signs_;
  bool is_model_{false};
  bool called_{false};  // the open content has a call
  bool any_{false};
};

inline void encode_function(JsonWriter& w, Tool const& tool, bool own) {
  w.begin_object().text("name", tool.name);
  if (tool.custom) {
    std::string words = tool.description;
    if (!tool.format.empty()) words.append("\n\nThe text must follow this format: ").append(tool.format.text);
    w.text_if("description", words);
    w.raw("parametersJsonSchema", custom_tool_schema);
  } else {
    bool const in_own_form = own && !tool.parameters.empty() && came_in_own_form(tool.extra, "parameters");
    w.text_if("description", tool.description);
    if (in_own_form) w.raw("parameters", raise_gemini_schema(tool.parameters.text));
    else w.raw_if("parametersJsonSchema", tool.parameters);
    if (own) w.extra(tool.extra, in_own_form ? std::string_view("parameters") : std::string_view());
  }
  w.end_object();
}

/// Functions that follow each other share an entry.
inline void encode_tools(JsonWriter& w, Conversation const& c) {
  bool const own = c.dialect == Dialect::gemini;
  bool any = false, functions = false;
  for (Tool const& tool : c.tools) {
    bool const is_function = tool.raw.empty();
    if (is_function ? !is_offered(c, tool) : !own) continue;
    if (!std::exchange(any, true)) w.begin_list("tools");
    if (functions && !is_function) w.end_list().end_object(), functions = false;
    if (!is_function) {
      w.raw(tool.raw.text);
      continue;
    }
    if (!std::exchange(functions, true)) w.begin_object().begin_list("functionDeclarations");
    encode_function(w, tool, own);
  }
  if (functions) w.end_list().end_object();
  if (any) w.end_list();
}

/// Members of the top that were kept under their own names.
inline void encode_top_extra(JsonWriter& w, Conversation const& c) {
  for (ExtraField const& field : c.extra) {
    std::string_view const name = field.name;
    if (!name.starts_with(config_prefix) && !name.starts_with(tool_config_prefix))
      w.raw_if(name, field.value);
  }
}

}  // namespace gemini_request

/// The body of a generateContent call; `model` stands in the path and says which way of thinking it takes. What
/// decode_gemini read comes out with the same meaning.
///
/// From other dialects: schemas go as JSON Schema, turns of one side are joined, results get the names of their
/// functions, and only Gemini's own signatures are written; models that insist on one for a call get Google's stand-in.
/// Errors: the first loss that may not be; invalid_request for a result that answers no call, and when there is
/// nothing but a system prompt.
inline Result<std::string> encode_gemini(Conversation const& c, std::string_view model, Losses& losses) {
  check_fidelity(c, Dialect::gemini, losses);
  if (losses.refused()) return tl::unexpected<Error>(*losses.refused());
  std::string body;
  body.reserve(estimated_size(c));
  JsonWriter w(body);
  w.begin_object();
  gemini_request::Contents contents(w, c, model, losses);
  contents.write_system();
  bool const any = contents.write_turns();
  if (contents.error()) return tl::unexpected<Error>(std::move(*contents.error()));
  if (losses.refused()) return tl::unexpected<Error>(*losses.refused());
  if (!any) {
    std::string const list = c.dialect == Dialect::openai_responses ? "input" : "messages";
    Error error(Errc::invalid_request,
                "'" + list +
                    "' has no message besides the system prompt, and a provider that speaks gemini needs one",
                Origin::client);
    return tl::unexpected<Error>(std::move(error).with_param(list));
  }
  gemini_request::encode_tools(w, c);
  gemini_request::encode_tool_config(w, c);
  gemini_request::encode_config(w, c, model);
  if (c.dialect == Dialect::gemini) gemini_request::encode_top_extra(w, c);
  w.end_object();
  return body;
}

}  // namespace lowart::dialect
