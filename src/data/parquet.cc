// SPDX-License-Identifier: Apache-2.0
// Parquet in and out, through Arrow's reader. A file from outside may lie about everything: thrift sizes, depth, row counts and
// memory are bounded before and while it is read, page checksums are verified, and every value is checked before it is used.
#include <algorithm>

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/io/memory.h>
#include <arrow/util/compression.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include "data/arrow_bridge.h"
#include "data/file_bytes.h"
#include "data/table_checks.h"
#include "headrace/base/text.h"
#include "headrace/data/formats.h"

namespace headrace::data {
namespace {

Error bad_file(std::string_view name, std::string_view text) {
  return Error(Code::kBadData, cat("'", name, "' is not a sound Parquet file: ", text),
               "write it again, or check that it was copied whole");
}

parquet::ReaderProperties reader_properties() {
  parquet::ReaderProperties properties(detail::bounded_pool());
  properties.set_thrift_string_size_limit(64 << 20);
  properties.set_thrift_container_size_limit(1'000'000);
  properties.set_schema_depth_limit(100);
  properties.set_page_checksum_verification(true);
  return properties;
}

// What the footer claims, held against what the file can hold.
Status check_footer(const parquet::FileMetaData& facts, std::int64_t budget, std::string_view name) {
  if (facts.num_rows() < 0) return bad_file(name, "it claims a negative number of rows");
  if (facts.num_columns() > detail::kColumnsMax) {
    return Error(Code::kTooLarge, cat("'", name, "' has ", facts.num_columns(), " columns; the most is ", detail::kColumnsMax));
  }
  std::int64_t rows = 0, unpacked = 0;
  for (int group = 0; group < facts.num_row_groups(); ++group) {
    const auto part = facts.RowGroup(group);
    if (part->num_rows() < 0 || __builtin_add_overflow(rows, part->num_rows(), &rows))
      return bad_file(name, "it claims an impossible number of rows");
    for (int column = 0; column < part->num_columns(); ++column) {
      const std::int64_t bytes = part->ColumnChunk(column)->total_uncompressed_size();
      if (bytes < 0 || __builtin_add_overflow(unpacked, bytes, &unpacked)) return bad_file(name, "it claims an impossible size");
    }
  }
  if (rows != facts.num_rows()) return bad_file(name, cat("its row groups have ", rows, " rows together, not ", facts.num_rows()));
  if (unpacked > budget) {
    return Error(Code::kTooLarge,
                 cat("'", name, "' unpacks to ", bytes_text(static_cast<std::uint64_t>(unpacked)), "; the most for a file of this size is ",
                     bytes_text(static_cast<std::uint64_t>(budget))),
                 "read fewer columns, or split the file");
  }
  return {};
}

void leaves_of(const parquet::arrow::SchemaField& field, std::vector<int>& out) {
  if (field.is_leaf()) out.push_back(field.column_index);
  for (const auto& child : field.children) leaves_of(child, out);
}

// Leaf columns behind the wanted top-level names.
Result<std::vector<int>> leaves_for(const parquet::arrow::FileReader& reader, std::span<const std::string> columns, std::string_view name) {
  const auto& fields = reader.manifest().schema_fields;
  std::vector<std::string> known;
  for (const auto& field : fields) known.push_back(field.field->name());
  std::vector<int> out;
  for (const std::string& column : columns) {
    const auto found = std::find(known.begin(), known.end(), column);
    if (found == known.end())
      return Error(Code::kMissingColumn, cat("'", name, "' has no column '", column, "'"), nearest_advice(column, known));
    leaves_of(fields[static_cast<std::size_t>(found - known.begin())], out);
  }
  return out;
}

// Columns of nothing become reals; dictionaries get one dictionary a column.
Result<std::shared_ptr<arrow::Table>> tidy(std::shared_ptr<arrow::Table> table) {
  for (int i = 0; i < table->num_columns(); ++i) {
    if (table->column(i)->type()->id() != arrow::Type::NA) continue;
    HEADRACE_ARROW(auto nulls, arrow::MakeArrayOfNull(arrow::float64(), table->num_rows()), Code::kTooLarge, "making a column of nulls");
    HEADRACE_ARROW(
        table, table->SetColumn(i, arrow::field(table->field(i)->name(), arrow::float64()), std::make_shared<arrow::ChunkedArray>(nulls)),
        Code::kBug, "making a column of nulls");
  }
  return table;
}

Result<std::shared_ptr<const Table>> read_from(std::shared_ptr<arrow::io::RandomAccessFile> file, std::span<const std::string> columns,
                                               std::string_view name) {
  const std::string what = cat("reading '", name, "'");
  HEADRACE_ARROW(const std::int64_t size, file->GetSize(), Code::kIo, what);
  if (size == 0) return Error(Code::kBadData, cat("'", name, "' is empty"));
  if (size > detail::kFileBytesMax)
    return Error(Code::kTooLarge, cat("'", name, "' has ", bytes_text(static_cast<std::uint64_t>(size))), "split it into several files");
  const std::int64_t budget_bytes = detail::read_budget(size);
  const detail::ReadBudget budget(budget_bytes);
  parquet::arrow::FileReaderBuilder builder;
  const arrow::Status opened = builder.Open(std::move(file), reader_properties());
  if (!opened.ok()) return opened.IsOutOfMemory() ? detail::arrow_error(opened, Code::kTooLarge, what) : bad_file(name, opened.message());
  HEADRACE_TRY(check_footer(*builder.raw_reader()->metadata(), budget_bytes, name));
  parquet::ArrowReaderProperties properties(/*use_threads=*/false);
  properties.set_pre_buffer(false);   // it would read from other threads
  HEADRACE_ARROW(auto reader, builder.memory_pool(detail::bounded_pool())->properties(properties)->Build(), Code::kBadData, what);
  std::shared_ptr<arrow::Table> table;
  if (columns.empty()) {
    HEADRACE_ARROW(table, reader->ReadTable(), Code::kBadData, what);
  } else {
    HEADRACE_ASSIGN(const auto leaves, leaves_for(*reader, columns, name));
    HEADRACE_ARROW(table, reader->ReadTable(leaves), Code::kBadData, what);
    std::vector<int> order;   // the file's order becomes the order asked for
    for (const std::string& column : columns) order.push_back(table->schema()->GetFieldIndex(column));
    HEADRACE_ARROW(table, table->SelectColumns(order), Code::kBadData, what);
  }
  HEADRACE_TRY(detail::check_table(*table, Code::kBadData, cat("'", name, "'")));
  HEADRACE_ASSIGN(table, tidy(std::move(table)));
  return Table::from_arrow(std::move(table));
}

// Parquet's own layer throws; nothing of it may pass this room.
template <class Read>
Result<std::shared_ptr<const Table>> guarded(std::string_view name, const Read& read) {
  try {
    return read();
  } catch (const parquet::ParquetStatusException& exception) {
    if (exception.status().IsOutOfMemory()) return detail::arrow_error(exception.status(), Code::kTooLarge, cat("reading '", name, "'"));
    return bad_file(name, exception.status().message());
  } catch (const std::bad_alloc&) {
    return Error(Code::kTooLarge, cat("'", name, "' asks for more memory than there is"));
  } catch (const std::exception& exception) {
    return bad_file(name, exception.what());
  }
}

}  // namespace

Result<std::shared_ptr<const Table>> read_parquet(const std::string& path, std::span<const std::string> columns) {
  return guarded(path, [&]() -> Result<std::shared_ptr<const Table>> {
    auto file = arrow::io::ReadableFile::Open(path);
    if (!file.ok()) {
      const bool missing = file.status().detail() && file.status().ToString().find("errno 2") != std::string::npos;
      return Error(missing ? Code::kNotFound : Code::kIo, missing ? cat("there is no file '", path, "'") : file.status().message());
    }
    return read_from(*file, columns, path);
  });
}

Result<std::shared_ptr<const Table>> parse_parquet(std::string_view bytes, std::string_view name) {
  return guarded(name, [&] {
    // A copy, because columns may view what the reader hands out, and `bytes` is only lent.
    return read_from(std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(std::string(bytes))), {}, name);
  });
}

Status write_parquet(const Table& table, const std::string& path, std::string_view compression) {
  // Arrow's "lz4" is the frame format, which Parquet does not know.
  const std::string codec_name = compression == "none" ? "uncompressed" : compression == "lz4" ? "lz4_raw" : std::string(compression);
  const auto codec = arrow::util::Codec::GetCompressionType(codec_name);
  if (!codec.ok() || !arrow::util::Codec::IsAvailable(*codec)) {
    return Error(Code::kBadValue, cat("no Parquet compression is called '", compression, "'"),
                 "known are: zstd, snappy, gzip, brotli, lz4, none");
  }
  HEADRACE_ASSIGN(auto file, detail::OutputFile::open(path));
  try {
    const auto properties = parquet::WriterProperties::Builder().compression(*codec)->enable_page_checksum()->build();
    const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->set_use_threads(false)->build();
    constexpr std::int64_t kGroupRows = 1 << 20;
    HEADRACE_ARROW_TRY(
        parquet::arrow::WriteTable(*table.arrow(), arrow::default_memory_pool(), file.stream(), kGroupRows, properties, arrow_properties),
        Code::kUnsupported, cat("writing '", path, "'"));
  } catch (const std::exception& exception) {
    return Error(Code::kIo, cat("writing '", path, "' failed: ", exception.what()));
  }
  return file.commit();
}

}  // namespace headrace::data
