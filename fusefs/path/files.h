// SPDX-License-Identifier: Apache-2.0
//
// Files: the files of a volume by path, over the same operations as the mount's. Permissions are
// not looked at. Errors are those of fusefs/ops.
#ifndef METARING_FUSEFS_PATH_FILES_H_
#define METARING_FUSEFS_PATH_FILES_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fusefs/ops/ops.h"
#include "kvnode/base/clock.h"
#include "kvnode/client/kv.h"

namespace metaring::fusefs {

// Thread-safe.
class Files {
 public:
  // kNotFound when the keyspace is no volume; kFormatMismatch. Both outlive it.
  static Result<std::unique_ptr<Files>> Open(client::Kv& kv, const Clock& clock);

  Result<Node> Stat(std::string_view path, Follow follow);
  // All entries with attributes, unsorted; kNotDirectory.
  Result<std::vector<DirectoryEntry>> List(std::string_view path);
  // The same one by one, however many there are; an error of `take` ends it.
  Status List(std::string_view path, const std::function<Status(DirectoryEntry entry)>& take);
  // The stored content of a file, from its beginning, in pieces of a few MiB; zeros where it has
  // holes. kInvalidArgument for anything else than a file; an error of `take` ends it.
  Status Read(std::string_view path, const std::function<Status(ByteView piece)>& take);

  Result<Bytes> GetXattr(std::string_view path, std::string_view name, Follow follow);
  Result<std::vector<std::string>> ListXattr(std::string_view path, Follow follow);
  // `request` without its ref.
  Status SetXattr(std::string_view path, SetXattrRequest request, Follow follow);
  Status RemoveXattr(std::string_view path, std::string_view name, Follow follow);

  // A file or a directory, by the type in `mode`; empty.
  Result<Node> Make(std::string_view path, uint32_t mode, const Caller& caller);
  // A file or an empty directory, and then the content that is nobody's any more.
  Status Remove(std::string_view path);
  Status Rename(std::string_view from, std::string_view to, bool no_replace);

 private:
  Files(client::Kv& kv, Volume volume, const Clock& clock)
      : kv_(kv), volume_(std::move(volume)), inos_(kv), clock_(clock) {}
  Context context() { return {kv_, volume_, inos_, clock_}; }
  // kReadOnly for a volume with features that this version must not write.
  Status CheckWritable() const;

  client::Kv& kv_;
  const Volume volume_;
  InoAllocator inos_;
  const Clock& clock_;
};

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_PATH_FILES_H_
