// SPDX-License-Identifier: Apache-2.0
#pragma once
// Operators that write a table and hand it on.

#include "prep/columns.h"

namespace headrace::prep {

/// A row of a sink: `path` first, then its own options.
inline graph::OperatorSpec sink_row(std::string name, std::string doc, std::vector<config::Option> own) {
  own.insert(own.begin(), config::path("path", "where to write; folders on the way are made").must());
  graph::OperatorSpec spec = transform_row(std::move(name), std::move(doc), std::move(own));
  spec.family = graph::Family::kSink;
  return spec;
}

}  // namespace headrace::prep
