// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/progress_display.h"
#include "cli/replay.h"
#include "cli/run_argument.h"
#include "headrace/base/text.h"
#include "headrace/exec/packs.h"

namespace headrace::cli {
namespace {

constexpr std::size_t kDifferencesShown = 20;

config::Value to_value(const ReplayReport& report) {
  config::Value document{config::Map{}};
  document.set("run", report.run);
  document.set("same", report.differences.empty());
  document.set("objects", report.objects);
  document.set("compared", report.compared);
  document.set("scores", report.scores);
  document.set("whole", report.whole);
  document.set("seconds", report.seconds);
  config::List differences;
  for (const Difference& difference : report.differences) {
    config::Value row{config::Map{}};
    row.set("object", difference.object);
    row.set("what", difference.what);
    row.set("why", difference.why);
    differences.push_back(std::move(row));
  }
  document.set("differences", std::move(differences));
  return document;
}

std::string text_of(const ReplayReport& report) {
  std::string out = cat(report.differences.empty() ? "same" : "different", ": ", report.objects,
                        report.objects == 1 ? " object, " : " objects, ", report.compared, " compared byte for byte, ",
                        report.scores, " fold scores compared, in ", seconds_text(report.seconds), "\n");
  for (std::size_t i = 0; i < report.differences.size() && i < kDifferencesShown; ++i) {
    const Difference& difference = report.differences[i];
    out += cat("  ", difference.object.substr(0, 12), "  ", difference.what, ": ", difference.why, "\n");
  }
  if (report.differences.size() > kDifferencesShown)
    out += cat("  ... and ", report.differences.size() - kDifferencesShown, " more; --json lists them\n");
  return out;
}

// The full id of what the flag names, as `explain` understands names.
Result<std::string> object_id(const Arguments& arguments, exec::Store& store, const graph::Catalogue& catalogue) {
  if (!arguments.given("object")) return std::string();
  HEADRACE_ASSIGN(const config::Value told, exec::explain(store, catalogue, arguments.text("run"), arguments.text("object")));
  const config::Value* made = told.find("made");
  const config::Value* object = made == nullptr ? nullptr : made->find("object");
  HEADRACE_CHECK(object != nullptr && object->is_string(), "an explanation without an object");
  return object->string();
}

Result<int> run(const Arguments& arguments, Session& session) {
  session.out.set_quiet(arguments.flag("quiet"));
  const Interrupt interrupt([&](Interrupt::Cause) { session.out.say("stopping; Ctrl-C again ends at once"); });
  HEADRACE_ASSIGN(exec::Store * store, session.store(arguments.text("store")));
  HEADRACE_ASSIGN(const graph::Catalogue* catalogue, session.catalogue());
  HEADRACE_ASSIGN(const exec::RecordedRun recorded, exec::read_run(*store, *catalogue, arguments.text("run")));
  ReplayOptions options;
  HEADRACE_ASSIGN(options.object, object_id(arguments, *store, *catalogue));
  exec::Packs packs(*catalogue);
  Progress progress;
  options.run = {.workers = static_cast<int>(arguments.integer("workers")),
                 .sinks = {&progress},
                 .stop = interrupt.token(),
                 .command = session.command()};
  session.out.say(cat("replaying ", recorded.id, ", seed ", recorded.report.seed));
  Result<ReplayReport> report = [&] {
    const ProgressDisplay display(progress, ProgressDisplay::form_for(2, session.out.quiet()));
    return replay(recorded, *store, *catalogue, packs, options);
  }();
  if (!report.ok()) return std::move(report).error();
  if (session.out.json()) {
    session.out.print_json(to_value(*report));
  } else {
    session.out.print(printable(text_of(*report)));
  }
  return report->differences.empty() ? 0 : 1;
}

}  // namespace

Command replay_command() {
  return {.name = "replay",
          .summary = "run a recorded run again from nothing and compare every object",
          .details =
              "The same graph is run in a temporary store, with nothing remembered. Ids, content digests and the scores of all folds "
              "are compared; exit code 1 when anything differs.",
          .flags = {run_argument(),
                    takes("OBJECT", config::string("object", config::Value(),
                                                   "replay only what leads to this object: the start of its id, NODE or NODE@FOLD")),
                    takes("N", config::integer("workers", 0, "tasks at a time; 0 is one a core").at_least(0).at_most(4096)), store_flag(),
                    toggle("quiet", "no talk and no progress on stderr").short_form('q'), json_flag()},
          .examples = {"headrace replay last", "headrace replay last --object 'pca[components=5]@0'"},
          .run = run};
}

}  // namespace headrace::cli
