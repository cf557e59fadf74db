// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/fusefs/ops/model_tree.h"

#include <algorithm>

#include "kvnode/base/check.h"

namespace metaring::fusefs {
namespace {

tl::unexpected<Error> Say(ErrorCode code) {
  return Fail(code, "model");
}

uint32_t WithoutProgramBits(uint32_t mode) {
  const bool group_executes = (mode & S_IXGRP) != 0;
  return mode & ~uint32_t{S_ISUID} & (group_executes ? ~uint32_t{S_ISGID} : ~uint32_t{0});
}

}  // namespace

int64_t ModelObject::size() const {
  if (IsDirectory()) return static_cast<int64_t>(entries.size());
  return static_cast<int64_t>(S_ISLNK(mode) ? symlink_target.size() : content.size());
}

ModelTree::ModelTree(uint32_t root_mode, Time now) {
  ModelObject& root = objects_[kRootIno];
  root.mode = S_IFDIR | root_mode;
  root.nlink = 2;
  root.parent = kRootIno;
  root.atime = root.mtime = root.ctime = now;
}

ModelObject* ModelTree::Find(Ino ino) {
  const auto it = objects_.find(ino);
  return it == objects_.end() ? nullptr : &it->second;
}

const ModelObject* ModelTree::Find(Ino ino) const {
  const auto it = objects_.find(ino);
  return it == objects_.end() ? nullptr : &it->second;
}

Result<const ModelObject*> ModelTree::Get(Ino ino) const {
  const ModelObject* object = Find(ino);
  if (object == nullptr) return Say(ErrorCode::kStale);
  return object;
}

Result<ModelObject*> ModelTree::File(Ino ino) {
  ModelObject* object = Find(ino);
  if (object == nullptr) return Say(ErrorCode::kStale);
  if (object->IsDirectory()) return Say(ErrorCode::kIsDirectory);
  if (!S_ISREG(object->mode)) return Say(ErrorCode::kInvalidArgument);
  return object;
}

Result<Ino> ModelTree::Lookup(Ino parent, const std::string& name) const {
  const ModelObject* directory = Find(parent);
  if (directory == nullptr) return Say(ErrorCode::kNotFound);
  const auto it = directory->entries.find(name);
  if (it == directory->entries.end()) return Say(ErrorCode::kNotFound);
  return it->second;
}

Status ModelTree::CanMake(Ino parent, const std::string& name) const {
  const ModelObject* directory = Find(parent);
  if (directory == nullptr) return Say(ErrorCode::kNotFound);
  if (directory->entries.contains(name)) return Say(ErrorCode::kExists);
  return {};
}

void ModelTree::EntryChanged(Ino directory, Time now) {
  ModelObject* object = Find(directory);
  object->mtime = object->ctime = now;
}

void ModelTree::Make(Ino ino, Ino parent, const std::string& name, uint32_t mode, uint32_t uid,
                     uint32_t gid, uint64_t rdev, const std::string& symlink_target, Time now) {
  CHECK(!objects_.contains(ino) && CanMake(parent, name));
  ModelObject made;
  made.mode = mode;
  made.uid = uid;
  made.gid = gid;
  made.nlink = 1;
  made.atime = made.mtime = made.ctime = now;
  ModelObject& directory = *Find(parent);
  if ((directory.mode & S_ISGID) != 0) made.gid = directory.gid;
  if (S_ISLNK(mode)) {
    made.mode = S_IFLNK | 0777;
    made.symlink_target = symlink_target;
  }
  if (S_ISCHR(mode) || S_ISBLK(mode)) made.rdev = rdev;
  if (S_ISDIR(mode)) {
    made.nlink = 2;
    made.parent = parent;
    made.mode |= directory.mode & S_ISGID;
    ++directory.nlink;
  }
  directory.entries[name] = ino;
  EntryChanged(parent, now);
  objects_[ino] = std::move(made);
}

Status ModelTree::Link(Ino target, Ino parent, const std::string& name, Time now) {
  ModelObject* object = Find(target);
  if (object == nullptr) return Say(ErrorCode::kStale);
  if (object->IsDirectory()) return Say(ErrorCode::kNotPermitted);
  if (object->nlink == 0) return Say(ErrorCode::kNotFound);
  RETURN_IF_ERROR(CanMake(parent, name));
  ++object->nlink;
  object->ctime = now;
  Find(parent)->entries[name] = target;
  EntryChanged(parent, now);
  return {};
}

void ModelTree::DropName(Ino ino, bool keep, Time now) {
  ModelObject& object = *Find(ino);
  object.ctime = now;
  // A directory has one name.
  if (object.IsDirectory() || (--object.nlink == 0 && !keep)) objects_.erase(ino);
}

Result<Ino> ModelTree::Unlink(Ino parent, const std::string& name, bool keep, Time now) {
  ASSIGN_OR_RETURN(const Ino ino, Lookup(parent, name));
  if (Find(ino)->IsDirectory()) return Say(ErrorCode::kIsDirectory);
  Find(parent)->entries.erase(name);
  EntryChanged(parent, now);
  DropName(ino, keep, now);
  return ino;
}

Status ModelTree::Rmdir(Ino parent, const std::string& name, Time now) {
  ASSIGN_OR_RETURN(const Ino ino, Lookup(parent, name));
  if (!Find(ino)->IsDirectory()) return Say(ErrorCode::kNotDirectory);
  if (!Find(ino)->entries.empty()) return Say(ErrorCode::kNotEmpty);
  Find(parent)->entries.erase(name);
  --Find(parent)->nlink;
  EntryChanged(parent, now);
  DropName(ino, false, now);
  return {};
}

bool ModelTree::IsBelow(Ino ino, Ino ancestor) const {
  for (;; ino = Find(ino)->parent) {
    if (ino == ancestor) return true;
    if (ino == kRootIno) return false;
  }
}

Status ModelTree::CheckReplace(const ModelObject& source, const ModelObject& target) const {
  if (source.IsDirectory() && !target.IsDirectory()) return Say(ErrorCode::kNotDirectory);
  if (!source.IsDirectory() && target.IsDirectory()) return Say(ErrorCode::kIsDirectory);
  return {};
}

// The directory `ino` is below `parent` now.
void ModelTree::SetParent(Ino ino, Ino parent) {
  ModelObject& object = *Find(ino);
  if (!object.IsDirectory()) return;
  --Find(object.parent)->nlink;
  ++Find(parent)->nlink;
  object.parent = parent;
}

Result<std::optional<Ino>> ModelTree::Rename(Ino old_parent, const std::string& old_name,
                                             Ino new_parent, const std::string& new_name, Flag flag,
                                             bool keep, Time now) {
  ASSIGN_OR_RETURN(const Ino source, Lookup(old_parent, old_name));
  const Result<Ino> target = Lookup(new_parent, new_name);
  if (flag == Flag::kNoReplace && target) return Say(ErrorCode::kExists);
  if (flag == Flag::kExchange && !target) return Say(ErrorCode::kNotFound);
  if (target && *target == source) return std::nullopt;
  const bool exchange = flag == Flag::kExchange;
  if (target && !exchange) RETURN_IF_ERROR(CheckReplace(*Find(source), *Find(*target)));
  if (Find(new_parent) == nullptr) return Say(ErrorCode::kNotFound);
  if (Find(source)->IsDirectory() && IsBelow(new_parent, source)) {
    return Say(ErrorCode::kInvalidArgument);
  }
  if (exchange && Find(*target)->IsDirectory() && IsBelow(old_parent, *target)) {
    return Say(ErrorCode::kInvalidArgument);
  }
  std::optional<Ino> replaced;
  if (exchange) {
    Find(old_parent)->entries[old_name] = *target;
    SetParent(*target, old_parent);
    Find(*target)->ctime = now;
  } else {
    if (target && !Find(*target)->entries.empty()) return Say(ErrorCode::kNotEmpty);
    Find(old_parent)->entries.erase(old_name);
    if (target) {
      replaced = *target;
      if (Find(*target)->IsDirectory()) --Find(new_parent)->nlink;
      DropName(*target, keep, now);
    }
  }
  Find(new_parent)->entries[new_name] = source;
  SetParent(source, new_parent);
  EntryChanged(old_parent, now);
  EntryChanged(new_parent, now);
  Find(source)->ctime = now;
  return replaced;
}

void ModelTree::Forget(Ino ino) {
  const ModelObject* object = Find(ino);
  if (object != nullptr && object->nlink == 0) objects_.erase(ino);
}

Status ModelTree::Chmod(Ino ino, uint32_t mode, Time now) {
  ModelObject* object = Find(ino);
  if (object == nullptr) return Say(ErrorCode::kStale);
  object->mode = (object->mode & S_IFMT) | (mode & 07777);
  object->ctime = now;
  return {};
}

Status ModelTree::Chown(Ino ino, std::optional<uint32_t> uid, std::optional<uint32_t> gid,
                        Time now) {
  ModelObject* object = Find(ino);
  if (object == nullptr) return Say(ErrorCode::kStale);
  object->uid = uid.value_or(object->uid);
  object->gid = gid.value_or(object->gid);
  if (!object->IsDirectory()) object->mode = WithoutProgramBits(object->mode);
  object->ctime = now;
  return {};
}

Status ModelTree::SetTimes(Ino ino, std::optional<Time> atime, std::optional<Time> mtime,
                           Time now) {
  ModelObject* object = Find(ino);
  if (object == nullptr) return Say(ErrorCode::kStale);
  object->atime = atime.value_or(object->atime);
  object->mtime = mtime.value_or(object->mtime);
  object->ctime = now;
  return {};
}

Status ModelTree::Truncate(Ino ino, int64_t size, Time now) {
  ASSIGN_OR_RETURN(ModelObject * file, File(ino));
  file->content.resize(static_cast<size_t>(size), '\0');
  file->mtime = file->ctime = now;
  return {};
}

Status ModelTree::Write(Ino ino, int64_t offset, const Bytes& data, Time now) {
  ASSIGN_OR_RETURN(ModelObject * file, File(ino));
  const auto begin = static_cast<size_t>(offset);
  if (file->content.size() < begin + data.size()) file->content.resize(begin + data.size(), '\0');
  file->content.replace(begin, data.size(), data);
  file->mtime = file->ctime = now;
  return {};
}

Status ModelTree::Allocate(Ino ino, int64_t offset, int64_t length, bool zero, bool keep_size,
                           Time now) {
  ASSIGN_OR_RETURN(ModelObject * file, File(ino));
  const auto begin = static_cast<size_t>(offset);
  const size_t end = begin + static_cast<size_t>(length);
  Bytes& content = file->content;
  if (!keep_size && content.size() < end) content.resize(end, '\0');
  for (size_t i = begin; zero && i < std::min(end, content.size()); ++i) content[i] = '\0';
  file->mtime = file->ctime = now;
  return {};
}

Status ModelTree::SetXattr(Ino ino, const std::string& name, const Bytes& value, Time now) {
  ModelObject* object = Find(ino);
  if (object == nullptr) return Say(ErrorCode::kStale);
  if (name.starts_with("user.") && !S_ISREG(object->mode) && !object->IsDirectory()) {
    return Say(ErrorCode::kNotPermitted);
  }
  object->xattrs[name] = value;
  object->ctime = now;
  return {};
}

Status ModelTree::RemoveXattr(Ino ino, const std::string& name, Time now) {
  ModelObject* object = Find(ino);
  if (object == nullptr) return Say(ErrorCode::kStale);
  if (object->xattrs.erase(name) == 0) return Say(ErrorCode::kNoData);
  object->ctime = now;
  return {};
}

}  // namespace metaring::fusefs
