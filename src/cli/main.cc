// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "cli/session.h"

int main(int count, char** words) {
  // Engines bring libgomp, whose idle threads spin by default: on a busy machine that slows a fit on two threads a hundredfold. It is
  // set here, before there is any other thread and before any engine is opened; a value of the user's own stays.
  setenv("OMP_WAIT_POLICY", "passive", 0);
  return headrace::cli::run_program({words, words + count});
}
