// SPDX-License-Identifier: Apache-2.0
//
// Volume: the files of a volume by path, without mounting it: the same operations as the mount's.
//
// Paths begin at the root of the volume, with or without a slash; symbolic links on the way are
// followed inside the volume. Permissions are not looked at: who has the certificate has the
// volume. Errors are POSIX's by ErrorCode: kNotFound, kNotDirectory, kIsDirectory, kExists,
// kNotEmpty, kNameTooLong, kTooManyLinks, kNoData (no such attribute), kNoSpace, kReadOnly.
//
// An operation is a few requests, each with the client's deadline, and at most one transaction that
// changes something. One that ends as kUnknownOutcome may have been done.
#ifndef METARING_KVNODE_CLIENT_METARING_VOLUME_H_
#define METARING_KVNODE_CLIENT_METARING_VOLUME_H_

#include <metaring/client.h>
#include <metaring/result.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace metaring {

struct FileTime {
  int64_t seconds = 0;  // since 1970
  int32_t nanos = 0;
};
struct FileStat {
  uint64_t ino = 0;
  uint32_t mode = 0;  // type and permissions, as st_mode of stat(2)
  uint32_t nlink = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t rdev = 0;
  int64_t size = 0;             // of directories: the number of entries
  int64_t bytes_allocated = 0;  // that its content takes
  FileTime atime;
  FileTime mtime;
  FileTime ctime;
  std::string symlink_target;
};
struct ListEntry {
  std::string name;
  FileStat stat;
};

enum class LastLink { kFollow, kKeep };  // when the last name is a symbolic link
enum class Replace { kAllow, kRefuse };  // of what has the new name
enum class SetXattrMode { kAny, kCreate, kReplace };

class VolumeCore;

// Thread-safe. A handle: copies are the same volume.
class Volume {
 public:
  // kNotFound: no such keyspace, or it is no volume; kFormatMismatch: a newer one.
  static Result<Volume> Open(Client& client, const std::string& name);

  Result<FileStat> Stat(std::string_view path, LastLink last = LastLink::kFollow);
  // All entries of a directory, unsorted, without "." and "..".
  Result<std::vector<ListEntry>> List(std::string_view path);

  // Names have their namespace: "user.colour". kNoData.
  Result<std::string> GetXattr(std::string_view path, std::string_view name,
                               LastLink last = LastLink::kFollow);
  Result<std::vector<std::string>> ListXattr(std::string_view path,
                                             LastLink last = LastLink::kFollow);
  Status SetXattr(std::string_view path, std::string_view name, std::string_view value,
                  SetXattrMode mode = SetXattrMode::kAny, LastLink last = LastLink::kFollow);
  Status RemoveXattr(std::string_view path, std::string_view name,
                     LastLink last = LastLink::kFollow);

  // An empty file, a directory; owned by this process's user and group. kExists.
  Result<FileStat> Create(std::string_view path, uint32_t mode = 0644);
  Result<FileStat> Mkdir(std::string_view path, uint32_t mode = 0755);
  // A file or an empty directory.
  Status Remove(std::string_view path);
  Status Rename(std::string_view from, std::string_view to, Replace replace = Replace::kAllow);

 private:
  explicit Volume(std::shared_ptr<VolumeCore> core) : core_(std::move(core)) {}

  std::shared_ptr<VolumeCore> core_;
};

}  // namespace metaring

#endif  // METARING_KVNODE_CLIENT_METARING_VOLUME_H_
