// SPDX-License-Identifier: Apache-2.0
// fuzz-build: src/base/*.cc src/config/*.cc src/io/*.cc src/data/*.cc
// fuzz-build: -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -isystem$WHEELS/pyarrow/include
// fuzz-build: $WHEELS/pyarrow/libarrow.so.2600 $WHEELS/pyarrow/libarrow_compute.so.2600 $WHEELS/pyarrow/libparquet.so.2600
// fuzz-build: -Wl,-rpath,$WHEELS/pyarrow -lyaml-cpp -lssl -lcrypto -lz
// Any bytes as an encoded object, with checksums not looked at so that damage gets past them: refused as damaged, or an object that
// encodes and decodes unchanged.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

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
  const auto object = decode(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!object.ok()) {
    const Code code = object.error().code;
    require(code == Code::kDamaged || code == Code::kVersion || code == Code::kTooLarge, "errors are kDamaged, kVersion or kTooLarge");
    return 0;
  }
  require(object->kind() != Kind::kNone, "an object is something");
  const auto bytes = encode(*object);
  if (!bytes.ok()) return 0;   // a table of a type that the encoding refuses
  const auto back = decode(*bytes);
  require(back.ok() && back->kind() == object->kind(), "what was encoded decodes");
  const auto again = encode(*back);
  require(again.ok() && *again == *bytes, "an object keeps its bytes through encode and decode");
  return 0;
}
