// SPDX-License-Identifier: Apache-2.0
// A part of headrace.ray as a child process: where Python and the package are, and lines there and back.

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>

#include "headrace/base/clock.h"
#include "headrace/base/text.h"
#include "headrace/cluster/ray.h"
#include "headrace/io/descriptor.h"

extern char** environ;

namespace headrace::cluster {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLineMax = std::size_t{1} << 20;
constexpr std::size_t kSaidMax = 4096;                  // of stderr, kept for a message
constexpr std::int64_t kEndUs = 5'000'000;

std::string text_of(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The folder headrace/ray: in a checkout or an image above the program (python/headrace/ray), or beside a program that lies in the package.
Result<fs::path> find_package() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  for (fs::path folder = program.parent_path(); folder.has_relative_path(); folder = folder.parent_path()) {
    for (const fs::path& found : {folder / "python/headrace/ray", folder / "ray"}) {
      if (fs::exists(found / "gateway.py", error)) return fs::canonical(found, error);
    }
  }
  return Error(Code::kEnvironment, cat("the Python package headrace lies in no folder above ", program.string()),
               "use the program of a checkout, or of the installed package");
}

// $HEADRACE_PYTHON, else the environment of the launcher, else whatever python3 is.
std::string python_for(const fs::path& package) {
  if (const std::string set = text_of("HEADRACE_PYTHON"); !set.empty()) return set;
  std::error_code error;
  const std::string environment = text_of("HEADRACE_VENV");
  const fs::path checkout = package.parent_path().parent_path().parent_path();
  for (const fs::path& venv : {fs::path(environment), checkout / ".venv"}) {
    if (!venv.empty() && fs::exists(venv / "bin/python3", error)) return (venv / "bin/python3").string();
  }
  return "python3";
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment_with(std::vector<std::string> more) {
  const auto name = [](std::string_view entry) { return entry.substr(0, entry.find('=')); };
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const bool replaced = std::any_of(more.begin(), more.end(), [&](const std::string& own) { return name(own) == name(*entry); });
    if (!replaced) more.emplace_back(*entry);
  }
  return more;
}

Error error_of(const config::Value& value) {
  const auto text = [&](std::string_view key) {
    const config::Value* found = value.find(key);
    return found != nullptr && found->is_string() ? found->string() : std::string();
  };
  const config::Value* number = value.find("code");
  const bool known = number != nullptr && number->kind() == config::Kind::kInt && code_name(static_cast<Code>(number->integer())) != "";
  return Error(known ? static_cast<Code>(number->integer()) : Code::kEnvironment, text("message"), text("advice"));
}

}  // namespace

struct RayPart::Impl {
  pid_t pid = 0;
  io::Descriptor output, talk;
  std::string line, said;
  std::string buffer;                    // of output, from `taken`
  std::size_t taken = 0;
  bool over = false;
  std::mutex mutex;                      // guards what follows
  io::Descriptor input;
  std::string unsent;

  void read_talk() {
    char bytes[4096];
    const ssize_t length = ::read(talk.get(), bytes, sizeof bytes);
    if (length <= 0) return talk.reset();
    said.append(bytes, static_cast<std::size_t>(length));
    if (said.size() > kSaidMax) said.erase(0, said.size() - kSaidMax);
  }

  // A whole line, if there is one.
  bool next_line(std::string& out) {
    const std::size_t end = buffer.find('\n', taken);
    if (end == std::string::npos) {
      buffer.erase(0, taken);
      taken = 0;
      return false;
    }
    out.assign(buffer, taken, end - taken);
    taken = end + 1;
    return true;
  }

  Error end_error() {
    over = true;
    while (talk.open()) {
      pollfd one = {talk.get(), POLLIN, 0};
      if (poll(&one, 1, 100) <= 0) break;
      read_talk();
    }
    const std::vector<std::string> lines = split(std::string(trim(said)), '\n');
    std::string last;
    for (std::size_t i = lines.size() > 3 ? lines.size() - 3 : 0; i < lines.size(); ++i) last += cat(last.empty() ? "" : " / ", lines[i]);
    return Error(Code::kClosed, cat("the Ray part of the program ended", last.empty() ? "" : ": ", last));
  }
};

RayPart::RayPart(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<RayPart>> RayPart::start(std::vector<std::string> words, std::vector<std::string> environment, bool own_group) {
  HEADRACE_ASSIGN(const fs::path package, find_package());
  const std::string python = python_for(package);
  words.insert(words.begin(), {python, package.string()});
  std::vector<std::string> entries = environment_with(std::move(environment));
  int in[2], out[2], talk[2];
  // A socket, since writing into one whose reader is gone need not raise a signal.
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(talk, O_CLOEXEC) != 0) {
    return Error(Code::kEnvironment, cat("making a pipe: ", std::strerror(errno)));
  }
  auto impl = std::make_unique<Impl>();
  impl->input = io::Descriptor(in[1]);
  impl->output = io::Descriptor(out[0]);
  impl->talk = io::Descriptor(talk[0]);
  const io::Descriptor child_in(in[0]), child_out(out[1]), child_talk(talk[1]);
  fcntl(impl->input.get(), F_SETFL, O_NONBLOCK);

  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_init(&actions);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  const int group = own_group ? POSIX_SPAWN_SETPGROUP : 0;
  posix_spawnattr_setflags(&attributes, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawn_file_actions_adddup2(&actions, child_in.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, child_out.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, child_talk.get(), 2);
  const int failed = posix_spawnp(&impl->pid, python.c_str(), &actions, &attributes, pointers(words).data(), pointers(entries).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    return Error(Code::kEnvironment, cat("starting ", python, ": ", std::strerror(failed)), "set HEADRACE_PYTHON to a Python that has Ray");
  }
  return std::unique_ptr<RayPart>(new RayPart(std::move(impl)));
}

RayPart::~RayPart() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->input.reset();
  }
  const std::int64_t until = system_clock().monotonic_us() + kEndUs;
  int state = 0;
  while (waitpid(impl_->pid, &state, WNOHANG) == 0) {
    if (system_clock().monotonic_us() > until) {
      kill(impl_->pid, SIGKILL);
      waitpid(impl_->pid, &state, 0);
      break;
    }
    // Its pipes are emptied, so that it is not held up by them.
    pollfd polled[] = {{impl_->output.get(), POLLIN, 0}, {impl_->talk.get(), POLLIN, 0}};
    if (poll(polled, 2, 5) > 0) {
      char bytes[4096];
      for (const pollfd& one : polled) {
        if (one.revents != 0 && ::read(one.fd, bytes, sizeof bytes) <= 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    }
  }
}

bool RayPart::ended() const { return impl_->over; }
int RayPart::pid() const { return impl_->pid; }

Result<RayPart::Line> RayPart::read(std::chrono::milliseconds timeout) {
  Impl& part = *impl_;
  const std::int64_t until = system_clock().monotonic_us() + std::chrono::microseconds(timeout).count();
  while (!part.next_line(part.line)) {
    if (!part.output.open()) return part.end_error();
    if (part.buffer.size() > kLineMax) return Error(Code::kProtocol, "the Ray part of the program sent a line without end");
    const std::int64_t left = until - system_clock().monotonic_us();
    pollfd polled[] = {{part.output.get(), POLLIN, 0}, {part.talk.get(), POLLIN, 0}};
    if (left <= 0 || poll(polled, 2, static_cast<int>(left / 1000) + 1) == 0) {
      return Error(Code::kTimeout, "the Ray part of the program is silent");
    }
    if (polled[1].revents != 0) part.read_talk();
    if (polled[0].revents == 0) continue;
    char bytes[16384];
    const ssize_t length = ::read(part.output.get(), bytes, sizeof bytes);
    if (length <= 0) {
      part.output.reset();
    } else {
      part.buffer.append(bytes, static_cast<std::size_t>(length));
    }
  }
  auto document = config::parse_json(part.line, "ray");
  if (!document.ok() || !document->is_map() || document->map().size() != 1) {
    return Error(Code::kProtocol, cat("the Ray part of the program said: ", part.line.substr(0, 200)));
  }
  config::Entry& entry = document->map().front();
  if (entry.key == "error") {
    part.over = true;
    return error_of(entry.value);
  }
  return Line{entry.key, std::move(entry.value)};
}

Status RayPart::write(std::string_view kind, const config::Value& value) {
  config::Value document{config::Map{}};
  document.set(kind, value);
  const std::lock_guard lock(impl_->mutex);
  std::string& rest = impl_->unsent;
  if (rest.size() > kLineMax) return Error(Code::kFull, "the Ray part of the program does not read");
  rest += to_json(document) + "\n";
  while (!rest.empty()) {
    const ssize_t sent = ::send(impl_->input.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      rest.erase(0, static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      return {};   // with the next line
    } else if (errno != EINTR) {
      return Error(Code::kClosed, "the Ray part of the program is gone");
    }
  }
  return {};
}

}  // namespace headrace::cluster
