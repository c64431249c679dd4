// SPDX-License-Identifier: Apache-2.0
// fuzz-build: src/base/*.cc src/config/*.cc src/io/*.cc src/data/*.cc
// fuzz-build: -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -isystem$WHEELS/pyarrow/include
// fuzz-build: $WHEELS/pyarrow/libarrow.so.2600 $WHEELS/pyarrow/libarrow_compute.so.2600 $WHEELS/pyarrow/libparquet.so.2600
// fuzz-build: -Wl,-rpath,$WHEELS/pyarrow -lyaml-cpp -lssl -lcrypto -lz
// Any bytes as Parquet: refused with a code of the reader's contract, or a table that our own encoding carries unchanged.
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto table = parse_parquet(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz.parquet");
  if (!table.ok()) {
    const Code code = table.error().code;
    require(code == Code::kBadData || code == Code::kTooLarge, "errors are kBadData or kTooLarge");
    return 0;
  }
  for (int i = 0; i < static_cast<int>((*table)->columns().size()); ++i) {
    if ((*table)->columns()[static_cast<std::size_t>(i)].type == ColumnType::kText)
      require((*table)->texts(i).ok(), "every text can be read");
  }
  const auto bytes = encode(Object(*table));
  if (!bytes.ok()) return 0;   // a type that the encoding refuses
  const auto back = decode(*bytes);
  require(back.ok(), "what was encoded decodes");
  const auto again = encode(*back);
  require(again.ok() && *again == *bytes, "a table keeps its bytes through encode and decode");
  return 0;
}
