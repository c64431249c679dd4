// SPDX-License-Identifier: Apache-2.0
// fuzz-build: src/base/*.cc src/config/*.cc src/io/*.cc src/data/*.cc
// fuzz-build: -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -isystem$WHEELS/pyarrow/include
// fuzz-build: $WHEELS/pyarrow/libarrow.so.2600 $WHEELS/pyarrow/libarrow_compute.so.2600 $WHEELS/pyarrow/libparquet.so.2600
// fuzz-build: -Wl,-rpath,$WHEELS/pyarrow -lyaml-cpp -lssl -lcrypto -lz
// Any bytes as a NumPy array, a NumPy archive, an IDX array, a LIBSVM table or an Arrow IPC table, as the first byte chooses:
// refused, or something whose last element can be read.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "headrace/data/formats.h"

// Arrow is not instrumented: what it and this program put into one container must not be held against either.
extern "C" const char* __asan_default_options() { return "detect_container_overflow=0:allocator_may_return_null=1"; }

namespace {

using namespace headrace::data;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

void touch(const Tensor& tensor) {
  volatile unsigned char last = 0;
  if (tensor.size_bytes() > 0) last = static_cast<const unsigned char*>(tensor.bytes())[tensor.size_bytes() - 1];
  (void)last;
}

void touch(const Table& table) {
  for (int i = 0; i < static_cast<int>(table.columns().size()); ++i) {
    const ColumnType type = table.columns()[static_cast<std::size_t>(i)].type;
    if (type == ColumnType::kText || type == ColumnType::kInt || type == ColumnType::kBool)
      require(table.texts(i).ok(), "every value can be read");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      if (const auto tensor = parse_npy(bytes, "fuzz"); tensor.ok()) touch(*tensor);
      break;
    case 1:
      if (const auto set = parse_npz(bytes, "fuzz"); set.ok()) {
        for (const auto& [name, tensor] : set->entries()) touch(tensor);
      }
      break;
    case 2:
      if (const auto tensor = parse_idx(bytes, "fuzz"); tensor.ok()) touch(*tensor);
      break;
    case 3:
      if (bytes.size() < 4096) {   // a short line may name a far index, and the table is dense
        if (const auto table = parse_libsvm(bytes, "fuzz", 1000); table.ok()) touch(**table);
      }
      break;
    default:
      if (const auto table = parse_arrow(bytes, "fuzz"); table.ok()) touch(**table);
  }
  return 0;
}
