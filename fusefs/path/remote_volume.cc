// SPDX-License-Identifier: Apache-2.0
//
// metaring::Volume of the public library: Files over a keyspace of a cluster.
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "fusefs/path/files.h"
#include "kvnode/client/metaring/cores.h"
#include "kvnode/client/metaring/volume.h"
#include "kvnode/client/remote_admin.h"

namespace metaring {

class VolumeCore {
 public:
  static Result<std::shared_ptr<VolumeCore>> Open(std::shared_ptr<ClientCore> owner,
                                                  const std::string& name) {
    auto core = std::make_shared<VolumeCore>();
    ASSIGN_OR_RETURN(core->kv_, client::OpenRemoteKv(owner->cluster(), name));
    core->owner_ = std::move(owner);
    ASSIGN_OR_RETURN(core->files_, fusefs::Files::Open(*core->kv_, core->clock_));
    return core;
  }
  fusefs::Files& files() { return *files_; }

 private:
  // Each outlives those below it.
  std::shared_ptr<ClientCore> owner_;
  std::unique_ptr<client::Kv> kv_;
  const SystemClock clock_{};
  std::unique_ptr<fusefs::Files> files_;
};

namespace {

fusefs::Follow FollowOf(LastLink last) {
  return last == LastLink::kFollow ? fusefs::Follow::kAll : fusefs::Follow::kNotLast;
}

FileTime TimeOf(fusefs::Time time) {
  return {time.seconds, time.nanos};
}

FileStat StatOf(const fusefs::Inode& inode) {
  FileStat stat;
  stat.ino = inode.ino.value();
  stat.mode = inode.mode;
  stat.nlink = inode.nlink;
  stat.uid = inode.uid;
  stat.gid = inode.gid;
  stat.rdev = inode.rdev;
  stat.size = inode.size;
  stat.bytes_allocated = inode.bytes_allocated;
  stat.atime = TimeOf(inode.atime);
  stat.mtime = TimeOf(inode.mtime);
  stat.ctime = TimeOf(inode.ctime);
  stat.symlink_target = inode.symlink_target;
  return stat;
}

Result<FileStat> MakeOne(fusefs::Files& files, std::string_view path, uint32_t type,
                         uint32_t mode) {
  if (mode > 07777) return Fail(ErrorCode::kInvalidArgument, "mode: permission bits up to 07777");
  fusefs::Caller caller;
  caller.uid = ::getuid();
  caller.gid = ::getgid();
  ASSIGN_OR_RETURN(const fusefs::Node made, files.Make(path, type | mode, caller));
  return StatOf(made.inode);
}

}  // namespace

Result<Volume> Volume::Open(Client& client, const std::string& name) {
  ASSIGN_OR_RETURN(auto core, VolumeCore::Open(client.core(), name));
  return Volume(std::move(core));
}

Result<FileStat> Volume::Stat(std::string_view path, LastLink last) {
  ASSIGN_OR_RETURN(const fusefs::Node node, core_->files().Stat(path, FollowOf(last)));
  return StatOf(node.inode);
}

Result<std::vector<ListEntry>> Volume::List(std::string_view path) {
  ASSIGN_OR_RETURN(auto entries, core_->files().List(path));
  std::vector<ListEntry> all;
  all.reserve(entries.size());
  for (fusefs::DirectoryEntry& entry : entries) {
    all.push_back({std::move(entry.name), StatOf(entry.node->inode)});
  }
  return all;
}

Result<std::string> Volume::GetXattr(std::string_view path, std::string_view name, LastLink last) {
  return core_->files().GetXattr(path, name, FollowOf(last));
}

Result<std::vector<std::string>> Volume::ListXattr(std::string_view path, LastLink last) {
  return core_->files().ListXattr(path, FollowOf(last));
}

Status Volume::SetXattr(std::string_view path, std::string_view name, std::string_view value,
                        SetXattrMode mode, LastLink last) {
  fusefs::SetXattrRequest request;
  request.name = name;
  request.value = value;
  request.create = mode == SetXattrMode::kCreate;
  request.replace = mode == SetXattrMode::kReplace;
  return core_->files().SetXattr(path, std::move(request), FollowOf(last));
}

Status Volume::RemoveXattr(std::string_view path, std::string_view name, LastLink last) {
  return core_->files().RemoveXattr(path, name, FollowOf(last));
}

Result<FileStat> Volume::Create(std::string_view path, uint32_t mode) {
  return MakeOne(core_->files(), path, S_IFREG, mode);
}

Result<FileStat> Volume::Mkdir(std::string_view path, uint32_t mode) {
  return MakeOne(core_->files(), path, S_IFDIR, mode);
}

Status Volume::Remove(std::string_view path) {
  return core_->files().Remove(path);
}

Status Volume::Rename(std::string_view from, std::string_view to, Replace replace) {
  return core_->files().Rename(from, to, replace == Replace::kRefuse);
}

}  // namespace metaring
