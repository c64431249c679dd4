// SPDX-License-Identifier: Apache-2.0
#pragma once
// Preflight: what can be said about the rows of sources before anything is computed from them.

#include <functional>

#include "headrace/base/result.h"
#include "headrace/data/object.h"
#include "headrace/graph/plan.h"

namespace headrace::exec::detail {

/// Looks at every task of an operator on numbers that reads a source directly, or rows cut from one: text among the features,
/// and missing values where the operator refuses them, are errors at the node. `read_of` gives the object of a read task, or null
/// when that task does not run. Errors: kEdgeType, kNotFinite, with column, first row and what to put in between.
Status check_rows(const graph::Plan& plan, const graph::Catalogue& catalogue,
                  const std::function<const data::Object*(std::int32_t)>& read_of);

}  // namespace headrace::exec::detail
