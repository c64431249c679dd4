// SPDX-License-Identifier: Apache-2.0
#include "cli/session.h"

int main(int count, char** words) { return headrace::cli::run_program({words, words + count}); }
