// SPDX-License-Identifier: Apache-2.0
// "ADDRESS?key=value&..." of --on ray://: each key a row, unknown ones named with the nearest match.

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>

#include "headrace/base/text.h"
#include "headrace/cluster/ray.h"

namespace headrace::cluster {
namespace {

constexpr int kWorkersMax = 4096;

Error bad(std::string_view key, std::string_view value, std::string_view advice) {
  return Error(Code::kUsage, cat("--on ray: ", key, "=", value, " is not understood"), std::string(advice));
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  return problem == std::errc() && end == text.data() + text.size();
}

Status read_workers(std::string_view text, RayOptions& out) {
  const std::size_t dots = text.find("..");
  const std::string_view most = dots == std::string_view::npos ? text : text.substr(dots + 2);
  const bool read = read_number(text.substr(0, dots), out.workers_min) && read_number(most, out.workers_max);
  if (!read || out.workers_min < 1 || out.workers_max < out.workers_min || out.workers_max > kWorkersMax) {
    return bad("workers", text, cat("write workers=N or workers=LEAST..MOST, from 1 to ", kWorkersMax));
  }
  return {};
}

Status read_real(std::string_view key, std::string_view text, double least, double& out) {
  if (!read_number(text, out) || !(out >= least && out <= 4096)) return bad(key, text, cat("write a number from ", least, " to 4096"));
  return {};
}

// "16GB", "512MiB", "1000".
Status read_bytes(std::string_view text, std::uint64_t& out) {
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  double factor = 1;
  constexpr std::string_view kPrefixes = "kMGT";
  if (!unit.empty() && unit.back() == 'B') unit.remove_suffix(1);
  const bool binary = unit.size() == 2 && unit[1] == 'i';
  if (binary) unit.remove_suffix(1);
  if (unit.size() == 1) {
    const std::size_t at = unit[0] == 'K' ? 0 : kPrefixes.find(unit[0]);
    for (std::size_t i = 0; at != std::string_view::npos && i <= at; ++i) factor *= binary ? 1024 : 1000;
  }
  const bool known = unit.empty() || factor > 1;
  if (problem != std::errc() || !known || !(number > 0) || number * factor > 1e15) return bad("memory", text, "write 16GB or 512MiB");
  out = static_cast<std::uint64_t>(number * factor);
  return {};
}

Status read_seconds(std::string_view key, std::string_view text, std::chrono::seconds& out) {
  int seconds = 0;
  if (!read_number(text, seconds) || seconds < 1 || seconds > 86400) return bad(key, text, "write seconds, from 1 to 86400");
  out = std::chrono::seconds(seconds);
  return {};
}

Status read_resource(std::string_view text, RayOptions& out) {
  const std::size_t colon = text.rfind(':');
  double amount = 1;
  const bool read = colon == std::string_view::npos || (read_number(text.substr(colon + 1), amount) && amount > 0 && amount <= 1e6);
  const std::string name(text.substr(0, colon));
  const bool own = name.empty() || name == "CPU" || name == "GPU" || name == "memory";
  if (!read || own) return bad("resource", text, "write resource=NAME:AMOUNT; cpu, gpu and memory have keys of their own");
  out.custom[name] = amount;
  return {};
}

using Reader = std::function<Status(std::string_view, RayOptions&)>;

const std::vector<std::pair<std::string, Reader>>& readers() {
  static const std::vector<std::string> placements = {"free", "pack", "spread", "strict_pack", "strict_spread"};
  static const std::vector<std::pair<std::string, Reader>> all = {
      {"workers", read_workers},
      {"cpu", [](auto text, auto& out) { return read_real("cpu", text, 0.01, out.cpu); }},
      {"memory", [](auto text, auto& out) { return read_bytes(text, out.memory_bytes); }},
      {"gpu", [](auto text, auto& out) { return read_real("gpu", text, 0, out.gpu); }},
      {"resource", read_resource},
      {"placement",
       [](auto text, auto& out) -> Status {
         if (std::find(placements.begin(), placements.end(), text) == placements.end())
           return bad("placement", text, nearest_advice(text, placements));
         out.placement = text;
         return {};
       }},
      {"node", [](auto text, auto& out) -> Status { out.node = text; return {}; }},
      {"listen", [](auto text, auto& out) -> Status { out.listen = text; return {}; }},
      {"program", [](auto text, auto& out) -> Status { out.program = text; return {}; }},
      {"shared",
       [](auto text, auto& out) -> Status {
         if (text != "yes" && text != "no") return bad("shared", text, "write yes or no");
         out.shared = text == "yes";
         return {};
       }},
      {"idle", [](auto text, auto& out) { return read_seconds("idle", text, out.idle); }},
      {"patience", [](auto text, auto& out) { return read_seconds("patience", text, out.patience); }},
  };
  return all;
}

Status read_one(std::string_view pair, RayOptions& out) {
  const std::size_t equals = pair.find('=');
  const std::string_view key = pair.substr(0, equals);
  for (const auto& [name, reader] : readers()) {
    if (name != key) continue;
    if (equals == std::string_view::npos || equals + 1 == pair.size()) return bad(key, "", "give it a value");
    return reader(pair.substr(equals + 1), out);
  }
  std::vector<std::string> known;
  for (const auto& [name, reader] : readers()) known.push_back(name);
  return Error(Code::kUsage, cat("--on ray: ", key, " is no key"), nearest_advice(key, known));
}

}  // namespace

Result<RayOptions> RayOptions::parse(std::string_view text) {
  RayOptions out;
  const std::size_t question = text.find('?');
  const std::string_view address = text.substr(0, question);
  if (address.empty()) return Error(Code::kUsage, "--on ray:// names no cluster", "write ray://auto or ray://HOST:PORT");
  out.address = address;
  if (question != std::string_view::npos) {
    for (const std::string& pair : split(text.substr(question + 1), '&')) HEADRACE_TRY(read_one(pair, out));
  }
  if (out.placement != "free" && (out.workers_max > out.workers_min || !out.node.empty())) {
    return Error(Code::kUsage, cat("--on ray: placement=", out.placement, " places a fixed number of workers at once"),
                 "leave out node, and give workers one number");
  }
  return out;
}

}  // namespace headrace::cluster
