// SPDX-License-Identifier: Apache-2.0
#pragma once
// Packs: shared libraries that hold operators, loaded on first use. Loading runs code: packs come only from the folders that the
// program was built or told to use, never from a pipeline file.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/result.h"
#include "headrace/exec/operator.h"
#include "headrace/graph/catalogue.h"

namespace headrace::exec {

/// Opens packs and makes operators. Threads: any; a pack is opened once.
class Packs {
 public:
  explicit Packs(const graph::Catalogue& catalogue);
  ~Packs();

  /// The one instance that serves an operator. Opens its pack when needed (libtorch: 0.25 s, once).
  /// Errors: kUnknownOperator; kEnvironment when the library does not open or speaks another HEADRACE_PACK_ABI.
  Result<Operator*> find(std::string_view op);
  /// Starts opening packs on a thread of their own, one after the other in this order: reading data and loading an engine overlap.
  /// (The dynamic loader opens one library at a time, so a small pack named behind an engine would wait for it.)
  void preload(const std::vector<std::string>& packs);
  /// Adds an operator of this program itself (tests, intrinsics). Names already known are replaced.
  void add(std::string op, std::unique_ptr<Operator> instance);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The folders that hold packs: $HEADRACE_PACKS (colon-separated) before lib/packs beside the program.
std::vector<std::string> pack_folders();

/// Opens a pack library and returns its rows; the library stays open for ever. `name` receives the pack's own name.
Result<PackRows*> open_pack(const std::string& library, std::string* name = nullptr);

}  // namespace headrace::exec
