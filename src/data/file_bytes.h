// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whole files as buffers, unpacked when they are gzip; and files that appear under their name only once they are complete.

#include <memory>
#include <string>
#include <string_view>

#include <arrow/buffer.h>
#include <arrow/io/file.h>

#include "headrace/base/result.h"
#include "headrace/io/file.h"

namespace headrace::data::detail {

/// The bytes of a file, on a 64-byte boundary. Errors: kNotFound (also for a folder), kTooLarge (past 16 GiB), kIo.
Result<std::shared_ptr<arrow::Buffer>> read_file(const std::string& path);

/// The same, unpacked when the content is gzip, whatever the name says.
Result<std::shared_ptr<arrow::Buffer>> read_unpacked(const std::string& path);

bool is_gzip(std::string_view bytes);
/// Unpacks all members of a gzip stream. Errors: kBadData (truncated, damaged), kTooLarge (past `limit` bytes).
Result<std::shared_ptr<arrow::Buffer>> gunzip(std::string_view bytes, std::string_view name, std::int64_t limit);

/// Unpacks one raw deflate stream that must give exactly `size` bytes. Errors: kBadData.
Result<std::string> inflate_raw(std::string_view bytes, std::size_t size, std::string_view name);

/// A stream for Arrow's writers into a file that appears under its name in `commit`, whole and synced; without a commit nothing
/// is left behind. Folders on the way are made. Errors: kIo, kNotFound (a file where a folder is needed).
class OutputFile {
 public:
  static Result<OutputFile> open(const std::string& path);
  const std::shared_ptr<arrow::io::FileOutputStream>& stream() const { return stream_; }
  Status commit();

 private:
  explicit OutputFile(io::AtomicFile file) : file_(std::move(file)) {}
  io::AtomicFile file_;
  std::shared_ptr<arrow::io::FileOutputStream> stream_;
};

}  // namespace headrace::data::detail
