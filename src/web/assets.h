// SPDX-License-Identifier: Apache-2.0
#pragma once
// The style and the script of the page, put here by CMake from report.css and report.js.

namespace headrace::web {

extern const char* const kReportCss;
extern const char* const kReportJs;

}  // namespace headrace::web
