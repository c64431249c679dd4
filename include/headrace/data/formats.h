// SPDX-License-Identifier: Apache-2.0
#pragma once
// Readers and writers. All input is hostile: bounded, validated, errors name the row. Arrow's own readers where it has one.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/config/value.h"
#include "headrace/data/table.h"
#include "headrace/data/tensor.h"

namespace headrace::data {

/// CSV dialect. Arrow's reader does the work; gz is detected by content.
struct CsvOptions {
  char delimiter = ',';                        ///< '\t' for TSV
  std::optional<char> quote = '"';             ///< none: quotes are ordinary characters (GLUE files)
  std::optional<char> escape;
  /// Unset: a first row with no number in it, above rows with some, is a header; so is a lone row of words.
  std::optional<bool> header;
  int skip_rows = 0;                           ///< lines before the header
  std::vector<std::string> names;              ///< column names when there is no header (or to replace it); else "x0", "x1", ...
  std::vector<std::string> nulls = {"", "NA", "N/A", "NaN", "nan", "null", "NULL", "?"};
  std::vector<std::string> categories;         ///< columns to read as categories
  bool trim = true;                            ///< strip spaces around fields
  char decimal = '.';
  std::string encoding = "utf-8";              ///< the only one accepted; anything else in the bytes is an error
  std::int64_t rows_max = -1;                  ///< stop after this many
};

/// Errors of all readers: kNotFound, kBadData (truncated, ragged row with its number and both field counts, not UTF-8 with the
/// byte offset, wrong magic), kTooLarge.
Result<std::shared_ptr<const Table>> read_csv(const std::string& path, const CsvOptions& options);
Result<std::shared_ptr<const Table>> parse_csv(std::string_view bytes, const CsvOptions& options, std::string_view name);
Result<std::shared_ptr<const Table>> read_parquet(const std::string& path, std::span<const std::string> columns = {});
Result<std::shared_ptr<const Table>> parse_parquet(std::string_view bytes, std::string_view name);
Result<std::shared_ptr<const Table>> read_arrow(const std::string& path);                  ///< IPC file or stream
Result<std::shared_ptr<const Table>> parse_arrow(std::string_view bytes, std::string_view name);
Result<Tensor> read_npy(const std::string& path);                                          ///< gz detected by content
Result<Tensor> parse_npy(std::string_view bytes, std::string_view name);
Result<TensorSet> read_npz(const std::string& path);
Result<TensorSet> parse_npz(std::string_view bytes, std::string_view name);
/// Dense real features "x0", "x1", ..., then "qid" (group) where given, then "target". `features` 0: as many as the largest index.
Result<std::shared_ptr<const Table>> read_libsvm(const std::string& path, int features = 0, bool zero_based = false);
Result<std::shared_ptr<const Table>> parse_libsvm(std::string_view bytes, std::string_view name, int features = 0, bool zero_based = false);
Result<Tensor> read_idx(const std::string& path);                                          ///< gz detected by content
Result<Tensor> parse_idx(std::string_view bytes, std::string_view name);

/// Writers write aside, sync and rename; folders on the way are made. `.gz` in the name compresses.
/// Errors: kIo, kNotFound (a file where a folder is needed), kUnsupported (a type that the format does not hold).
Status write_csv(const Table& table, const std::string& path, char delimiter = ',');
Status write_parquet(const Table& table, const std::string& path, std::string_view compression = "zstd");
Status write_arrow(const Table& table, const std::string& path);

}  // namespace headrace::data
