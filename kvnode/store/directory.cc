// SPDX-License-Identifier: Apache-2.0
//
// The two files that make a directory ours:
//
//   LOCK    held with flock(2) while the directory is open; holds the decimal process id of its
//   last
//           owner and a newline, for the message alone.
//   FORMAT  text, written once, as FORMAT.new and then renamed:
//             "metaring directory " VERSION "\n" "id " 32 hex digits "\n" "sum " 16 hex digits "\n"
//           sum is the xxh3 of all bytes before its line. An example:
//             metaring directory 1
//             id 6f1c0e0d5b9a4c2f8e7d6c5b4a392817
//             sum 53413ce0e8bce3b4
//
// The content is judged before anything is made, so that a directory of somebody else stays as it
// is.
#include "kvnode/store/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

#include "kvnode/base/bytes.h"

namespace metaring::store {
namespace {

constexpr uint32_t kVersion = 1;
constexpr std::string_view kHead = "metaring directory ";
constexpr std::string_view kIdHead = "id ";
constexpr std::string_view kSumHead = "sum ";
constexpr size_t kIdDigits = 32;
constexpr size_t kFormatBytesMax = 4096;
constexpr char kFormatName[] = "FORMAT";
constexpr char kFormatNewName[] = "FORMAT.new";
constexpr char kLockName[] = "LOCK";

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

class LockedDirectory : public Directory {
 public:
  LockedDirectory(std::string path, std::string id, Fd lock)
      : path_(std::move(path)), id_(std::move(id)), lock_(std::move(lock)) {}
  const std::string& path() const override { return path_; }
  const std::string& id() const override { return id_; }

 private:
  const std::string path_;
  const std::string id_;
  const Fd lock_;
};

std::string EncodeFormat(std::string_view id) {
  std::string text = fmt::format("{}{}\n{}{}\n", kHead, kVersion, kIdHead, id);
  return text + fmt::format("{}{:016x}\n", kSumHead, Xxh3(text));
}

// Takes `head`, then everything up to the newline.
std::optional<std::string_view> TakeLine(std::string_view& text, std::string_view head) {
  if (!text.starts_with(head)) return std::nullopt;
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view rest = text.substr(head.size(), end - head.size());
  text.remove_prefix(end + 1);
  return rest;
}

// The id in a FORMAT file.
Result<std::string> DecodeFormat(const std::string& path, std::string_view text) {
  const std::string_view whole = text;
  const auto damaged = [&path] {
    return Fail(ErrorCode::kFormatMismatch, fmt::format("{}/FORMAT is damaged", path));
  };
  const auto version_text = TakeLine(text, kHead);
  if (!version_text) return damaged();
  uint32_t version = 0;
  const char* const version_end = version_text->data() + version_text->size();
  const auto parsed = std::from_chars(version_text->data(), version_end, version);
  if (parsed.ec != std::errc() || parsed.ptr != version_end) return damaged();
  if (version != kVersion) {
    return Fail(ErrorCode::kFormatMismatch,
                fmt::format("{} has directory format version {}, this program knows version {}",
                            path, version, kVersion));
  }
  const auto id = TakeLine(text, kIdHead);
  if (!id || id->size() != kIdDigits || whole != EncodeFormat(*id)) return damaged();
  return std::string(*id);
}

// The text of FORMAT; nothing when there is none.
Result<std::optional<std::string>> ReadFormat(int dir, const std::string& path) {
  const Fd fd(::openat(dir, kFormatName, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.ok()) {
    if (errno == ENOENT) return std::nullopt;
    return Fail(ErrnoError(errno, "open " + path + "/FORMAT"));
  }
  std::string text(kFormatBytesMax, '\0');
  const ssize_t n = ::pread(fd.get(), text.data(), text.size(), 0);
  if (n < 0) return Fail(ErrnoError(errno, "read " + path + "/FORMAT"));
  text.resize(static_cast<size_t>(n));
  return text;
}

// The first name that does not belong into a directory without FORMAT: neither what an interrupted
// OpenDirectory leaves, nor what mkfs makes.
Result<std::optional<std::string>> ForeignName(const std::string& path) {
  DIR* const dir = ::opendir(path.c_str());
  if (dir == nullptr) return Fail(ErrnoError(errno, "list " + path));
  std::optional<std::string> found;
  while (const dirent* entry = ::readdir(dir)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || name == kLockName || name == kFormatNewName ||
        name == "lost+found") {
      continue;
    }
    found = name;
    break;
  }
  ::closedir(dir);
  return found;
}

// True when the directory holds a FORMAT that is good, false when it may be made here.
Result<bool> Judge(int dir, const std::string& path, IfMissing if_missing) {
  ASSIGN_OR_RETURN(const auto text, ReadFormat(dir, path));
  if (text) {
    RETURN_IF_ERROR(DecodeFormat(path, *text));
    return true;
  }
  ASSIGN_OR_RETURN(const auto foreign, ForeignName(path));
  if (foreign) {
    return Fail(ErrorCode::kFormatMismatch,
                fmt::format("{} is not a Metaring directory: it holds {} and no FORMAT", path,
                            Escaped(*foreign)));
  }
  if (if_missing == IfMissing::kFail) {
    return Fail(ErrorCode::kNotFound, fmt::format("{} is empty: nothing was made in it", path));
  }
  return false;
}

Result<Fd> TakeLock(int dir, const std::string& path) {
  Fd fd(::openat(dir, kLockName, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.ok()) return Fail(ErrnoError(errno, "open " + path + "/LOCK"));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return Fail(ErrnoError(errno, "lock " + path + "/LOCK"));
  char text[32];
  const ssize_t n = ::pread(fd.get(), text, sizeof(text), 0);
  long pid = 0;
  if (n > 0) std::from_chars(text, text + n, pid);
  if (pid <= 0) return Fail(ErrorCode::kBusy, fmt::format("{} is in use by another process", path));
  return Fail(ErrorCode::kBusy, fmt::format("{} is in use by process {}", path, pid));
}

Status WriteWhole(int fd, std::string_view text, const std::string& what) {
  if (::ftruncate(fd, 0) != 0) return Fail(ErrnoError(errno, "truncate " + what));
  const ssize_t n = ::pwrite(fd, text.data(), text.size(), 0);
  if (n < 0) return Fail(ErrnoError(errno, "write " + what));
  if (static_cast<size_t>(n) != text.size()) return Fail(ErrnoError(ENOSPC, "write " + what));
  return {};
}

Result<std::string> NewId() {
  unsigned char raw[kIdDigits / 2];
  if (::getrandom(raw, sizeof(raw), 0) != static_cast<ssize_t>(sizeof(raw))) {
    return Fail(ErrnoError(errno, "getrandom"));
  }
  std::string id;
  for (const unsigned char byte : raw) id += fmt::format("{:02x}", byte);
  return id;
}

Status MakeFormat(int dir, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string id, NewId());
  const std::string what = path + "/" + kFormatNewName;
  const Fd fd(::openat(dir, kFormatNewName, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.ok()) return Fail(ErrnoError(errno, "open " + what));
  RETURN_IF_ERROR(WriteWhole(fd.get(), EncodeFormat(id), what));
  if (::fsync(fd.get()) != 0) return Fail(ErrnoError(errno, "fsync " + what));
  if (::renameat(dir, kFormatNewName, dir, kFormatName) != 0) {
    return Fail(ErrnoError(errno, "rename " + what));
  }
  if (::fsync(dir) != 0) return Fail(ErrnoError(errno, "fsync " + path));
  return {};
}

// Makes `path` and syncs the directory that it stands in. True when it was not there.
Result<bool> MakeDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0) {
    if (errno == EEXIST) return false;
    return Fail(ErrnoError(errno, "make directory " + path));
  }
  const Fd parent(::open((path + "/..").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent.ok() || ::fsync(parent.get()) != 0) {
    return Fail(ErrnoError(errno, "fsync the parent of " + path));
  }
  return true;
}

Result<std::unique_ptr<Directory>> OpenExisting(const std::string& path, IfMissing if_missing) {
  const Fd dir(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.ok()) {
    if (errno == ENOTDIR) {
      return Fail(ErrorCode::kNotDirectory, fmt::format("{} is not a directory", path));
    }
    return Fail(ErrnoError(errno, "open directory " + path));
  }
  RETURN_IF_ERROR(Judge(dir.get(), path, if_missing));
  ASSIGN_OR_RETURN(Fd lock, TakeLock(dir.get(), path));
  // Again, under the lock: another process may have made it meanwhile.
  ASSIGN_OR_RETURN(const bool made, Judge(dir.get(), path, if_missing));
  if (!made) RETURN_IF_ERROR(MakeFormat(dir.get(), path));
  ASSIGN_OR_RETURN(const auto text, ReadFormat(dir.get(), path));
  ASSIGN_OR_RETURN(std::string id, DecodeFormat(path, text.value_or("")));
  RETURN_IF_ERROR(WriteWhole(lock.get(), fmt::format("{}\n", ::getpid()), path + "/LOCK"));
  return std::make_unique<LockedDirectory>(path, std::move(id), std::move(lock));
}

}  // namespace

Result<std::unique_ptr<Directory>> OpenDirectory(const std::string& path, IfMissing if_missing) {
  bool made = false;
  if (if_missing == IfMissing::kCreate) {
    ASSIGN_OR_RETURN(made, MakeDirectory(path));
  }
  auto opened = OpenExisting(path, if_missing);
  // Goes only when nothing was left in it; otherwise the next OpenDirectory takes it as it is.
  if (!opened && made) ::rmdir(path.c_str());
  return opened;
}

}  // namespace metaring::store
