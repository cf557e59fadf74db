// SPDX-License-Identifier: Apache-2.0
//
// Looks at paths and at /proc/self/mountinfo (proc(5)).
#include "fusefs/mount/mountpoint.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "kvnode/base/bytes.h"

namespace metaring::fusefs::mount {
namespace {

// mountinfo writes space, tab, newline and backslash as a backslash and three octal digits.
std::string Unescaped(const std::string& raw) {
  std::string text;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\\' && i + 3 < raw.size()) {
      text.push_back(static_cast<char>(std::strtol(raw.substr(i + 1, 3).c_str(), nullptr, 8)));
      i += 3;
    } else {
      text.push_back(raw[i]);
    }
  }
  return text;
}

struct MountLine {
  std::string mountpoint;
  std::string type;
  std::string source;
};

// "36 35 98:0 /root /mountpoint options [fields] - type source superoptions"
MountLine ParseMountLine(const std::string& line) {
  std::istringstream words(line);
  MountLine parsed;
  std::string word;
  for (int i = 0; i < 5 && words >> word; ++i) {
    if (i == 4) parsed.mountpoint = Unescaped(word);
  }
  while (words >> word && word != "-") {
  }
  words >> parsed.type >> word;
  parsed.source = Unescaped(word);
  return parsed;
}

}  // namespace

bool IsMounted(const std::string& fsname, const std::string& mountpoint) {
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    const MountLine mount = ParseMountLine(line);
    if (!mount.type.starts_with("fuse") || mount.source != fsname) continue;
    if (mountpoint.empty() || mount.mountpoint == mountpoint) return true;
  }
  return false;
}

Result<std::string> CheckMountpoint(const std::string& path, const std::string& fsname) {
  const std::string shown = Escaped(path, PATH_MAX);
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) {
    if (errno == ENOENT) {
      return Fail(ErrorCode::kNotFound, fmt::format("mountpoint {} does not exist: make it first "
                                                    "(mkdir {})",
                                                    shown, shown));
    }
    if (errno == ENOTCONN) {
      return Fail(ErrorCode::kBusy,
                  fmt::format("mountpoint {} is the place of a mount whose process "
                              "is gone: run fusermount3 -u {}",
                              shown, shown));
    }
    return Fail(ErrnoError(errno, "mountpoint " + shown));
  }
  if (!S_ISDIR(st.st_mode)) {
    return Fail(ErrorCode::kNotDirectory, fmt::format("mountpoint {} is not a directory", shown));
  }
  char resolved[PATH_MAX];
  if (::realpath(path.c_str(), resolved) == nullptr) {
    return Fail(ErrnoError(errno, "mountpoint " + shown));
  }
  if (IsMounted(fsname, resolved)) {
    return Fail(ErrorCode::kBusy,
                fmt::format("{} is already mounted on {}", Escaped(fsname), shown));
  }
  return std::string(resolved);
}

Status CheckFuseDevice() {
  constexpr const char* kDevice = "/dev/fuse";
  const int fd = ::open(kDevice, O_RDWR | O_CLOEXEC);
  if (fd >= 0) {
    ::close(fd);
    return {};
  }
  if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
    return Fail(ErrorCode::kUnavailable,
                "there is no /dev/fuse: load the kernel module (modprobe fuse)");
  }
  // Without the right to open it, fusermount3 may still do so for us.
  if (errno == EACCES && ::geteuid() != 0 && ::access("/usr/bin/fusermount3", X_OK) == 0) return {};
  return Fail(ErrorCode::kPermissionDenied,
              fmt::format("cannot open /dev/fuse: {}", std::strerror(errno)));
}

}  // namespace metaring::fusefs::mount
