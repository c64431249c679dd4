// SPDX-License-Identifier: Apache-2.0
// Manifests as files. Kubernetes reads YAML 1.1: words that mean a boolean there are quoted, and texts of several lines are written
// as literal blocks, so that a pipeline file stays readable in its ConfigMap.
#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>

#include "cluster/manifests_parts.h"
#include "headrace/base/text.h"
#include "headrace/io/file.h"

namespace headrace::cluster {
namespace {

namespace fs = std::filesystem;
using config::Value;

constexpr std::string_view kMark = "# Made by headrace deploy";
constexpr std::string_view kContainerfile = "Containerfile";
constexpr std::size_t kColumns = 120;

bool is_scalar(const Value& value) {
  return !(value.is_list() && !value.list().empty()) && !(value.is_map() && !value.map().empty());
}

// Booleans of YAML 1.1 that 1.2 takes for text.
bool means_boolean(std::string text) {
  constexpr std::array<std::string_view, 6> kWords = {"y", "n", "yes", "no", "on", "off"};
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::find(kWords.begin(), kWords.end(), text) != kWords.end();
}

// A literal block holds printable text whose first line is not indented and that ends with one newline.
bool is_block(const std::string& text) {
  if (text.size() < 2 || text.back() != '\n' || text[text.size() - 2] == '\n') return false;
  if (text.front() == ' ' || text.front() == '\n' || text.front() == '\t') return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c == '\n' || (c >= 0x20 && c < 0x7F); });
}

std::string scalar_text(const Value& value) {
  if (value.is_string() && means_boolean(value.string())) return config::to_json(value);
  std::string text = config::to_yaml(value);
  text.pop_back();
  return text;
}

void write_value(std::string& out, const Value& value, std::size_t indent);

// What follows "key:" or "-", whose own line starts at `indent`.
void write_after(std::string& out, const Value& value, std::size_t indent) {
  if (value.is_string() && is_block(value.string())) {
    out += " |\n";
    for (std::string_view line : split(value.string().substr(0, value.string().size() - 1), '\n')) {
      if (!line.empty()) out.append(indent + 2, ' ').append(line);
      out += '\n';
    }
  } else if (is_scalar(value)) {
    out += cat(" ", scalar_text(value), "\n");
  } else {
    out += '\n';
    write_value(out, value, value.is_list() ? indent : indent + 2);
  }
}

void write_value(std::string& out, const Value& value, std::size_t indent) {
  if (value.is_map()) {
    for (const config::Entry& entry : value.map()) {
      out.append(indent, ' ').append(scalar_text(Value(entry.key))).append(":");
      write_after(out, entry.value, indent);
    }
    return;
  }
  for (const Value& item : value.list()) {
    if (is_scalar(item)) {
      out.append(indent, ' ').append("-");
      write_after(out, item, indent);
      continue;
    }
    // The first line of a map or list inside a list stands behind the dash.
    std::string inner;
    write_value(inner, item, indent + 2);
    inner[indent] = '-';
    out += inner;
  }
}

std::string comment(std::string_view text) {
  std::string out, line(1, '#');
  for (const std::string& word : split(text, ' ')) {
    if (line.size() + 1 + word.size() > kColumns) {
      out += line + "\n";
      line.assign(1, '#');
    }
    line += " " + word;
  }
  return out + line + "\n";
}

struct File {
  std::string path;
  std::string bytes;
};

// Whether a deployment wrote it. A file that cannot be read is somebody else's.
bool is_ours(const std::string& path) {
  const Result<io::FileStat> stat = io::file_stat(path);
  if (!stat.ok() || stat->folder) return false;
  const Result<std::string> bytes = io::read_file(path, std::uint64_t{4} << 20);
  return bytes.ok() && bytes->starts_with(kMark);
}

// What an earlier deployment left and this one does not write: `kubectl apply -f` would apply it too.
std::vector<std::string> left_over(const std::string& folder, const std::vector<File>& files) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string path = entry.path().string();
    if (entry.path().extension() != ".yaml") continue;
    const bool written = std::any_of(files.begin(), files.end(), [&](const File& file) { return file.path == path; });
    if (!written && is_ours(path)) out.push_back(path);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

std::string manifest_text(const Manifest& manifest, std::string_view version) {
  std::string out = cat(kMark, " ", version, ". The next deployment into this folder writes it anew.\n", comment(manifest.purpose));
  write_value(out, manifest.object, 0);
  return out;
}

std::string explain_text(const Deployment& deployment) {
  std::string out;
  for (const Manifest& manifest : deployment.manifests) {
    out += cat(manifest.file, "  ", manifest.kind(), " ", manifest.name(), "\n  ", manifest.purpose, "\n");
    for (const Origin& origin : manifest.origins) out += cat("  - ", origin.what, ": ", origin.value, "  <- ", origin.from, "\n");
  }
  out += cat(kContainerfile, "\n  Builds the image from a checkout: podman build -f ", kContainerfile, " CHECKOUT\n");
  if (!deployment.claim_files.empty()) out += "files that must be in the data folder\n";
  for (const std::string& file : deployment.claim_files) out += cat("  - ", file, "\n");
  return out;
}

Result<std::vector<std::string>> write_deployment(const Deployment& deployment, const std::string& folder, bool force) {
  const std::string base = folder.ends_with('/') ? folder : folder + "/";
  std::vector<File> files;
  for (const Manifest& manifest : deployment.manifests)
    files.push_back({base + manifest.file, manifest_text(manifest, deployment.version)});
  files.push_back({base + std::string(kContainerfile), cat(kMark, " ", deployment.version, ".\n", deployment.containerfile)});
  HEADRACE_TRY(io::make_folders(folder));
  for (const File& file : files) {
    if (!force && io::exists(file.path) && !is_ours(file.path)) {
      return Error(Code::kUsage, cat("'", file.path, "' is in the way, and no deployment wrote it"),
                   "take another folder, or --force to replace it");
    }
  }
  std::vector<std::string> written;
  for (const File& file : files) {
    HEADRACE_TRY(io::write_file_atomic(file.path, file.bytes));
    written.push_back(file.path);
  }
  for (const std::string& path : left_over(folder, files)) {
    std::error_code error;
    fs::remove(path, error);
    if (error)
      return Error(Code::kIo, cat("'", path, "' of an earlier deployment cannot be removed: ", error.message()), "remove it by hand");
  }
  return written;
}

}  // namespace headrace::cluster
