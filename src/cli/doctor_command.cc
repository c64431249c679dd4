// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/doctor.h"
#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

Result<int> run(const Arguments& arguments, Session& session) {
  const std::vector<Check> checks = check_installation(session, arguments.text("store"));
  const bool ok = std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.ok; });
  if (session.out.json()) {
    config::Value document{config::Map{}};
    document.set("ok", ok);
    config::List rows;
    for (const Check& check : checks) {
      config::Value row{config::Map{}};
      row.set("check", check.name);
      row.set("ok", check.ok);
      row.set("found", check.found);
      if (!check.ok) row.set("advice", check.advice);
      rows.push_back(std::move(row));
    }
    document.set("checks", std::move(rows));
    session.out.print_json(document);
  } else {
    std::vector<std::vector<std::string>> rows;
    for (const Check& check : checks) {
      rows.push_back({check.ok ? "ok" : "BAD", check.name, check.found});
      if (!check.ok && !check.advice.empty()) rows.push_back({"", "", check.advice});
    }
    session.out.print(printable(columns(rows)));
    session.out.say(ok ? "all is well" : "something is missing");
  }
  constexpr int kEnvironmentLacks = 3;
  return ok ? 0 : kEnvironmentLacks;
}

}  // namespace

Command doctor_command() {
  return {.name = "doctor",
          .summary = "check the installation, with a tiny pipeline from end to end",
          .details = "",
          .flags = {store_flag(), json_flag()},
          .examples = {"headrace doctor"},
          .run = run};
}

}  // namespace headrace::cli
