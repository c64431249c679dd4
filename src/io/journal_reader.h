// SPDX-License-Identifier: Apache-2.0
#pragma once
// The inside of JournalReader; JournalWriter reads with it when it opens a journal.

#include <cstdint>
#include <optional>
#include <string>

#include "headrace/io/journal.h"
#include "io/descriptor.h"
#include "io/journal_format.h"

namespace headrace::io {

struct JournalReader::Impl {
  detail::Descriptor file;
  std::string path;
  std::string buffer;            // bytes of the file from `start` on
  std::uint64_t start = 0;
  std::uint64_t offset = 0;      // of the next record
  std::uint64_t records = 0;

  Status read_header();
  Result<std::optional<std::string>> next();

 private:
  /// Makes `size` bytes from `offset` on available at front(); false when the file ends before.
  Result<bool> fill(std::size_t size);
  const char* front() const { return buffer.data() + (offset - start); }
  std::optional<std::string> nothing();
  Status judge_bad_record();
};

}  // namespace headrace::io
