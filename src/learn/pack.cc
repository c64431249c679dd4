// SPDX-License-Identifier: Apache-2.0
// The pack "learn": estimators, splitters and metrics. Rows are registered by the sources of this folder.
#include "headrace/exec/operator.h"

HEADRACE_PACK("learn")
