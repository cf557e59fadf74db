// SPDX-License-Identifier: Apache-2.0
#include "tests/cluster/posix/harness.h"

#include <dirent.h>
#include <grp.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>

namespace metaring::posix {

std::string ErrorSymbol(int error) {
  if (error == 0) return "success";
  const char* symbol = strerrorname_np(error);
  return symbol != nullptr ? symbol : std::to_string(error);
}

int InChild(const std::function<int()>& body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body());
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return 255;
  return WEXITSTATUS(status);
}

int As(const User& user, const std::function<long()>& call) {
  const int error = InChild([&]() -> int {
    if (setgroups(user.groups.size(), user.groups.data()) != 0) return 254;
    if (setresgid(user.gid, user.gid, user.gid) != 0) return 254;
    if (setresuid(user.uid, user.uid, user.uid) != 0) return 254;
    return call() == -1 ? errno : 0;
  });
  errno = error;
  return error == 0 ? 0 : -1;
}

namespace {

timespec CoarseNow() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now;
}

}  // namespace

void Tick() {
  constexpr int kPollsMax = 100'000'000;
  const timespec start = CoarseNow();
  for (int i = 0; i < kPollsMax && !(start < CoarseNow()); ++i) {
  }
}

bool operator==(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}
bool operator<(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

Watch::Watch(std::string path) : path_(std::move(path)), before_(Lstat(path_)) {
  Tick();
}

void Watch::Expect(unsigned marked, const char* what) const {
  ExpectAt(path_, marked, what);
}

void Watch::ExpectAt(const std::string& path, unsigned marked, const char* what) const {
  const struct stat now = Lstat(path);
  auto check = [&](const char* name, const timespec& before, const timespec& after, bool moves) {
    if (moves) {
      EXPECT_TRUE(before < after) << name << " of " << path << " has not moved: " << what;
    } else {
      EXPECT_TRUE(before == after) << name << " of " << path << " has moved: " << what;
    }
  };
  check("atime", before_.st_atim, now.st_atim, marked & kAtime);
  check("mtime", before_.st_mtim, now.st_mtim, marked & kMtime);
  check("ctime", before_.st_ctim, now.st_ctim, marked & kCtime);
}

int Fd::Close() {
  if (fd_ < 0) return 0;
  const int fd = fd_;
  fd_ = -1;
  return close(fd);
}

bool HasFeature(std::string_view feature) {
  const char* variable = getenv("METARING_POSIX_FEATURES");
  if (variable == nullptr) return false;
  std::string_view rest = variable;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    if (rest.substr(0, comma) == feature) return true;
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return false;
}

struct stat Lstat(const std::string& path) {
  struct stat st = {};
  WORKS(lstat(path.c_str(), &st)) << path;
  return st;
}

struct stat Fstat(int fd) {
  struct stat st = {};
  WORKS(fstat(fd, &st));
  return st;
}

mode_t ModeOf(const std::string& path) {
  return Lstat(path).st_mode & 07777;
}

bool Exists(const std::string& path) {
  struct stat st;
  return lstat(path.c_str(), &st) == 0;
}

void Put(const std::string& path, std::string_view content, mode_t mode) {
  Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  WORKS(static_cast<int>(fd)) << path;
  EXPECT_EQ(write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
  WORKS(fchmod(fd, mode));
  WORKS(fd.Close());
}

std::string GetAt(int fd, off_t offset, size_t length) {
  std::string out(length, '?');
  size_t filled = 0;
  while (filled < length) {
    const ssize_t n = pread(fd, out.data() + filled, length - filled, offset + filled);
    WORKS(n);
    if (n <= 0) break;
    filled += n;
  }
  out.resize(filled);
  return out;
}

std::string Get(const std::string& path) {
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  WORKS(static_cast<int>(fd)) << path;
  return GetAt(fd, 0, Fstat(fd).st_size);
}

std::vector<std::string> List(const std::string& path) {
  std::vector<std::string> names;
  DIR* stream = opendir(path.c_str());
  EXPECT_NE(stream, nullptr) << path;
  if (stream == nullptr) return names;
  while (const dirent* entry = readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

const char* NameOf(Kind kind) {
  switch (kind) {
    case Kind::kFile:
      return "file";
    case Kind::kDirectory:
      return "directory";
    case Kind::kFifo:
      return "fifo";
    case Kind::kSocket:
      return "socket";
    case Kind::kCharacter:
      return "character device";
    case Kind::kBlock:
      return "block device";
    case Kind::kSymlink:
      return "symlink";
  }
  return "";
}

mode_t TypeOf(Kind kind) {
  constexpr mode_t kTypes[] = {S_IFREG, S_IFDIR, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK, S_IFLNK};
  return kTypes[static_cast<int>(kind)];
}

void MakeKind(Kind kind, const std::string& path, mode_t mode) {
  switch (kind) {
    case Kind::kDirectory:
      WORKS(mkdir(path.c_str(), mode)) << path;
      return;
    case Kind::kSymlink:
      WORKS(symlink("nowhere", path.c_str())) << path;
      return;
    case Kind::kCharacter:
    case Kind::kBlock:
      WORKS(mknod(path.c_str(), TypeOf(kind) | mode, makedev(1, 7))) << path;
      return;
    default:
      WORKS(mknod(path.c_str(), TypeOf(kind) | mode, 0)) << path;
  }
}

void Posix::SetUp() {
  const char* root = getenv("METARING_POSIX_DIR");
  ASSERT_NE(root, nullptr) << "METARING_POSIX_DIR must name the directory to test";
  directory_ = std::string(root) + "/posix-XXXXXX";
  ASSERT_NE(mkdtemp(directory_.data()), nullptr) << directory_ << ": " << strerror(errno);
  MUST_WORK(chdir(directory_.c_str()));
  MUST_WORK(chmod(".", 0777));
  umask(0);
}

void Posix::TearDown() {
  if (directory_.empty()) return;
  WORKS(chdir("/"));
  std::error_code error;
  std::filesystem::remove_all(directory_, error);
  EXPECT_FALSE(error) << directory_ << ": " << error.message();
  umask(022);
}

}  // namespace metaring::posix
