// Replacing a file as a whole, by the rules that survive errors, kills and power cuts.

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <thread>
#include <vector>

#include "bytes/posix.h"
#include "bytes/source.h"

namespace flambeau::bytes {
namespace {

constexpr std::size_t buffer_size = 1 << 20;  // small pieces are collected; larger ones go straight to the file
constexpr std::size_t writeback_size = 32 << 20;

// The path that a chain of symbolic links ends at, whether a file is there or not.
std::string follow_links(const std::string& path) {
  std::string current = path;
  for (int hops = 0; hops < 40; ++hops) {
    struct stat status {};
    if (::lstat(current.c_str(), &status) != 0 || !S_ISLNK(status.st_mode)) return current;
    std::vector<char> text(64 * 1024);  // PATH_MAX is less
    const ssize_t length = ::readlink(current.c_str(), text.data(), text.size());
    if (length < 0) throw_errno(errno, "follow the link", path);
    const std::string_view target(text.data(), static_cast<std::size_t>(length));
    const auto slash = current.rfind('/');
    current = target.starts_with('/') || slash == current.npos ? std::string(target)
                                                               : current.substr(0, slash + 1).append(target);
  }
  throw_errno(ELOOP, "follow the link", path);
}

Descriptor open_folder(const std::string& folder, const std::string& path) {
  const char* name = folder.empty() ? "." : folder.c_str();
  Descriptor result(::open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // A folder that may be written but not listed: good for everything but its fsync.
  if (!result && errno == EACCES) result = Descriptor(::open(name, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (result) return result;
  if (errno == ENOENT || errno == ENOTDIR)
    throw Error(ErrorCode::not_found, "Parent directory " + folder + " does not exist.", {.file = path});
  throw_errno(errno, "open the folder", path);
}

// Gives the last handle to a replaced file back beside the caller: to free its pages takes a quarter of the time that
// it took to write them.
void close_beside(Descriptor file) {
  try {
    std::thread([held = std::move(file)]() mutable { held.close(); }).detach();  // the process's end closes it, too
  } catch (const std::exception&) {  // no thread to be had, or no memory for one: closed as it went out of scope
  }
}

std::string random_name() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) number = 0;
  std::string name = ".flambeau-";
  for (int i = 0; i < 16; ++i, number >>= 4) name += "0123456789abcdef"[number & 15];
  return name + ".tmp";
}

}  // namespace

struct AtomicFile::Impl {
  std::string path;  // as the caller gave it, for error texts
  bool durable;
  Descriptor folder{}, file{};
  std::string base{}, temporary{};  // names inside `folder`; `temporary` is empty once renamed
  struct stat old {};
  bool has_old = false;
  bool failed = false;  // after any failure the content is unknown: nothing but removal is left
  std::vector<std::byte> buffer{};
  std::uint64_t written = 0, submitted = 0;

  Impl(const std::string& target, bool sync) : path(target), durable(sync) {
    const std::string resolved = follow_links(path);
    const auto slash = resolved.rfind('/');
    base = slash == resolved.npos ? resolved : resolved.substr(slash + 1);
    if (base.empty() || base == "." || base == "..")
      throw Error(ErrorCode::io, "names no file that could be written", {.file = path});
    folder = open_folder(slash == 0 ? "/" : resolved.substr(0, slash == resolved.npos ? 0 : slash), path);
    look_at_old();
    create();
    buffer.reserve(buffer_size);
  }
  ~Impl() {
    file.close();
    if (!temporary.empty()) ::unlinkat(folder.get(), temporary.c_str(), 0);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[noreturn]] void fail(std::string_view step, int number) {
    failed = true;
    throw_errno(number, step, path);
  }

  void look_at_old() {
    if (::fstatat(folder.get(), base.c_str(), &old, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return;
      fail("look at the old file", errno);
    }
    if (S_ISDIR(old.st_mode)) fail("write", EISDIR);
    if (!S_ISREG(old.st_mode)) throw Error(ErrorCode::io, "cannot replace: is no regular file", {.file = path});
    // rename(2) would replace a file that its owner has protected.
    if (::faccessat(folder.get(), base.c_str(), W_OK, AT_EACCESS) != 0) fail("write", errno);
    has_old = true;
  }

  void create() {
    // Nobody may read more of the new file than of the old one, not even before its mode is set.
    const mode_t mode = has_old ? 0600 : 0666;
    for (int attempt = 0; attempt < 100; ++attempt) {
      std::string name = random_name();
      file =
          Descriptor(::openat(folder.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
      if (file) {
        temporary = std::move(name);
        return;
      }
      if (errno != EEXIST && errno != EINTR) break;
    }
    fail("create a temporary file beside it", errno);
  }

  void write_out(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(file.get(), bytes.data(), std::min(bytes.size(), writeback_size));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail("write", errno);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      written += static_cast<std::uint64_t>(count);
      if (!durable || written - submitted < writeback_size) continue;
      // Only a hint: the disk starts now, so that fsync finds little left to do. Errors come back from fsync.
      ::sync_file_range(file.get(), static_cast<off_t>(submitted), static_cast<off_t>(written - submitted),
                        SYNC_FILE_RANGE_WRITE);
      submitted = written;
    }
  }

  void flush() {
    write_out(buffer);
    buffer.clear();
  }

  void copy_rights() {
    struct stat fresh {};
    if (::fstat(file.get(), &fresh) != 0) fail("stat the temporary file", errno);
    const bool other_owner = fresh.st_uid != old.st_uid || fresh.st_gid != old.st_gid;
    // Owner and ACL where permitted; an owner that cannot be kept is no reason to lose the save.
    if (other_owner && ::fchown(file.get(), old.st_uid, old.st_gid) != 0 && errno != EPERM && errno != EINVAL)
      fail("keep the owner", errno);
    if (::fchmod(file.get(), old.st_mode & 0777) != 0) fail("keep the mode", errno);
    constexpr const char* acl = "system.posix_acl_access";
    std::vector<char> value(4096);
    const std::string from = "/proc/self/fd/" + std::to_string(folder.get()) + "/" + base;
    const ssize_t length = ::lgetxattr(from.c_str(), acl, value.data(), value.size());
    if (length > 0) static_cast<void>(::fsetxattr(file.get(), acl, value.data(), static_cast<std::size_t>(length), 0));
  }

  /// A handle that keeps the old file's pages after the rename; none for a small one, or one with other names.
  Descriptor hold_old() const {
    constexpr off_t large = 16 << 20;
    if (!has_old || old.st_size < large || old.st_nlink > 1) return {};
    return Descriptor(::openat(folder.get(), base.c_str(), O_PATH | O_CLOEXEC | O_NOFOLLOW));
  }

  void sync_folder() {
    // EBADF: opened with O_PATH. EINVAL: the file system has no such thing.
    if (::fsync(folder.get()) == 0 || errno == EBADF || errno == EINVAL) return;
    throw_errno(errno, "fsync the folder (the new file is in place, but may be lost in a power cut)", path);
  }
};

AtomicFile::AtomicFile(const std::string& path, bool durable) : impl_(std::make_unique<Impl>(path, durable)) {}

AtomicFile::~AtomicFile() = default;

void AtomicFile::write(std::span<const std::byte> bytes) {
  Impl& impl = *impl_;
  if (impl.failed || impl.temporary.empty())
    throw Error(ErrorCode::internal, "write to a file that has failed or is finished", {.file = impl.path});
  if (impl.buffer.size() + bytes.size() > buffer_size) impl.flush();
  if (bytes.size() >= buffer_size) return impl.write_out(bytes);
  impl.buffer.insert(impl.buffer.end(), bytes.begin(), bytes.end());
}

void AtomicFile::commit() {
  Impl& impl = *impl_;
  if (impl.failed || impl.temporary.empty())
    throw Error(ErrorCode::internal, "commit of a file that has failed or is finished", {.file = impl.path});
  impl.flush();
  if (impl.has_old) impl.copy_rights();
  // A failed fsync has dropped the pages: a second one that succeeds would prove nothing.
  if (impl.durable && ::fsync(impl.file.get()) != 0) impl.fail("fsync", errno);
  if (const int number = impl.file.close()) impl.fail("close", number);
  Descriptor old = impl.hold_old();
  if (::renameat(impl.folder.get(), impl.temporary.c_str(), impl.folder.get(), impl.base.c_str()) != 0)
    impl.fail("rename the temporary file", errno);
  impl.temporary.clear();
  if (old) close_beside(std::move(old));
  if (impl.durable) impl.sync_folder();
}

}  // namespace flambeau::bytes
