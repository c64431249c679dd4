// SPDX-License-Identifier: Apache-2.0
#pragma once
// StoreAccess: the inside of a Store, for the sources of this room that make and read runs.

#include "exec/store_impl.h"

namespace headrace::exec {

class StoreAccess {
 public:
  static Store::Impl& of(Store& store) { return *store.impl_; }
};

}  // namespace headrace::exec
