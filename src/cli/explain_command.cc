// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/run_argument.h"
#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

using config::Value;

constexpr std::size_t kDigits = 12;   // of an id or digest, for people

std::string text_of(const Value& of, std::string_view key) {
  const Value* value = of.find(key);
  if (value == nullptr || value->is_null()) return {};
  return value->is_string() ? value->string() : to_json(*value);
}

// Parameters that differ from their defaults; --json has all.
std::string params_text(const Value& of, const graph::Catalogue& catalogue) {
  const Value* params = of.find("params");
  if (params == nullptr || !params->is_map()) return {};
  const graph::OperatorSpec* spec = catalogue.find(text_of(of, "op"));
  std::vector<std::string> parts;
  for (const config::Entry& entry : params->map()) {
    const config::Option* option = spec == nullptr ? nullptr : config::find_option(spec->options, entry.key);
    if (option != nullptr && entry.value == option->fallback) continue;
    if (!entry.value.is_null()) parts.push_back(cat(entry.key, ": ", to_json(entry.value)));
  }
  return join(parts, ", ");
}

// Cutting, joining and stacking rows is the executor's own work: no operator has a part in it.
bool has_operator(const Value& of) {
  const std::string phase = text_of(of, "phase");
  for (const graph::Phase own : {graph::Phase::kTake, graph::Phase::kJoin, graph::Phase::kStack, graph::Phase::kPrune}) {
    if (phase == graph::phase_name(own)) return false;
  }
  return true;
}

std::string made_text(const Value& of) {
  std::vector<std::string> parts = {text_of(of, "status")};
  if (const std::string run = text_of(of, "made_by_run"); !run.empty()) parts.push_back(cat("by run ", run));
  if (const Value* seconds = of.find("seconds"); seconds != nullptr && seconds->is_number())
    parts.push_back(cat("in ", seconds_text(seconds->real())));
  if (const std::string digest = text_of(of, "content_sha256"); !digest.empty()) parts.push_back(cat("sha256 ", digest.substr(0, kDigits)));
  return join(parts, ", ");
}

// The tree of what an object came from, deepest last.
void tell(const Value& of, const graph::Catalogue& catalogue, std::size_t depth, std::string& out) {
  const std::string indent(depth * 2, ' ');
  const std::string role = text_of(of, "as");
  out += cat(indent, role.empty() ? "" : role + ": ", text_of(of, "what"), "  ", text_of(of, "object").substr(0, kDigits));
  if (of.find("told") != nullptr) {
    out += " (above)\n";
    return;
  }
  if (has_operator(of)) {
    out += cat("\n", indent, "  ", text_of(of, "op"), " version ", text_of(of, "version"));
    if (const std::string params = params_text(of, catalogue); !params.empty()) out += cat(" {", params, "}");
  }
  if (const std::string seed = text_of(of, "seed"); !seed.empty()) out += cat(", seed ", seed);
  out += cat("\n", indent, "  ", made_text(of), "\n");
  if (const std::string error = text_of(of, "error"); !error.empty()) out += cat(indent, "  ", error, "\n");
  const Value* inputs = of.find("inputs");
  if (inputs == nullptr || !inputs->is_list()) return;
  for (const Value& input : inputs->list()) tell(input, catalogue, depth + 1, out);
}

std::string text_of(const Value& document, const graph::Catalogue& catalogue) {
  std::string out = cat("pipeline ", text_of(document, "pipeline"), " (", text_of(document, "file"), "), run ", text_of(document, "run"),
                        ", seed ", text_of(document, "graph_seed"), "\n\n");
  if (const Value* made = document.find("made")) tell(*made, catalogue, 0, out);
  if (const Value* sources = document.find("sources"); sources != nullptr && sources->is_map() && !sources->map().empty()) {
    out += "\nsource files\n";
    for (const config::Entry& entry : sources->map()) out += cat("  ", entry.key, "  sha256 ", text_of(*sources, entry.key), "\n");
  }
  return cat(out, "\nmake it again: ", text_of(document, "replay"), "\n");
}

Result<int> run(const Arguments& arguments, Session& session) {
  HEADRACE_ASSIGN(exec::Store * store, session.store(arguments.text("store")));
  HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
  HEADRACE_ASSIGN(const Value document, exec::explain(*store, *catalogue, arguments.text("run"), arguments.text("object")));
  if (session.out.json()) {
    session.out.print_json(document);
  } else {
    session.out.print(printable(text_of(document, *catalogue)));
  }
  return 0;
}

}  // namespace

Command explain_command() {
  return {
      .name = "explain",
      .summary = "tell where an object came from, down to the source files",
      .details = "",
      .flags = {run_argument(),
                positional(config::string("object", Value(),
                                          "an object: the start of its id, or NODE, or NODE@FOLD with folds from 1, as they are printed")
                               .must()),
                store_flag(), json_flag()},
      .examples = {"headrace explain last 'logistic[C=0.046416]@2'", "headrace explain last 3f2a9c01d4e5 --json"},
      .run = run};
}

}  // namespace headrace::cli
