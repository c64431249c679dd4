// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire.h"

#include <sys/random.h>
#include <sys/stat.h>

#include "headrace/base/check.h"
#include "headrace/base/text.h"
#include "headrace/config/value.h"
#include "headrace/io/file.h"

namespace headrace::cluster {

Status send(io::Channel& channel, wire::FrameKind kind, const google::protobuf::MessageLite& message, std::span<const int> descriptors,
            bool now) {
  thread_local std::string buffer;
  buffer.clear();
  message.AppendToString(&buffer);
  return channel.send(static_cast<std::uint16_t>(kind), buffer, descriptors, now);
}

Status parse(const io::Frame& frame, google::protobuf::MessageLite& message) {
  if (!message.ParseFromArray(frame.payload.data(), static_cast<int>(frame.payload.size()))) {
    return Error(Code::kProtocol, cat("a frame of kind ", frame.kind, " does not parse"));
  }
  return {};
}

namespace {

// JSON, or YAML where JSON cannot say it (NaN, infinities).
std::string text_of(const config::Value& value) {
  std::string json = config::to_json(value);
  const auto back = config::parse_json(json, "");
  return back.ok() && config::canonical(*back) == config::canonical(value) ? json : config::to_yaml(value);
}

Result<config::Value> value_of(const std::string& text) {
  const bool json = !text.empty() && (text[0] == '{' || text[0] == '[');
  return json ? config::parse_json(text, "recipe") : config::parse_yaml(text, "recipe");
}

// Errors quote files and paths, which may hold any bytes.
std::string words_of(std::string_view text) {
  std::string out;
  for (std::size_t bad = 0; !is_utf8(text, &bad); text.remove_prefix(bad + 1)) out.append(text.substr(0, bad)).append("\xEF\xBF\xBD");
  return out.append(text);
}

}  // namespace

void to_wire(const exec::Recipe& recipe, std::uint64_t number, wire::Recipe& out) {
  out.set_number(number);
  out.set_op(recipe.op);
  out.set_params(text_of(recipe.params));
  out.set_node(recipe.node);
  out.set_seed(recipe.seed);
  for (const std::string& metric : recipe.metrics) out.add_metrics(metric);
  out.set_threads(recipe.threads);
  out.set_folder(recipe.folder);
  if (recipe.shard.has_value()) {
    out.mutable_shard()->set_parts(recipe.shard->parts);
    out.mutable_shard()->set_by(text_of(recipe.shard->by));
  }
  out.set_own_fit_output(recipe.own_fit_output);
}

Result<std::shared_ptr<const exec::Recipe>> from_wire(const wire::Recipe& recipe) {
  auto out = std::make_shared<exec::Recipe>();
  out->op = recipe.op();
  HEADRACE_ASSIGN(out->params, value_of(recipe.params()));
  out->node = recipe.node();
  out->seed = recipe.seed();
  out->metrics.assign(recipe.metrics().begin(), recipe.metrics().end());
  out->threads = std::max(1, recipe.threads());
  out->folder = recipe.folder();
  if (recipe.has_shard()) {
    graph::Shard shard{.parts = recipe.shard().parts(), .by = {}};
    HEADRACE_ASSIGN(shard.by, value_of(recipe.shard().by()));
    if (shard.parts < 1) return Error(Code::kProtocol, "a recipe with no shard");
    out->shard = std::move(shard);
  }
  out->own_fit_output = recipe.own_fit_output();
  return std::shared_ptr<const exec::Recipe>(std::move(out));
}

void to_wire(const Error& error, wire::Error& out) {
  out.set_code(static_cast<std::uint32_t>(error.code));
  out.set_message(words_of(error.message));
  out.set_advice(words_of(error.advice));
}

Error from_wire(const wire::Error& error) { return error_of(error.code(), error.message(), error.advice()); }

Error error_of(std::uint32_t number, const std::string& message, const std::string& advice) {
  const auto code = static_cast<Code>(number);
  // A number that is in no catalogue is somebody else's: the words still tell.
  return Error(code_name(code) == "Ok" ? Code::kTaskFailed : code, message, advice);
}

Result<exec::Work> work_of(const wire::Call& call, std::shared_ptr<const exec::Recipe> recipe) {
  if (call.phase() > static_cast<std::uint32_t>(graph::Phase::kPrune)) {
    return Error(Code::kProtocol, cat("phase ", call.phase(), " is none"));
  }
  return exec::Work{.recipe = std::move(recipe), .phase = static_cast<graph::Phase>(call.phase()), .piece = call.piece(),
                    .test_side = call.test_side(), .wants_output = call.wants_output(), .output_only = call.output_only()};
}

std::string host_identity() {
  std::string text;
  if (auto boot = io::read_file("/proc/sys/kernel/random/boot_id", 1024); boot.ok()) text = std::string(trim(*boot));
  for (const char* space : {"/proc/self/ns/net", "/proc/self/ns/ipc", "/proc/self/ns/user"}) {
    struct stat facts {};
    if (stat(space, &facts) == 0) text += cat(":", facts.st_ino);
  }
  return text;
}

std::string random_text(std::size_t bytes) {
  std::string raw(bytes, '\0');
  HEADRACE_CHECK(getrandom(raw.data(), raw.size(), 0) == static_cast<ssize_t>(raw.size()), "the kernel gave no random bytes");
  std::string text;
  for (const char byte : raw) {
    static constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

}  // namespace headrace::cluster
