// SPDX-License-Identifier: Apache-2.0
#pragma once
// The inside of a Store.

#include <memory>
#include <string>

#include "exec/index.h"
#include "exec/run_folder.h"
#include "headrace/exec/store.h"

namespace headrace::exec {

struct Store::Impl {
  std::string folder;
  std::unique_ptr<detail::Index> index;

  std::string runs_folder() const { return folder + "/runs"; }
  std::string run_folder(const std::string& id) const { return runs_folder() + "/" + id; }
  /// Reads the journal of a run that was killed into the index and marks it as interrupted. A run that goes on is left alone.
  Status adopt(const std::string& id);
};

}  // namespace headrace::exec
