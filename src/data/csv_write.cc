// SPDX-License-Identifier: Apache-2.0
// CSV out, through Arrow's writer.
#include <arrow/api.h>
#include <arrow/compute/cast.h>
#include <arrow/csv/writer.h>
#include <arrow/io/compressed.h>
#include <arrow/util/compression.h>

#include "data/arrow_bridge.h"
#include "data/file_bytes.h"
#include "headrace/base/text.h"
#include "headrace/data/formats.h"

namespace headrace::data {
namespace {

// Arrow's writer knows no dictionaries: categories are written as their names.
Result<std::shared_ptr<arrow::Table>> without_dictionaries(std::shared_ptr<arrow::Table> table) {
  for (int i = 0; i < table->num_columns(); ++i) {
    const auto column = table->column(i);
    if (column->type()->id() != arrow::Type::DICTIONARY) continue;
    detail::initialize_compute();
    const auto& value_type = static_cast<const arrow::DictionaryType&>(*column->type()).value_type();
    HEADRACE_ARROW(auto plain, arrow::compute::Cast(arrow::Datum(column), value_type), Code::kUnsupported, "writing categories");
    HEADRACE_ARROW(table, table->SetColumn(i, table->field(i)->WithType(value_type), plain.chunked_array()), Code::kBug,
                   "writing categories");
  }
  return table;
}

arrow::Status write_to(const arrow::Table& table, char delimiter, const std::shared_ptr<arrow::io::OutputStream>& stream, bool compress) {
  auto options = arrow::csv::WriteOptions::Defaults();
  options.delimiter = delimiter;
  if (!compress) return arrow::csv::WriteCSV(table, options, stream.get());
  ARROW_ASSIGN_OR_RAISE(auto codec, arrow::util::Codec::Create(arrow::Compression::GZIP));
  ARROW_ASSIGN_OR_RAISE(auto packed, arrow::io::CompressedOutputStream::Make(codec.get(), stream));
  ARROW_RETURN_NOT_OK(arrow::csv::WriteCSV(table, options, packed.get()));
  return packed->Close();   // and the file below
}

}  // namespace

Status write_csv(const Table& table, const std::string& path, char delimiter) {
  detail::initialize_compute();
  HEADRACE_ASSIGN(const auto plain, without_dictionaries(table.arrow()));
  HEADRACE_ASSIGN(auto file, detail::OutputFile::open(path));
  HEADRACE_ARROW_TRY(write_to(*plain, delimiter, file.stream(), path.ends_with(".gz")), Code::kUnsupported, cat("writing '", path, "'"));
  return file.commit();
}

}  // namespace headrace::data
