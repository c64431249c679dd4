// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests: a folder that removes itself, files in it, and Python as the independent writer of fixtures.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace headrace::data::test {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "headrace-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path(std::string_view name) const { return path_ + "/" + std::string(name); }
  std::string write(std::string_view name, std::string_view bytes) const {
    std::ofstream(path(name), std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path(name);
  }
  std::string read(std::string_view name) const {
    std::ifstream file(path(name), std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator()));
  }

 private:
  std::string path_;
};

inline std::string python() { return std::string(HEADRACE_SOURCE_DIR) + "/.venv/bin/python"; }

/// Runs a script with the folder as its working folder. False when there is no Python with pyarrow and numpy.
inline bool run_python(const Folder& folder, std::string_view script) {
  if (!std::filesystem::exists(python())) return false;
  const std::string file = folder.write("script.py", script);
  const std::string command = "cd '" + folder.path("") + "' && '" + python() + "' script.py > script.log 2>&1";
  const int code = std::system(command.c_str());
  EXPECT_EQ(code, 0) << folder.read("script.log");
  return true;
}

/// A file of ../shared/data, or "" where it is not there.
inline std::string shared_file(std::string_view name) {
  const auto path = std::filesystem::path(HEADRACE_SOURCE_DIR) / ".." / "shared" / "data" / name;
  return std::filesystem::exists(path) ? path.string() : std::string();
}

/// Says loudly that a test could not run, and lets ctest count it as skipped.
#define HEADRACE_SKIP_WITHOUT(condition, what)                      \
  do {                                                              \
    if (!(condition)) {                                             \
      std::printf("SKIPPED: %s is not there\n", std::string(what).c_str()); \
      GTEST_SKIP() << (what) << " is not there";                    \
    }                                                               \
  } while (false)

}  // namespace headrace::data::test
