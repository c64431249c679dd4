// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the columns of a source are for: the options that all table sources share.

#include <vector>

#include "prep/columns.h"

namespace headrace::prep {

/// target, group, weight, ignore, features.
std::vector<config::Option> role_options();

/// `own` first, then the options above.
std::vector<config::Option> with_role_options(std::vector<config::Option> own);

/// Marks the columns that the options name; with `features` given, all columns not named anywhere are ignored.
/// Errors: kMissingColumn at the place of the option, kBadValue when one column has two roles.
Result<TablePointer> with_roles(const exec::Context& context, const TablePointer& table);

/// A row of a source that reads a table.
graph::OperatorSpec source_row(std::string name, std::string doc, std::vector<config::Option> options);

}  // namespace headrace::prep
