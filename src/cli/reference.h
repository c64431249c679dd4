// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference pages in Markdown, made from the same tables that check input: docs/reference/{operators,errors,pipeline-options}.md.
// Pure functions; the page of the command line is in help.h.

#include <span>
#include <string>
#include <string_view>

#include "headrace/graph/catalogue.h"

namespace headrace::cli {

std::string operators_markdown(const graph::Catalogue& catalogue);
std::string operator_markdown(const graph::OperatorSpec& spec);
std::string errors_markdown();
std::string pipeline_options_markdown(const graph::Catalogue& catalogue);

/// One operator for a terminal: what it is, its ports, options with ranges and defaults, and an example node.
std::string operator_text(const graph::OperatorSpec& spec);
/// All operators, a line each, by family; metrics below.
std::string operators_text(const graph::Catalogue& catalogue);
config::Value operator_to_value(const graph::OperatorSpec& spec);
config::Value metric_to_value(const graph::MetricSpec& spec);

/// Families in the order pages show them.
std::span<const graph::Family> families();
/// The first sentence of a doc text.
std::string_view first_sentence(std::string_view doc);

}  // namespace headrace::cli
