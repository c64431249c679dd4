// SPDX-License-Identifier: Apache-2.0
#include "cli/ray_talk.h"

#include <csignal>
#include <cstdio>

#include "headrace/base/text.h"

namespace headrace::cli {
namespace {

// Ctrl-C at a terminal reaches the part as well: it cleans up, and this process waits for that.
class IgnoreInterrupt {
 public:
  IgnoreInterrupt() : before_(std::signal(SIGINT, SIG_IGN)) {}
  ~IgnoreInterrupt() { std::signal(SIGINT, before_); }
  IgnoreInterrupt(const IgnoreInterrupt&) = delete;
  IgnoreInterrupt& operator=(const IgnoreInterrupt&) = delete;

 private:
  void (*before_)(int);
};

}  // namespace

Result<config::Value> ask_ray(Session& session, std::vector<std::string> words, const std::string& input, const config::Value& value) {
  const IgnoreInterrupt ignoring;
  HEADRACE_ASSIGN(const auto part, cluster::RayPart::start(std::move(words), {}, false));
  if (!input.empty()) HEADRACE_TRY(part->write(input, value));
  while (true) {
    auto line = part->read(std::chrono::hours(1));
    if (!line.ok() && line.error().code == Code::kTimeout && !part->ended()) continue;
    if (!line.ok()) return std::move(line).error();
    if (line->kind == "result") return std::move(line->value);
    if (!line->value.is_string()) continue;
    if (line->kind == "log" && !session.out.json()) {
      session.out.print(printable(line->value.string()));
    } else if (line->kind == "log") {
      const std::string text = printable(line->value.string());
      std::fwrite(text.data(), 1, text.size(), stderr);
    } else {
      session.out.say(line->value.string());
    }
  }
}

std::string text_under(const config::Value& map, std::string_view key) {
  const config::Value* found = map.find(key);
  return found != nullptr && found->is_string() ? found->string() : std::string();
}

}  // namespace headrace::cli
