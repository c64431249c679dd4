// SPDX-License-Identifier: Apache-2.0
// Arrow IPC files and streams.
#include <arrow/api.h>
#include <arrow/array/array_dict.h>
#include <arrow/ipc/api.h>

#include "data/arrow_bridge.h"
#include "data/file_bytes.h"
#include "data/table_codec.h"
#include "headrace/base/text.h"
#include "headrace/data/formats.h"

namespace headrace::data {

Result<std::shared_ptr<const Table>> read_arrow(const std::string& path) {
  HEADRACE_ASSIGN(auto buffer, detail::read_unpacked(path));
  if (buffer->size() == 0) return Error(Code::kBadData, cat("'", path, "' is empty"));
  return detail::decode_table(std::move(buffer), Code::kBadData, cat("'", path, "'"));
}

Result<std::shared_ptr<const Table>> parse_arrow(std::string_view bytes, std::string_view name) {
  if (bytes.empty()) return Error(Code::kBadData, cat("'", name, "' is empty"));
  return detail::decode_table(arrow::Buffer::FromString(std::string(bytes)), Code::kBadData, cat("'", name, "'"));  // columns view the copy
}

Status write_arrow(const Table& table, const std::string& path) {
  HEADRACE_ASSIGN(auto file, detail::OutputFile::open(path));
  const std::string what = cat("writing '", path, "'");
  auto options = arrow::ipc::IpcWriteOptions::Defaults();
  options.use_threads = false;
  options.alignment = 64;
  options.unify_dictionaries = true;
  HEADRACE_ARROW(auto writer, arrow::ipc::MakeFileWriter(file.stream(), table.arrow()->schema(), options), Code::kIo, what);
  HEADRACE_ARROW_TRY(writer->WriteTable(*table.arrow()), Code::kIo, what);
  HEADRACE_ARROW_TRY(writer->Close(), Code::kIo, what);
  return file.commit();
}

}  // namespace headrace::data
