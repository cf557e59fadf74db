// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/fs_show.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <ctime>

#include "kvnode/ctl/store_access.h"

namespace metaring::ctl {

std::string ModeText(uint32_t mode) {
  std::string text = "?rwxrwxrwx";
  switch (mode & S_IFMT) {
    case S_IFREG:
      text[0] = '-';
      break;
    case S_IFDIR:
      text[0] = 'd';
      break;
    case S_IFLNK:
      text[0] = 'l';
      break;
    case S_IFCHR:
      text[0] = 'c';
      break;
    case S_IFBLK:
      text[0] = 'b';
      break;
    case S_IFIFO:
      text[0] = 'p';
      break;
    case S_IFSOCK:
      text[0] = 's';
      break;
    default:
      break;
  }
  for (size_t i = 0; i < 9; ++i) {
    if ((mode >> (8 - i) & 1) == 0) text[i + 1] = '-';
  }
  const auto special = [&](uint32_t bit, size_t at, char lower, char upper) {
    if ((mode & bit) != 0) text[at] = text[at] == 'x' ? lower : upper;
  };
  special(S_ISUID, 3, 's', 'S');
  special(S_ISGID, 6, 's', 'S');
  special(S_ISVTX, 9, 't', 'T');
  return text;
}

std::string TypeText(uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "regular file";
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "symbolic link";
    case S_IFCHR:
      return "character device";
    case S_IFBLK:
      return "block device";
    case S_IFIFO:
      return "fifo";
    case S_IFSOCK:
      return "socket";
    default:
      return "unknown";
  }
}

std::string TimeText(fusefs::Time time) {
  const auto seconds = static_cast<std::time_t>(time.seconds);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr || parts.tm_year < -1900 || parts.tm_year > 8099) {
    return fmt::format("@{}.{:09}", time.seconds, time.nanos);
  }
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     time.nanos);
}

nlohmann::json ToJson(const fusefs::Inode& inode) {
  nlohmann::json json = {{"ino", inode.ino.value()},
                         {"type", TypeText(inode.mode)},
                         {"mode", fmt::format("{:04o}", inode.mode & 07777)},
                         {"nlink", inode.nlink},
                         {"uid", inode.uid},
                         {"gid", inode.gid},
                         {"size", inode.size},
                         {"bytes_allocated", inode.bytes_allocated},
                         {"atime", TimeText(inode.atime)},
                         {"mtime", TimeText(inode.mtime)},
                         {"ctime", TimeText(inode.ctime)}};
  if (inode.IsSymlink()) json["target"] = Shown(inode.symlink_target);
  if (S_ISCHR(inode.mode) || S_ISBLK(inode.mode)) json["rdev"] = inode.rdev;
  return json;
}

std::string ListingLine(const std::string& name, const fusefs::Inode& inode) {
  const std::string target = inode.IsSymlink() ? " -> " + Shown(inode.symlink_target) : "";
  return fmt::format("{} {:>4} {:>6} {:>6} {:>12} {} {}{}", ModeText(inode.mode), inode.nlink,
                     inode.uid, inode.gid, inode.size, TimeText(inode.mtime), Shown(name), target);
}

std::string StatText(const std::string& path, const fusefs::Inode& inode) {
  std::string text = fmt::format("{:<16} {}\n", "path", Shown(path));
  const nlohmann::json properties = ToJson(inode);
  for (const auto& [name, value] : properties.items()) {
    text += fmt::format("{:<16} {}\n", name,
                        value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

}  // namespace metaring::ctl
