// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/reference.h"
#include "cli/session.h"
#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

config::Value all_to_value(const graph::Catalogue& catalogue) {
  config::Value out{config::Map{}};
  config::List operators, metrics;
  for (const auto& [name, spec] : catalogue.operators()) operators.push_back(operator_to_value(spec));
  for (const auto& [name, spec] : catalogue.metrics()) metrics.push_back(metric_to_value(spec));
  out.set("operators", std::move(operators));
  out.set("metrics", std::move(metrics));
  return out;
}

std::string metric_text(const graph::MetricSpec& spec) {
  return cat(spec.name, ": ", spec.doc, "\n\njudges   ", graph::family_name(spec.family), "s\nbetter   ",
             spec.higher_is_better ? "higher" : "lower", "\npack     ", spec.pack, "\n");
}

Error unknown(const graph::Catalogue& catalogue, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, spec] : catalogue.operators()) names.push_back(known);
  for (const auto& [known, spec] : catalogue.metrics()) names.push_back(known);
  return Error(Code::kUnknownOperator, cat("no operator or metric is called '", name, "'"), nearest_advice(name, names));
}

Result<int> run(const Arguments& arguments, Session& session) {
  HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
  const std::string name = arguments.text("name");
  if (name.empty()) {
    if (session.out.json()) {
      session.out.print_json(all_to_value(*catalogue));
    } else {
      session.out.print(arguments.flag("markdown") ? operators_markdown(*catalogue) : operators_text(*catalogue));
    }
    return 0;
  }
  if (const graph::OperatorSpec* spec = catalogue->find(name)) {
    if (session.out.json()) {
      session.out.print_json(operator_to_value(*spec));
    } else {
      session.out.print(arguments.flag("markdown") ? operator_markdown(*spec) : operator_text(*spec));
    }
    return 0;
  }
  const graph::MetricSpec* metric = catalogue->find_metric(name);
  if (metric == nullptr) return unknown(*catalogue, name);
  if (session.out.json()) {
    session.out.print_json(metric_to_value(*metric));
  } else {
    session.out.print(metric_text(*metric));
  }
  return 0;
}

}  // namespace

Command ops_command() {
  return {.name = "ops",
          .summary = "list operators and metrics, or describe one",
          .details = "",
          .flags = {positional(config::string("name", config::Value(), "an operator or metric; without it all are listed")),
                    toggle("markdown", "print Markdown, as in docs/reference/operators.md"), json_flag()},
          .examples = {"headrace ops", "headrace ops logistic_regression"},
          .run = run};
}

}  // namespace headrace::cli
