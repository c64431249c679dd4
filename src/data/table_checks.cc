// SPDX-License-Identifier: Apache-2.0
#include "data/table_checks.h"

#include <algorithm>

#include <arrow/api.h>

#include "data/arrow_bridge.h"
#include "headrace/base/text.h"

namespace headrace::data::detail {

std::int64_t read_budget(std::int64_t bytes) {
  constexpr std::int64_t kSmall = std::int64_t{1} << 30;   // a small file of constant columns may honestly be this large
  constexpr std::int64_t kGrowth = 64;   // run lengths and dictionaries repay about this much on real tables
  return std::clamp(bytes < kFileBytesMax ? bytes * kGrowth : kFileBytesMax, kSmall, kFileBytesMax);
}

Status check_table(const arrow::Table& table, Code code, std::string_view name) {
  if (table.num_columns() > kColumnsMax) {
    return Error(Code::kTooLarge, cat(name, " has ", table.num_columns(), " columns; the most is ", kColumnsMax));
  }
  for (const auto& field : table.schema()->fields()) {
    std::size_t bad = 0;
    if (!is_utf8(field->name(), &bad)) return Error(code, cat(name, ": a column name is not UTF-8"));
  }
  HEADRACE_ARROW_TRY(table.ValidateFull(), code, cat("checking ", name));
  return {};
}

}  // namespace headrace::data::detail
