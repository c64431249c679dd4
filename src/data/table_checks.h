// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every table from outside must satisfy, and how much memory its reader may take.

#include <cstdint>
#include <string_view>

#include "headrace/base/result.h"

namespace arrow {
class Table;
}

namespace headrace::data::detail {

constexpr std::int64_t kFileBytesMax = std::int64_t{16} << 30;      ///< larger files are refused before they are read
constexpr std::int64_t kUnpackedBytesMax = std::int64_t{4} << 30;   ///< what one compressed file may grow to
constexpr std::int64_t kColumnsMax = 1'000'000;

/// Bytes a reader of a file of `bytes` may allocate: room for dictionaries and run lengths to unfold, but no bombs.
std::int64_t read_budget(std::int64_t bytes);

/// Column names are UTF-8 and not too many; every value lies within its buffers. Errors: `code`.
Status check_table(const arrow::Table& table, Code code, std::string_view name);

}  // namespace headrace::data::detail
