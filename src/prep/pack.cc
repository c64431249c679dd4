// SPDX-License-Identifier: Apache-2.0
// The pack "prep": sources, sinks and transforms of tables. Rows are registered by the sources of this folder.
#include "headrace/exec/operator.h"

HEADRACE_PACK("prep")
