// SPDX-License-Identifier: Apache-2.0
// fuzz-build: src/base/*.cc src/config/*.cc src/io/*.cc src/data/*.cc
// fuzz-build: -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -isystem$WHEELS/pyarrow/include
// fuzz-build: $WHEELS/pyarrow/libarrow.so.2600 $WHEELS/pyarrow/libarrow_compute.so.2600 $WHEELS/pyarrow/libparquet.so.2600
// fuzz-build: -Wl,-rpath,$WHEELS/pyarrow -lyaml-cpp -lssl -lcrypto -lz
// Any bytes as CSV, in a dialect that the first byte chooses: refused with a code of the reader's contract, or a table whose every
// value can be read, that comes out the same twice, and whose first row alone can be read as well.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "headrace/data/formats.h"
#include "headrace/data/object.h"

// Arrow is not instrumented: what it and this program put into one container must not be held against either.
extern "C" const char* __asan_default_options() { return "detect_container_overflow=0:allocator_may_return_null=1"; }

namespace {

using headrace::Code;
using namespace headrace::data;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

CsvOptions dialect(std::uint8_t choice) {
  CsvOptions options;
  constexpr char kDelimiters[] = {',', '\t', ';', ' '};
  options.delimiter = kDelimiters[choice & 3];
  if (choice & 4) options.quote.reset();
  if (choice & 8) options.escape = '\\';
  if (choice & 16) options.header = (choice & 32) != 0;
  options.trim = (choice & 64) == 0;
  options.skip_rows = choice >> 7;
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  CsvOptions options = dialect(data[0]);
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto table = parse_csv(text, options, "fuzz.csv");
  if (!table.ok()) {
    const Code code = table.error().code;
    require(code == Code::kBadData || code == Code::kTooLarge, "errors are kBadData or kTooLarge");
    return 0;
  }
  require(!(*table)->columns().empty(), "a table has columns");
  for (int i = 0; i < static_cast<int>((*table)->columns().size()); ++i) {
    const auto texts = (*table)->texts(i);
    require(texts.ok() && static_cast<std::int64_t>(texts->size()) == (*table)->rows(), "every value of every column can be read");
  }
  const auto again = parse_csv(text, options, "fuzz.csv");
  require(again.ok() && (*again)->equals(**table), "the same bytes give the same table");
  if (!options.header) return 0;   // fewer rows may look like another header
  options.rows_max = 1;
  const auto first = parse_csv(text, options, "fuzz.csv");
  require(first.ok() && (*first)->rows() == std::min<std::int64_t>(1, (*table)->rows()), "the first row alone can be read");
  return 0;
}
