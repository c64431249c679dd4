// SPDX-License-Identifier: Apache-2.0
#include "headrace/io/file.h"

#include <gtest/gtest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "headrace/base/text.h"

namespace headrace::io {
namespace {

class FileTest : public ::testing::Test {
 protected:
  std::string make(std::string_view name, std::string_view bytes) {
    std::ofstream(folder_.file(name), std::ios::binary) << bytes;
    return folder_.file(name);
  }
  int entries() const { return static_cast<int>(std::distance(std::filesystem::directory_iterator(folder_.path()), {})); }

  TemporaryFolder folder_ = TemporaryFolder::create("headrace_file_test").value();
};

TEST_F(FileTest, ReadsWholeFilesWithinTheBound) {
  const std::string bytes = std::string(100'000, 'x') + '\0' + "end";
  const std::string path = make("a", bytes);
  EXPECT_EQ(read_file(path).value(), bytes);
  EXPECT_EQ(read_file(path, bytes.size()).value(), bytes);
  EXPECT_EQ(read_file(path, bytes.size() - 1).error().code, Code::kTooLarge);
  EXPECT_EQ(read_file(make("empty", "")).value(), "");
  EXPECT_EQ(read_file(folder_.file("none")).error().code, Code::kNotFound);
  EXPECT_EQ(read_file(folder_.path()).error().code, Code::kIo);
  EXPECT_NE(read_file("/proc/self/status").value().find("Pid:"), std::string::npos);   // says it has no bytes
}

TEST_F(FileTest, StatTellsSizeTimeAndKind) {
  const std::string path = make("a", "12345");
  const FileStat stat = file_stat(path).value();
  EXPECT_EQ(stat.size, 5u);
  EXPECT_FALSE(stat.folder);
  const timespec times[2] = {{1'700'000'000, 123'456'789}, {1'700'000'000, 123'456'789}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  EXPECT_EQ(file_stat(path).value().changed_ns, 1'700'000'000'123'456'789);
  EXPECT_TRUE(file_stat(folder_.path()).value().folder);
  EXPECT_EQ(file_stat(folder_.file("none")).error().code, Code::kNotFound);
  EXPECT_TRUE(exists(path));
  EXPECT_FALSE(exists(folder_.file("none")));
}

TEST_F(FileTest, DigestStreamsLargeFiles) {
  const std::string bytes(3'000'001, 'q');
  EXPECT_EQ(file_digest(make("a", bytes)).value(), sha256(bytes));
  EXPECT_EQ(file_digest(make("b", "")).value(), sha256(""));
  EXPECT_EQ(file_digest(folder_.file("none")).error().code, Code::kNotFound);
}

TEST_F(FileTest, MakeFoldersIsFineTwiceAndRefusesAFile) {
  const std::string deep = folder_.file("a/b/c");
  EXPECT_TRUE(make_folders(deep).ok());
  EXPECT_TRUE(make_folders(deep).ok());
  EXPECT_TRUE(file_stat(deep).value().folder);
  EXPECT_FALSE(make_folders(make("file", "")).ok());
  EXPECT_FALSE(make_folders(folder_.file("file/below")).ok());
}

TEST_F(FileTest, AtomicWriteReplacesAndLeavesNothingAside) {
  const std::string path = folder_.file("out");
  ASSERT_TRUE(write_file_atomic(path, "one").ok());
  ASSERT_TRUE(write_file_atomic(path, "two").ok());
  EXPECT_EQ(read_file(path).value(), "two");
  EXPECT_EQ(entries(), 1);
  EXPECT_EQ(write_file_atomic(folder_.file("none/out"), "x").error().code, Code::kNotFound);
  EXPECT_FALSE(write_file_atomic(folder_.path(), "x").ok());
  EXPECT_TRUE(write_file_atomic(folder_.file(std::string(250, 'n')), "long name").ok());
}

TEST_F(FileTest, AtomicWriteKeepsPermissions) {
  const std::string path = make("out", "old");
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  ASSERT_TRUE(write_file_atomic(path, "new").ok());
  struct stat facts {};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0640u);
}

TEST_F(FileTest, UncommittedContentLeavesNoTrace) {
  const std::string path = make("out", "old");
  {
    AtomicFile file = AtomicFile::create(path).value();
    ASSERT_TRUE(file.write("half").ok());
    EXPECT_EQ(entries(), 2);
    AtomicFile moved = std::move(file);
    EXPECT_EQ(read_file(path).value(), "old");
  }
  EXPECT_EQ(read_file(path).value(), "old");
  EXPECT_EQ(entries(), 1);
  AtomicFile file = AtomicFile::create(path).value();
  ASSERT_TRUE(file.write("new ").ok());
  ASSERT_TRUE(file.write("bytes").ok());
  ASSERT_TRUE(file.commit().ok());
  EXPECT_EQ(read_file(path).value(), "new bytes");
}

// The child may write 8 KiB and no more: the kernel refuses the rest as it would on a full disk.
TEST_F(FileTest, AFullDiskLeavesTheOldContentAndNothingAside) {
  const std::string path = make("out", "old");
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{8'192, 8'192};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(10);
    const Status written = write_file_atomic(path, std::string(100'000, 'n'));
    if (written.ok()) ::_exit(11);
    ::_exit(written.error().code == Code::kIo && !written.error().advice.empty() ? 0 : 12);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(read_file(path).value(), "old");
  EXPECT_EQ(entries(), 1);
}

TEST_F(FileTest, AsidesOfLivingWritersAreKept) {
  AtomicFile file = AtomicFile::create(folder_.file("out")).value();
  make(".user.aside", "not ours");
  make(".out.x7.0.aside", "not ours");
  EXPECT_EQ(remove_asides(folder_.path()).value(), 0);
  EXPECT_EQ(entries(), 3);
}

TEST_F(FileTest, MapsWholeFilesAndParts) {
  std::string bytes(20'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
  const std::string path = make("a", bytes);
  MappedFile whole = MappedFile::open(path).value();
  EXPECT_EQ(whole.bytes(), bytes);
  const char* address = whole.bytes().data();
  MappedFile moved = std::move(whole);
  EXPECT_EQ(moved.bytes().data(), address);
  EXPECT_EQ(MappedFile::open(path, 5'000, 10'000).value().bytes(), bytes.substr(5'000, 10'000));
  EXPECT_EQ(MappedFile::open(path, 20'000, 0).value().bytes(), "");
  EXPECT_EQ(MappedFile::open(path, 20'000, 1).error().code, Code::kTooLarge);
  EXPECT_EQ(MappedFile::open(path, 1, ~std::uint64_t{0}).error().code, Code::kTooLarge);
  EXPECT_EQ(MappedFile::open(make("empty", "")).value().bytes(), "");
  EXPECT_EQ(MappedFile::open(folder_.file("none")).error().code, Code::kNotFound);
  moved = MappedFile::open(make("b", "bb")).value();
  EXPECT_EQ(moved.bytes(), "bb");
}

TEST_F(FileTest, TemporaryFoldersGoWithTheirContent) {
  std::string path;
  {
    TemporaryFolder folder = TemporaryFolder::create().value();
    path = folder.path();
    ASSERT_TRUE(make_folders(folder.file("deep/er")).ok());
    TemporaryFolder moved = std::move(folder);
    EXPECT_TRUE(exists(path));
    struct stat facts {};
    ASSERT_EQ(::stat(path.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0077, 0u);
  }
  EXPECT_FALSE(exists(path));
}

TEST_F(FileTest, LocksExcludeAndNameTheHolder) {
  const std::string path = folder_.file("lock");
  FileLock first = FileLock::acquire(path).value();
  EXPECT_TRUE(first.held());
  const Result<FileLock> second = FileLock::acquire(path);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Code::kBusy);
  EXPECT_NE(second.error().message.find(cat("process ", ::getpid())), std::string::npos) << second.error().message;
  first.release();
  EXPECT_FALSE(first.held());
  EXPECT_TRUE(FileLock::acquire(path).ok());
}

TEST_F(FileTest, LocksAreWaitedFor) {
  const std::string path = folder_.file("lock");
  FileLock first = FileLock::acquire(path).value();
  EXPECT_EQ(FileLock::acquire(path, std::chrono::milliseconds(30)).error().code, Code::kBusy);
  std::jthread releaser([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    first.release();
  });
  EXPECT_TRUE(FileLock::acquire(path, std::chrono::seconds(60)).ok());
}

TEST_F(FileTest, ALockGoesWithAKilledProcess) {
  const std::string path = folder_.file("lock");
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const Result<FileLock> lock = FileLock::acquire(path);
    if (!lock.ok() || ::write(ready[1], "x", 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const Result<FileLock> busy = FileLock::acquire(path);
  ASSERT_FALSE(busy.ok());
  EXPECT_NE(busy.error().message.find(cat("process ", child)), std::string::npos);
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(FileLock::acquire(path).ok());
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace headrace::io
