// SPDX-License-Identifier: Apache-2.0
#include "kvnode/store/data_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "kvnode/base/logging.h"
#include "kvnode/store/key_tree.h"

namespace metaring::store {
namespace {

Status SyncDirectory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Fail(ErrnoError(errno, "open directory " + path));
  const int failed = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (failed != 0) return Fail(ErrnoError(failed, "fsync " + path));
  return {};
}

Status WriteFirstMeta(const std::string& directory, uint64_t map_bytes) {
  ASSIGN_OR_RETURN(const auto env, LmdbEnv::Open(directory, map_bytes));
  ASSIGN_OR_RETURN(WriteTxn txn, env->BeginWrite());
  {
    ASSIGN_OR_RETURN(LmdbCursor cursor, LmdbCursor::Open(txn));
    RETURN_IF_ERROR(cursor.Put(kMetaKey, EncodeMeta(Meta{})));
  }
  return txn.Commit();
}

// LMDB makes its file with several writes, and takes it for damaged after a crash between them. So
// it is made aside, and data.mdb is whole from the moment that it has its name.
Status MakeFile(const std::string& directory, uint64_t map_bytes) {
  const std::string aside = directory + "/data.new";
  std::error_code error;
  std::filesystem::remove_all(aside, error);
  if (::mkdir(aside.c_str(), 0700) != 0) return Fail(ErrnoError(errno, "make directory " + aside));
  RETURN_IF_ERROR(WriteFirstMeta(aside, map_bytes));
  if (::rename((aside + "/data.mdb").c_str(), (directory + "/data.mdb").c_str()) != 0) {
    return Fail(ErrnoError(errno, "rename " + aside + "/data.mdb"));
  }
  return SyncDirectory(directory);
}

// Makes the file when there is none. An empty one is a lost one: LMDB would take it for new.
Status MakeIfMissing(const std::string& directory, uint64_t map_bytes) {
  const std::string path = directory + "/data.mdb";
  struct stat st {};
  if (::stat(path.c_str(), &st) == 0) {
    if (st.st_size == 0) return Fail(ErrorCode::kCorrupt, path + " is empty");
  } else if (errno == ENOENT) {
    RETURN_IF_ERROR(MakeFile(directory, map_bytes));
  } else {
    return Fail(ErrnoError(errno, "stat " + path));
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory + "/data.new", ignored);
  return {};
}

}  // namespace

Result<std::unique_ptr<DataFile>> DataFile::Open(const std::string& directory,
                                                 const StoreOptions& options) {
  const std::string path = directory + "/data.mdb";
  RETURN_IF_ERROR(MakeIfMissing(directory, options.map_bytes));
  ASSIGN_OR_RETURN(auto env, LmdbEnv::Open(directory, options.map_bytes));
  ASSIGN_OR_RETURN(auto reserve, DiskReserve::Open(path, options.reserve_bytes));
  std::unique_ptr<DataFile> file(new DataFile(std::move(env), std::move(reserve)));
  RETURN_IF_ERROR(file->Load());
  return file;
}

Status DataFile::Load() {
  {
    ASSIGN_OR_RETURN(const ReadTxn txn, env_->BeginRead());
    ASSIGN_OR_RETURN(const auto raw, txn.Get(kMetaKey));
    if (!raw) return Fail(ErrorCode::kFormatMismatch, "data.mdb was not made by Metaring");
    ASSIGN_OR_RETURN(meta_, DecodeMeta(*raw));
    ASSIGN_OR_RETURN(const uint64_t entries, txn.EntryCount());
    commit_ = txn.id();
    use_.keys = entries - 1 - meta_.branches;
  }
  return CountUse();
}

Status DataFile::Write(const Overlay& overlay, uint64_t applied) {
  Status written = WriteOnce(overlay, applied);
  if (written || !WasForWantOfSpace(written.error())) return written;
  use_.tight = true;
  use_.disk_full = true;
  return Fail(ErrorCode::kNoSpace, written.error().message);
}

// LMDB says EIO for a write that was cut short, as the first one on a full disk is. The pages in
// question are all of a transaction that is gone, so that trying again writes each of them anew.
bool DataFile::WasForWantOfSpace(const Error& error) {
  return error.code == ErrorCode::kNoSpace ||
         (error.code == ErrorCode::kIo && !reserve_->DiskHasRoom());
}

Status DataFile::WriteOnce(const Overlay& overlay, uint64_t applied) {
  Meta meta = meta_;
  meta.applied = applied;
  ASSIGN_OR_RETURN(WriteTxn txn, env_->BeginWrite());
  const uint64_t commit = txn.id();
  {
    ASSIGN_OR_RETURN(LmdbCursor cursor, LmdbCursor::Open(txn));
    KeyTreeWriter writer(cursor, meta);
    OverlayCursor write(overlay, UINT64_MAX);
    for (write.SeekFirst(); write.Valid(); write.Next()) {
      RETURN_IF_ERROR(write.deleted() ? writer.Delete(write.key())
                                      : writer.Put(write.key(), write.value()));
    }
    RETURN_IF_ERROR(cursor.Put(kMetaKey, EncodeMeta(meta)));
  }
  ASSIGN_OR_RETURN(const uint64_t entries, txn.EntryCount());
  RETURN_IF_ERROR(txn.Commit());
  meta_ = meta;
  commit_ = commit;
  use_.keys = entries - 1 - meta.branches;
  return CountUse();
}

Status DataFile::CountUse() {
  ASSIGN_OR_RETURN(const PageUse pages, env_->pages());
  const uint64_t end_bytes = pages.pages_end * pages.page_bytes;
  const uint64_t grown_bytes = end_bytes - std::min(end_bytes, data_end_bytes_);
  // A page that a transaction changes is a buffer in memory; then either its old place is retired
  // or the file has grown.
  retained_pages_ = std::max(retained_pages_, pages.pages_retired + grown_bytes / pages.page_bytes);
  if (data_end_bytes_ == 0) retained_pages_ = 0;
  data_end_bytes_ = end_bytes;
  use_.free_bytes = pages.pages_free * pages.page_bytes;
  use_.bytes = end_bytes - use_.free_bytes;
  JudgeRoom();
  return {};
}

// A disk that refuses the reserve is full for clients unless the file has free pages of its own to
// go on with: what was deleted is room again, although the file does not shrink.
void DataFile::JudgeRoom() {
  constexpr uint64_t kFreeDivisor = 4;
  reserve_->Cover(data_end_bytes_);
  use_.tight = reserve_->full();
  use_.disk_full = use_.tight && use_.free_bytes < reserve_->bytes() / kFreeDivisor;
}

Status DataFile::Care(bool quiet) {
  env_->CheckReaders();
  if (use_.tight) {
    const bool was_full = use_.disk_full;
    JudgeRoom();
    if (was_full && !use_.disk_full) LogInfo("store", "the disk has room again");
  }
  if (quiet && retained_pages_ > kRetainedPagesMax) {
    ASSIGN_OR_RETURN(const bool done, env_->GiveMemoryBack());
    if (done) retained_pages_ = 0;
  }
  return {};
}

}  // namespace metaring::store
