#include <flambeau/error.h>
#include <flambeau/hub.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "sha256.h"

namespace flambeau {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A server on a free port of the loopback, and a folder of its own for what is downloaded.
class Fetch : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/flambeau-hub-XXXXXX";
    folder_ = ::mkdtemp(name);
    for (int i = 0; i < 300'000; ++i) body_ += static_cast<char>('a' + i * 7 % 26);
    server_.Get("/file.pth", [this](const httplib::Request& request, httplib::Response& response) {
      ++requests_;
      ranges_ = request.get_header_value("Range");
      // httplib would answer the range whatever the condition says.
      const bool same = request.get_header_value("If-Range") == etag_;
      if (!ranges_.empty() && !same) const_cast<httplib::Request&>(request).ranges.clear();
      response.set_header("ETag", etag_);
      response.set_content(body_, "application/octet-stream");
    });
    server_.Get("/moved.pth", [](const auto&, httplib::Response& response) { response.set_redirect("/file.pth"); });
    server_.Get("/cut.pth", [this](const auto&, httplib::Response& response) {
      response.set_header("ETag", "\"v1\"");
      response.set_content_provider(body_.size(), "application/octet-stream",
                                    [this](std::size_t offset, std::size_t, httplib::DataSink& sink) {
                                      if (offset > 100'000) return false;
                                      return sink.write(body_.data() + offset, 50'000);
                                    });
    });
    server_.Get("/slow.pth", [this](const auto&, httplib::Response& response) {
      response.set_content_provider(body_.size(), "application/octet-stream",
                                    [this](std::size_t offset, std::size_t, httplib::DataSink& sink) {
                                      if (offset > 10) std::this_thread::sleep_for(std::chrono::seconds(3));
                                      return sink.write(body_.data() + offset, 10);
                                    });
    });
    server_.Get("/shrunk.pth", [](const httplib::Request& request, httplib::Response& response) {
      response.status = request.has_header("Range") ? 416 : 503;
      const_cast<httplib::Request&>(request).ranges.clear();
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  void TearDown() override {
    server_.stop();
    thread_.join();
    fs::remove_all(folder_);
  }

  std::string url(const std::string& name) const { return "http://127.0.0.1:" + std::to_string(port_) + "/" + name; }
  std::string target() const { return folder_ / "file.pth"; }
  ErrorCode failure(const std::string& name, std::string_view prefix, const hub::FetchOptions& options = {}) {
    try {
      hub::fetch(url(name), target(), prefix, options);
    } catch (const Error& error) {
      text_ = error.what();
      return error.code();
    }
    return ErrorCode::internal;
  }
  std::size_t files() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {})); }

  httplib::Server server_;
  std::thread thread_;
  fs::path folder_;
  std::string text_, body_, ranges_, etag_ = "\"v1\"";
  int port_ = 0;
  std::atomic<int> requests_ = 0;
};

TEST_F(Fetch, BringsTheFileAndNothingElse) {
  std::uint64_t last = 0;
  hub::FetchOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(total, body_.size());
    last = done;
  };
  hub::fetch(url("file.pth"), target(), test::sha256(body_).substr(0, 8), options);
  EXPECT_EQ(content_of(target()), body_);
  EXPECT_EQ(last, body_.size());
  EXPECT_EQ(files(), 1u);
}

TEST_F(Fetch, FollowsARedirect) {
  hub::fetch(url("moved.pth"), target(), "");
  EXPECT_EQ(content_of(target()), body_);
}

TEST_F(Fetch, RefusesAnotherHashAndLeavesNothing) {
  EXPECT_EQ(failure("file.pth", "00000000"), ErrorCode::checksum);
  EXPECT_EQ(files(), 0u);
}

TEST_F(Fetch, ContinuesWhereACutEnded) {
  EXPECT_EQ(failure("cut.pth", ""), ErrorCode::io);
  EXPECT_FALSE(fs::exists(target()));
  hub::fetch(url("file.pth"), target(), test::sha256(body_));
  EXPECT_TRUE(ranges_.starts_with("bytes=")) << ranges_;
  EXPECT_EQ(content_of(target()), body_);
}

TEST_F(Fetch, BeginsAnewWhenTheFileHasChanged) {
  EXPECT_EQ(failure("cut.pth", ""), ErrorCode::io);
  body_ = std::string(body_.rbegin(), body_.rend());
  etag_ = "\"v2\"";
  hub::fetch(url("file.pth"), target(), test::sha256(body_));
  EXPECT_EQ(content_of(target()), body_);
  EXPECT_EQ(files(), 1u);
}

TEST_F(Fetch, ReportsWhatItsLastRequestWasAnswered) {
  EXPECT_EQ(failure("cut.pth", ""), ErrorCode::io);
  EXPECT_EQ(failure("shrunk.pth", ""), ErrorCode::io);
  EXPECT_NE(text_.find("status 503"), std::string::npos) << text_;
}

TEST_F(Fetch, ClosesWhatItCannotUse) {
  ASSERT_EQ(::mkfifo((target() + ".partial").c_str(), 0600), 0);
  const auto handles = [] { return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()); };
  const auto before = handles();
  EXPECT_EQ(failure("file.pth", ""), ErrorCode::io);
  EXPECT_NE(text_.find("cannot truncate"), std::string::npos) << text_;
  EXPECT_EQ(handles(), before);
}

TEST_F(Fetch, ASettingThatLibcurlRefusesIsAnError) {  // as a library before 7.85 does those of the protocols
  EXPECT_EQ(failure("file.pth", "", {.least_bytes_per_second = ~0ull}), ErrorCode::unsupported);
  EXPECT_EQ(requests_, 0);
}

TEST_F(Fetch, TwoAtOnceWaitForEachOther) {
  std::thread other([&] { hub::fetch(url("file.pth"), target(), test::sha256(body_)); });
  hub::fetch(url("file.pth"), target(), test::sha256(body_));
  other.join();
  EXPECT_EQ(content_of(target()), body_);
  EXPECT_EQ(files(), 1u);
}

TEST_F(Fetch, GivesUpOnAStall) {
  hub::FetchOptions options;
  options.least_bytes_per_second = 1000;
  options.stall_seconds = 1;
  EXPECT_EQ(failure("slow.pth", "", options), ErrorCode::io);
}

TEST_F(Fetch, NamesAMissingFileAndAClosedPort) {
  EXPECT_EQ(failure("absent.pth", ""), ErrorCode::io);
  try {
    hub::fetch("http://127.0.0.1:1/file.pth", target(), "");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("offline?"), std::string::npos) << error.what();
  }
}

TEST_F(Fetch, StopsAtTheLimitAndWhenCancelled) {
  EXPECT_EQ(failure("file.pth", "", {.max_bytes = 1000}), ErrorCode::limit);
  hub::FetchOptions options;
  options.progress = [](auto, auto) { throw Error(ErrorCode::cancelled, "enough"); };
  EXPECT_EQ(failure("file.pth", "", options), ErrorCode::cancelled);
  EXPECT_FALSE(fs::exists(target()));
}

TEST_F(Fetch, CacheIsTorchs) {
  ::setenv("TORCH_HOME", folder_.c_str(), 1);
  EXPECT_EQ(hub::checkpoints_dir(), (folder_ / "hub/checkpoints").string());
  EXPECT_EQ(hub::cached("file.pth"), std::nullopt);
  const auto path = hub::cached_or_fetch(url("file.pth"), "file.pth", test::sha256(body_).substr(0, 8));
  EXPECT_EQ(path, (folder_ / "hub/checkpoints/file.pth").string());
  EXPECT_EQ(hub::cached("file.pth"), path);
  hub::cached_or_fetch(url("file.pth"), "file.pth", "ffffffff");
  EXPECT_EQ(requests_, 1) << "a cache hit asks nobody, as in torch";
  ::unsetenv("TORCH_HOME");
  ::setenv("XDG_CACHE_HOME", "/somewhere", 1);
  EXPECT_EQ(hub::checkpoints_dir(), "/somewhere/torch/hub/checkpoints");
  ::unsetenv("XDG_CACHE_HOME");
}

}  // namespace
}  // namespace flambeau
