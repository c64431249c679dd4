// SPDX-License-Identifier: Apache-2.0
#include "cli/reference.h"

#include <array>

#include "cli/output.h"
#include "headrace/base/error.h"
#include "headrace/base/text.h"
#include "headrace/graph/graph.h"

namespace headrace::cli {
namespace {

using graph::Family;
using graph::OperatorSpec;

constexpr std::string_view kMade = "Made from the tables of the program by `tools/make_docs`; do not edit.\n";

// What Markdown would take for markup inside a table cell.
std::string cell(std::string_view text) {
  std::string out;
  for (const char character : text) {
    if (character == '|' || character == '<' || character == '>' || character == '*' || character == '_') out += '\\';
    out += character == '\n' ? ' ' : character;
  }
  return out;
}

std::string fallback_text(const config::Option& option) {
  if (option.required) return "required";
  return option.fallback.is_null() ? "unset" : to_json(option.fallback);
}

std::string kinds_text(const OperatorSpec& spec) {
  std::vector<std::string> kinds;
  for (const data::Kind kind : spec.takes) kinds.emplace_back(data::kind_name(kind));
  return kinds.empty() ? "nothing" : join(kinds, " or ");
}

std::string inputs_text(const OperatorSpec& spec) {
  if (spec.takes.empty() || spec.inputs_max == 0) return "no input";
  if (spec.inputs_max < 0) return cat(spec.inputs_min, " input", spec.inputs_min == 1 ? "" : "s", " or more");
  if (spec.inputs_min == spec.inputs_max) return cat(spec.inputs_min, " input", spec.inputs_min == 1 ? "" : "s");
  return cat(spec.inputs_min, " to ", spec.inputs_max, " inputs");
}

std::vector<std::string> traits(const OperatorSpec& spec) {
  std::vector<std::string> out;
  if (spec.fits) out.emplace_back("fits a model");
  if (spec.updates) out.emplace_back("can go on learning (state: sequential)");
  if (spec.random) out.emplace_back("draws random numbers from the seed");
  if (spec.needs_target) out.emplace_back("needs a target");
  if (!spec.takes.empty() && spec.family != Family::kSplitter) {
    out.emplace_back(spec.refuses_missing ? "refuses missing values" : "takes missing values");
    if (spec.numeric_only) out.emplace_back("numeric features only");
    if (!spec.keeps_rows) out.emplace_back("output rows are not input rows");
  }
  return out;
}

std::string family_title(Family family) {
  switch (family) {
    case Family::kSource: return "Sources";
    case Family::kTransformer: return "Transformers";
    case Family::kClassifier: return "Classifiers";
    case Family::kRegressor: return "Regressors";
    case Family::kClusterer: return "Clusterers";
    case Family::kSink: return "Sinks";
    case Family::kSplitter: return "Splitters";
    case Family::kSelector: return "Selectors";
  }
  return "Others";
}

std::vector<const OperatorSpec*> of_family(const graph::Catalogue& catalogue, Family family) {
  std::vector<const OperatorSpec*> found;
  for (const auto& [name, spec] : catalogue.operators()) {
    if (spec.family == family) found.push_back(&spec);
  }
  return found;
}

std::string option_rows(std::span<const config::Option> options) {
  std::string out = "| option | takes | default | |\n|---|---|---|---|\n";
  for (const config::Option& option : options) {
    out += cat("| `", option.name, "` | ", cell(config::expects(option)), " | ",
               option.required || option.fallback.is_null() ? fallback_text(option) : cat("`", fallback_text(option), "`"), " | ",
               cell(option.doc), " |\n");
  }
  return out;
}

std::string anchor(std::string_view name) { return cat("<a id=\"", name, "\"></a>"); }

std::string example_node(const OperatorSpec& spec) {
  std::string out = cat("  node: { op: ", spec.name);
  if (!spec.takes.empty()) out += ", from: other";
  for (const config::Option& option : spec.options) {
    if (option.required) out += cat(", ", option.name, ": ", config::example(option));
  }
  return out + " }\n";
}

constexpr std::string_view class_title(int number) {
  switch (number / 1000) {
    case 1: return "Configuration and usage";
    case 2: return "Graph";
    case 3: return "Run time";
    case 4: return "Data";
    case 5: return "Network and membership";
    case 6: return "API";
    default: return "Our bugs";
  }
}

constexpr Code kCodes[] = {
#define HEADRACE_ERROR(name, number, exit, retry, text) Code::k##name,
#include "headrace/base/errors.def"
#undef HEADRACE_ERROR
};

}  // namespace

std::span<const Family> families() {
  static constexpr std::array kAll = {Family::kSource,    Family::kTransformer, Family::kClassifier, Family::kRegressor,
                                      Family::kClusterer, Family::kSelector,    Family::kSink,       Family::kSplitter};
  return kAll;
}

std::string_view first_sentence(std::string_view doc) {
  for (std::size_t i = 0; i + 1 < doc.size(); ++i) {
    if (doc[i] == '\n' || (doc[i] == '.' && doc[i + 1] == ' ')) return doc.substr(0, i);
  }
  return doc.ends_with('.') ? doc.substr(0, doc.size() - 1) : doc;
}

std::string operator_markdown(const OperatorSpec& spec) {
  std::string out = cat("### ", anchor(spec.name), spec.name, "\n\n", cell(spec.doc), "\n\n");
  if (spec.family != Family::kSplitter)
    out += cat("Takes ", kinds_text(spec), " (", inputs_text(spec), "), gives ", data::kind_name(spec.gives), ". ");
  const std::vector<std::string> facts = traits(spec);
  if (!facts.empty()) {
    std::string text = join(facts, "; ");
    text.front() = static_cast<char>(text.front() - 32);
    out += text + ". ";
  }
  out += cat("Version ", spec.version, spec.pack.empty() ? "" : cat(", pack ", spec.pack), ".\n\n");
  return spec.options.empty() ? out + "No options.\n" : out + option_rows(spec.options);
}

std::string operators_markdown(const graph::Catalogue& catalogue) {
  std::string out = cat("# Operators\n\n", kMade,
                        "\n`headrace ops NAME` prints one of them. A grid over any option but a path gives one alternative per value.\n");
  for (const Family family : families()) {
    const auto specs = of_family(catalogue, family);
    if (specs.empty()) continue;
    out += cat("\n## ", family_title(family), "\n\n");
    for (const OperatorSpec* spec : specs) out += cat("- [", spec->name, "](#", spec->name, "): ", cell(first_sentence(spec->doc)), "\n");
    for (const OperatorSpec* spec : specs) out += cat("\n", operator_markdown(*spec));
  }
  out += "\n## Metrics\n\n| metric | judges | better | |\n|---|---|---|---|\n";
  for (const auto& [name, metric] : catalogue.metrics()) {
    out += cat("| `", name, "` | ", graph::family_name(metric.family), "s | ", metric.higher_is_better ? "higher" : "lower", " | ",
               cell(metric.doc), " |\n");
  }
  return out;
}

std::string errors_markdown() {
  std::string out = cat("# Errors\n\n", kMade,
                        "\nNumbers and names are stable; messages are not. With `--json` an error is `{\"error\": {\"code\", \"name\", "
                        "\"message\", \"advice\", \"file\", "
                        "\"line\", \"column\"}}`. *Retry* says whether the same call can succeed later without a change.\n");
  std::string_view title;
  for (const Code code : kCodes) {
    const int number = static_cast<int>(code);
    if (class_title(number) != title) {
      title = class_title(number);
      out += cat("\n## ", number / 1000, "xxx ", title, "\n\n| code | name | exit | retry | |\n|---|---|---|---|---|\n");
    }
    out += cat("| ", number, " | ", code_name(code), " | ", code_exit(code), " | ", code_retryable(code) ? "yes" : "no", " | ",
               cell(code_text(code)), " |\n");
  }
  return out;
}

std::string pipeline_options_markdown(const graph::Catalogue& catalogue) {
  std::string out = cat("# Pipeline options\n\n", kMade,
                        "\nThe form of a pipeline file is told in [pipeline-file.md](pipeline-file.md). Options of an operator: "
                        "[operators.md](operators.md).\n"
                        "\n## Annotations of a node\n\nThey stand beside the operator's own options, or under `annotate:`.\n\n");
  out += option_rows(graph::annotation_options());
  out += "\n## evaluate\n\n";
  out += option_rows(graph::evaluate_options());
  out += "\n## evaluate: folds\n\n`folds: 5` is `{kind: k_fold, n: 5}`. The other keys are those of the splitter:\n\n";
  for (const OperatorSpec* spec : of_family(catalogue, Family::kSplitter)) {
    out += cat("### ", spec->name, "\n\n", cell(spec->doc), "\n\n",
               spec->options.empty() ? std::string("No options.\n") : option_rows(spec->options), "\n");
  }
  out.resize(out.find_last_not_of('\n') + 1);
  return out + "\n";
}

std::string operator_text(const OperatorSpec& spec) {
  std::string out = cat(spec.name, ": ", spec.doc, "\n\n");
  out += cat("family   ", graph::family_name(spec.family), "\n");
  if (spec.family != Family::kSplitter) {
    out += cat("takes    ", kinds_text(spec), " (", inputs_text(spec), ")\ngives    ", data::kind_name(spec.gives), "\n");
  }
  out += cat("version  ", spec.version, "\n");
  if (!spec.pack.empty()) out += cat("pack     ", spec.pack, "\n");
  const std::vector<std::string> facts = traits(spec);
  if (!facts.empty()) out += cat("traits   ", join(facts, ", "), "\n");
  if (!spec.options.empty()) {
    out += "\noptions\n";
    std::vector<std::vector<std::string>> rows;
    for (const config::Option& option : spec.options) {
      rows.push_back({cat("  ", option.name), fallback_text(option), config::expects(option)});
      rows.push_back({"", "", cat("  ", option.doc)});
    }
    out += columns(rows);
  }
  if (spec.family != Family::kSplitter) out += cat("\nexample\n", example_node(spec));
  return out;
}

std::string operators_text(const graph::Catalogue& catalogue) {
  std::vector<std::vector<std::string>> rows;
  for (const Family family : families()) {
    const auto specs = of_family(catalogue, family);
    if (specs.empty()) continue;
    if (!rows.empty()) rows.push_back({});
    rows.push_back({family_title(family)});
    for (const OperatorSpec* spec : specs) rows.push_back({cat("  ", spec->name), std::string(first_sentence(spec->doc))});
  }
  rows.push_back({});
  rows.push_back({"Metrics"});
  for (const auto& [name, metric] : catalogue.metrics()) rows.push_back({cat("  ", name), std::string(first_sentence(metric.doc))});
  return columns(rows);
}

config::Value operator_to_value(const OperatorSpec& spec) {
  config::Value out{config::Map{}};
  out.set("name", spec.name);
  out.set("family", std::string(graph::family_name(spec.family)));
  out.set("version", spec.version);
  out.set("pack", spec.pack);
  out.set("doc", spec.doc);
  config::List takes;
  for (const data::Kind kind : spec.takes) takes.emplace_back(std::string(data::kind_name(kind)));
  out.set("takes", std::move(takes));
  out.set("gives", std::string(data::kind_name(spec.gives)));
  out.set("inputs_min", spec.inputs_min);
  out.set("inputs_max", spec.inputs_max < 0 ? config::Value() : config::Value(spec.inputs_max));
  out.set("fits", spec.fits);
  out.set("updates", spec.updates);
  out.set("random", spec.random);
  out.set("needs_target", spec.needs_target);
  out.set("refuses_missing", spec.refuses_missing);
  out.set("numeric_only", spec.numeric_only);
  out.set("keeps_rows", spec.keeps_rows);
  out.set("options", config::options_to_value(spec.options));
  return out;
}

config::Value metric_to_value(const graph::MetricSpec& spec) {
  config::Value out{config::Map{}};
  out.set("name", spec.name);
  out.set("doc", spec.doc);
  out.set("judges", std::string(graph::family_name(spec.family)));
  out.set("higher_is_better", spec.higher_is_better);
  out.set("pack", spec.pack);
  return out;
}

}  // namespace headrace::cli
