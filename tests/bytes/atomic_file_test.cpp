// Replacing a file: the new one as a whole or the old one untouched, and no litter.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include <flambeau/error.h>

#include "bytes/scratch.h"
#include "bytes/source.h"

namespace flambeau::bytes {
namespace {

namespace fs = std::filesystem;

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777;
}

class AtomicFiles : public testing::Test {
 protected:
  void save(const std::string& name, const std::string& content) {
    AtomicFile file(scratch_.path(name));
    file.write(content);
    file.commit();
  }
  Scratch scratch_{};
};

TEST_F(AtomicFiles, MakeANewFile) {
  const mode_t mask = ::umask(027);
  save("a.pth", "abc");
  ::umask(mask);
  EXPECT_EQ(scratch_.content("a.pth"), "abc");
  EXPECT_EQ(mode_of(scratch_.path("a.pth")), 0640u);
  EXPECT_EQ(scratch_.count(), 1u);
}

TEST_F(AtomicFiles, ReplaceAnOldOneAndKeepItsMode) {
  const std::string path = scratch_.file("a.pth", "the old content");
  for (const mode_t mode : {0600u, 0644u, 0664u, 0777u}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    save("a.pth", "new");
    EXPECT_EQ(scratch_.content("a.pth"), "new");
    EXPECT_EQ(mode_of(path), mode);
  }
  EXPECT_EQ(scratch_.count(), 1u);
}

TEST_F(AtomicFiles, ShowNothingBeforeCommit) {
  scratch_.file("a.pth", "old");
  {
    AtomicFile file(scratch_.path("a.pth"));
    file.write(std::string(3 << 20, 'x'));
    EXPECT_EQ(scratch_.content("a.pth"), "old");
    EXPECT_EQ(scratch_.count(), 2u);
  }
  EXPECT_EQ(scratch_.content("a.pth"), "old");
  EXPECT_EQ(scratch_.count(), 1u);
}

TEST_F(AtomicFiles, TakePiecesOfAnySize) {
  std::string all;
  {
    AtomicFile file(scratch_.path("a.pth"));
    for (const std::size_t size :
         {1u, 0u, 1000u, (1u << 20) - 1, 1u << 20, 3u, (5u << 20) + 7, 12u, 600000u, 600000u}) {
      std::string piece(size, '\0');
      for (std::size_t i = 0; i < size; ++i) piece[i] = static_cast<char>((all.size() + i) * 2654435761u >> 13);
      file.write(piece);
      all += piece;
    }
    file.commit();
  }
  EXPECT_TRUE(scratch_.content("a.pth") == all);
}

TEST_F(AtomicFiles, NeedTheirFolder) {
  EXPECT_ERROR(AtomicFile(scratch_.path("none/a.pth")), ErrorCode::not_found,
               "Parent directory " + scratch_.path("none") + " does not exist.");
  scratch_.file("plain", "");
  EXPECT_ERROR(AtomicFile(scratch_.path("plain/a.pth")), ErrorCode::not_found, "does not exist.");
}

TEST_F(AtomicFiles, RefuseWhatIsNoRegularFile) {
  fs::create_directory(scratch_.path("folder"));
  EXPECT_ERROR(AtomicFile(scratch_.path("folder")), ErrorCode::io, "folder: cannot write: is a directory");
  EXPECT_ERROR(AtomicFile(scratch_.path("folder/")), ErrorCode::io, "names no file");
  ASSERT_EQ(::mkfifo(scratch_.path("fifo").c_str(), 0600), 0);
  EXPECT_ERROR(AtomicFile(scratch_.path("fifo")), ErrorCode::io, "is no regular file");
  EXPECT_ERROR(AtomicFile(""), ErrorCode::io, "names no file");
  EXPECT_EQ(scratch_.count(), 2u);
}

TEST_F(AtomicFiles, ReplaceWhatALinkPointsTo) {
  fs::create_directory(scratch_.path("deep"));
  scratch_.file("deep/real.pth", "old");
  fs::create_symlink("deep/second", scratch_.path("first"));  // relative, over two hops
  fs::create_symlink("real.pth", scratch_.path("deep/second"));
  save("first", "new");
  EXPECT_TRUE(fs::is_symlink(scratch_.path("first")));
  EXPECT_TRUE(fs::is_symlink(scratch_.path("deep/second")));
  EXPECT_FALSE(fs::is_symlink(scratch_.path("deep/real.pth")));
  EXPECT_EQ(scratch_.content("deep/real.pth"), "new");
}

TEST_F(AtomicFiles, FillADanglingLinkAndRefuseALoop) {
  fs::create_symlink(scratch_.path("later.pth"), scratch_.path("link"));
  save("link", "new");
  EXPECT_EQ(scratch_.content("later.pth"), "new");
  EXPECT_TRUE(fs::is_symlink(scratch_.path("link")));
  fs::create_symlink("loop", scratch_.path("loop"));
  EXPECT_ERROR(AtomicFile(scratch_.path("loop")), ErrorCode::io, "too many levels of symbolic links");
}

TEST_F(AtomicFiles, LeaveHardLinksWithTheOldContent) {
  const std::string path = scratch_.file("a.pth", "old");
  fs::create_hard_link(path, scratch_.path("b.pth"));
  save("a.pth", "new");
  EXPECT_EQ(scratch_.content("b.pth"), "old");
}

// A large old file is given back beside the caller: soon, and with its handle.
TEST_F(AtomicFiles, GiveALargeOldFileBack) {
  const auto handles = [] { return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()); };
  save("a.pth", std::string(17 << 20, 'x'));
  const auto before = handles();
  save("a.pth", "new");
  EXPECT_EQ(scratch_.content("a.pth"), "new");
  EXPECT_EQ(scratch_.count(), 1u);
  for (int i = 0; i < 500 && handles() > before; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(handles(), before);
}

// A file size limit stands in for a full disk: write(2) comes up short, then fails.
TEST_F(AtomicFiles, KeepTheOldFileWhenWritingFails) {
  scratch_.file("a.pth", "old");
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit small{(1 << 20) + 12345, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  {
    AtomicFile file(scratch_.path("a.pth"));
    EXPECT_ERROR(file.write(std::string(4 << 20, 'x')), ErrorCode::io, "a.pth: cannot write: file too large");
    EXPECT_ERROR(file.write("y"), ErrorCode::internal, "has failed");
    EXPECT_ERROR(file.commit(), ErrorCode::internal, "has failed");
    AtomicFile buffered(scratch_.path("a.pth"));
    for (int i = 0; i < 2; ++i) buffered.write(std::string(600000, 'x'));
    EXPECT_ERROR(buffered.commit(), ErrorCode::io, "file too large");
  }
  ::setrlimit(RLIMIT_FSIZE, &limit);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(scratch_.content("a.pth"), "old");
  EXPECT_EQ(scratch_.count(), 1u);
}

TEST_F(AtomicFiles, EndWithCommit) {
  AtomicFile file(scratch_.path("a.pth"), false);
  file.write("abc");
  file.commit();
  EXPECT_ERROR(file.write("d"), ErrorCode::internal, "finished");
  EXPECT_ERROR(file.commit(), ErrorCode::internal, "finished");
  EXPECT_EQ(scratch_.content("a.pth"), "abc");
}

TEST_F(AtomicFiles, MayBeEmpty) {
  scratch_.file("a.pth", "old");
  save("a.pth", "");
  EXPECT_TRUE(fs::exists(scratch_.path("a.pth")));
  EXPECT_EQ(scratch_.content("a.pth"), "");
}

// Root may write everywhere, so the child becomes nobody.
TEST_F(AtomicFiles, RespectProtectedFilesAndFolders) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  fs::create_directory(scratch_.path("open"));
  fs::create_directory(scratch_.path("closed"));
  scratch_.file("open/protected.pth", "old");
  for (const char* name : {"", "open"}) ASSERT_EQ(::chmod(scratch_.path(name).c_str(), 0777), 0);
  ASSERT_EQ(::chmod(scratch_.path("closed").c_str(), 0755), 0);
  ASSERT_EQ(::chmod(scratch_.path("open/protected.pth").c_str(), 0644), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(9);
    const auto code_of = [&](const char* name) {
      try {
        AtomicFile(scratch_.path(name)).commit();
        return 0;
      } catch (const Error& error) {
        return error.code() == ErrorCode::io ? 1 : 2;
      }
    };
    const bool right = code_of("open/protected.pth") == 1 && code_of("closed/a.pth") == 1 && code_of("open/a.pth") == 0;
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(scratch_.content("open/protected.pth"), "old");
}

}  // namespace
}  // namespace flambeau::bytes
