// SPDX-License-Identifier: Apache-2.0
#include "data/table_codec.h"

#include <cstring>

#include <arrow/api.h>
#include <arrow/array/array_dict.h>
#include <arrow/io/interfaces.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/api.h>
#include <arrow/util/bit_util.h>

#include "data/arrow_bridge.h"
#include "data/table_checks.h"
#include "headrace/base/text.h"

namespace headrace::data::detail {
namespace {

constexpr std::int64_t kMessagesBytes = 4096;   // schema and message headers beside the values

// Bits beyond the last row and values under nulls are whatever the maker left there; equal tables must not differ in them.
template <class Builder, class ArrayType>
arrow::Result<std::shared_ptr<arrow::Array>> rebuilt(const arrow::Array& array, Builder& builder) {
  const auto& values = static_cast<const ArrayType&>(array);
  ARROW_RETURN_NOT_OK(builder.Reserve(array.length()));
  for (std::int64_t i = 0; i < array.length(); ++i) {
    ARROW_RETURN_NOT_OK(values.IsNull(i) ? builder.AppendNull() : builder.Append(values.GetView(i)));
  }
  return builder.Finish();
}

arrow::Result<std::shared_ptr<arrow::Array>> fixed_width(const arrow::Array& array, int width) {
  const std::int64_t rows = array.length();
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> values, arrow::AllocateBuffer(rows * width));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> valid, arrow::AllocateEmptyBitmap(rows));
  std::memcpy(values->mutable_data(), array.data()->buffers[1]->data() + array.offset() * width, static_cast<std::size_t>(rows * width));
  for (std::int64_t i = 0; i < rows; ++i) {
    if (array.IsValid(i)) arrow::bit_util::SetBit(valid->mutable_data(), i);
    else std::memset(values->mutable_data() + i * width, 0, static_cast<std::size_t>(width));
  }
  return arrow::MakeArray(arrow::ArrayData::Make(array.type(), rows, {std::move(valid), std::move(values)}, array.null_count()));
}

// A slice without nulls: exactly its values, which nothing has to be copied for. Else the writer would pad it with its neighbours.
std::shared_ptr<arrow::Array> cut(const arrow::Array& array, int width) {
  const std::int64_t rows = array.length();
  auto values = arrow::SliceBuffer(array.data()->buffers[1], array.offset() * width, rows * width);
  return arrow::MakeArray(arrow::ArrayData::Make(array.type(), rows, {nullptr, std::move(values)}, 0));
}

// Whether a text array holds its own characters and no others.
template <class ArrayType>
bool is_whole(const arrow::Array& array) {
  const auto& text = static_cast<const ArrayType&>(array);
  if (text.offset() != 0 || text.length() == 0) return text.length() == 0 && text.offset() == 0;
  return text.value_offset(0) == 0 && text.value_data() != nullptr && text.value_data()->size() == text.value_offset(text.length()) &&
         text.value_offsets()->size() == (text.length() + 1) * static_cast<std::int64_t>(sizeof(typename ArrayType::offset_type));
}

arrow::Result<std::shared_ptr<arrow::Array>> canonical(const std::shared_ptr<arrow::Array>& array) {
  if (array->type_id() == arrow::Type::BOOL) {
    arrow::BooleanBuilder builder;
    return rebuilt<arrow::BooleanBuilder, arrow::BooleanArray>(*array, builder);
  }
  if (array->null_count() == 0) {
    if (array->type_id() == arrow::Type::STRING && is_whole<arrow::StringArray>(*array)) return array;
    if (array->type_id() == arrow::Type::LARGE_STRING && is_whole<arrow::LargeStringArray>(*array)) return array;
    if (arrow::is_primitive(array->type_id())) return cut(*array, array->type()->byte_width());
  }
  switch (array->type_id()) {
    case arrow::Type::STRING: {
      arrow::StringBuilder builder;
      return rebuilt<arrow::StringBuilder, arrow::StringArray>(*array, builder);
    }
    case arrow::Type::LARGE_STRING: {
      arrow::LargeStringBuilder builder;
      return rebuilt<arrow::LargeStringBuilder, arrow::LargeStringArray>(*array, builder);
    }
    case arrow::Type::DICTIONARY: {
      const auto& coded = static_cast<const arrow::DictionaryArray&>(*array);
      ARROW_ASSIGN_OR_RAISE(auto indices, canonical(coded.indices()));
      return arrow::DictionaryArray::FromArrays(array->type(), indices, coded.dictionary());
    }
    default: {
      const int width = arrow::is_primitive(array->type_id()) ? array->type()->byte_width() : -1;
      return width > 0 ? fixed_width(*array, width) : arrow::Result<std::shared_ptr<arrow::Array>>(array);
    }
  }
}

arrow::Result<std::shared_ptr<arrow::Table>> canonical_table(const arrow::Table& table) {
  ARROW_ASSIGN_OR_RAISE(auto unified, arrow::DictionaryUnifier::UnifyTable(table, arrow::default_memory_pool()));
  ARROW_ASSIGN_OR_RAISE(auto combined, unified->CombineChunks());
  std::vector<std::shared_ptr<arrow::ChunkedArray>> columns;
  for (const auto& column : combined->columns()) {
    arrow::ArrayVector chunks;
    for (const auto& chunk : column->chunks()) {
      ARROW_ASSIGN_OR_RAISE(auto one, canonical(chunk));
      chunks.push_back(std::move(one));
    }
    columns.push_back(std::make_shared<arrow::ChunkedArray>(std::move(chunks), column->type()));
  }
  return arrow::Table::Make(table.schema(), std::move(columns), table.num_rows());
}

arrow::Status write_stream(const arrow::Table& plain, arrow::io::OutputStream& sink) {
  auto options = arrow::ipc::IpcWriteOptions::Defaults();
  options.alignment = 64;
  options.use_threads = false;
  ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeStreamWriter(&sink, plain.schema(), options));
  ARROW_RETURN_NOT_OK(writer->WriteTable(plain));
  return writer->Close();
}

arrow::Result<std::shared_ptr<arrow::Buffer>> to_stream(const arrow::Table& table, std::int64_t capacity) {
  ARROW_ASSIGN_OR_RAISE(auto plain, canonical_table(table));
  ARROW_ASSIGN_OR_RAISE(auto sink, arrow::io::BufferOutputStream::Create(capacity));
  ARROW_RETURN_NOT_OK(write_stream(*plain, *sink));
  return sink->Finish();
}

// How long the stream will be: the same writing, into nothing.
arrow::Result<std::uint64_t> stream_size(const arrow::Table& plain) {
  arrow::io::MockOutputStream sink;
  ARROW_RETURN_NOT_OK(write_stream(plain, sink));
  return static_cast<std::uint64_t>(sink.GetExtentBytesWritten());
}

// Hands on what Arrow writes.
class PieceStream : public arrow::io::OutputStream {
 public:
  explicit PieceStream(const Encoding::Write& out) : out_(out) {}
  arrow::Status Write(const void* bytes, std::int64_t size) override {
    if (status_.ok()) status_ = out_({static_cast<const char*>(bytes), static_cast<std::size_t>(size)});
    written_ += size;
    return status_.ok() ? arrow::Status::OK() : arrow::Status::IOError("the writer failed");
  }
  using arrow::io::OutputStream::Write;
  arrow::Status Close() override { return arrow::Status::OK(); }
  arrow::Result<std::int64_t> Tell() const override { return written_; }
  bool closed() const override { return false; }
  const Status& status() const { return status_; }

 private:
  const Encoding::Write& out_;
  Status status_;
  std::int64_t written_ = 0;
};

arrow::Result<std::shared_ptr<arrow::Table>> from_ipc(const std::shared_ptr<arrow::Buffer>& buffer) {
  auto options = arrow::ipc::IpcReadOptions::Defaults();
  options.use_threads = false;
  options.memory_pool = bounded_pool();
  options.ensure_alignment = arrow::ipc::Alignment::kDataTypeSpecificAlignment;   // bodies are laid out on 8 bytes
  auto source = std::make_shared<arrow::io::BufferReader>(buffer);
  constexpr std::string_view kFileMagic = "ARROW1";
  std::shared_ptr<arrow::Schema> schema;
  arrow::RecordBatchVector batches;
  if (std::string_view(*buffer).starts_with(kFileMagic)) {
    ARROW_ASSIGN_OR_RAISE(auto reader, arrow::ipc::RecordBatchFileReader::Open(source, options));
    schema = reader->schema();
    for (int i = 0; i < reader->num_record_batches(); ++i) {
      ARROW_ASSIGN_OR_RAISE(auto batch, reader->ReadRecordBatch(i));
      batches.push_back(std::move(batch));
    }
  } else {
    ARROW_ASSIGN_OR_RAISE(auto reader, arrow::ipc::RecordBatchStreamReader::Open(source, options));
    schema = reader->schema();
    while (true) {
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
      if (!batch) break;
      batches.push_back(std::move(batch));
    }
  }
  // Before anything looks at the values: offsets, lengths, dictionary codes and texts are all checked.
  for (const auto& batch : batches) ARROW_RETURN_NOT_OK(batch->ValidateFull());
  return arrow::Table::FromRecordBatches(std::move(schema), std::move(batches));
}

}  // namespace

Result<std::shared_ptr<arrow::Buffer>> encode_table(const Table& table) {
  const std::int64_t capacity = static_cast<std::int64_t>(table.size_bytes()) + kMessagesBytes;
  HEADRACE_ARROW(auto buffer, to_stream(*table.arrow(), capacity), Code::kTooLarge, "encoding a table");
  return buffer;
}

Result<TableStream> TableStream::of(const Table& table) {
  TableStream stream;
  HEADRACE_ARROW(stream.table_, canonical_table(*table.arrow()), Code::kTooLarge, "encoding a table");
  HEADRACE_ARROW(stream.size_, stream_size(*stream.table_), Code::kTooLarge, "encoding a table");
  return stream;
}

Status TableStream::write(const Encoding::Write& out) const {
  PieceStream sink(out);
  const arrow::Status written = write_stream(*table_, sink);
  HEADRACE_TRY(sink.status());
  return written.ok() ? Status() : Status(arrow_error(written, Code::kTooLarge, "encoding a table"));
}

Result<std::shared_ptr<const Table>> decode_table(std::shared_ptr<arrow::Buffer> buffer, Code code, std::string_view name) {
  const ReadBudget budget(read_budget(buffer->size()));
  HEADRACE_ARROW(auto table, from_ipc(buffer), code, cat("reading ", name));
  HEADRACE_TRY(check_table(*table, code, name));
  return Table::from_arrow(std::move(table));
}

}  // namespace headrace::data::detail
