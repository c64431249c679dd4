// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tables as Arrow IPC bytes: one canonical stream for equal tables, and a reader that trusts nothing.

#include <memory>
#include <string>

#include <arrow/buffer.h>
#include <arrow/type_fwd.h>

#include "headrace/base/result.h"
#include "headrace/data/object.h"
#include "headrace/data/table.h"

namespace headrace::data::detail {

/// One IPC stream with one record batch and one dictionary a column, whatever chunks, offsets and hidden bytes the table has.
Result<std::shared_ptr<arrow::Buffer>> encode_table(const Table& table);

/// The same bytes, written where they are wanted: the values are copied once.
class TableStream {
 public:
  static Result<TableStream> of(const Table& table);
  std::uint64_t size() const { return size_; }
  Status write(const Encoding::Write& out) const;

 private:
  std::shared_ptr<arrow::Table> table_;
  std::uint64_t size_ = 0;
};

/// Reads a stream or a file of Arrow IPC (told apart by their first bytes); columns view `buffer`. Checks every offset, length
/// and text. Errors: `code` for malformed bytes, kTooLarge; `name` says what is being read.
Result<std::shared_ptr<const Table>> decode_table(std::shared_ptr<arrow::Buffer> buffer, Code code, std::string_view name);

}  // namespace headrace::data::detail
