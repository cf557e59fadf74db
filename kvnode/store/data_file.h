// SPDX-License-Identifier: Apache-2.0
//
// DataFile: data.mdb as the flusher sees it. It writes a whole overlay in one LMDB transaction
// together with the index that it stands for, counts what is used, keeps the reserve, and looks
// after the environment in quiet moments.
#ifndef METARING_KVNODE_STORE_DATA_FILE_H_
#define METARING_KVNODE_STORE_DATA_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "kvnode/base/result.h"
#include "kvnode/store/disk_reserve.h"
#include "kvnode/store/format.h"
#include "kvnode/store/lmdb_env.h"
#include "kvnode/store/overlay.h"
#include "kvnode/store/store.h"

namespace metaring::store {

struct DataUse {
  uint64_t bytes = 0;       // of pages in use
  uint64_t free_bytes = 0;  // of pages in the file for reuse
  uint64_t keys = 0;
  bool tight = false;  // the disk refused a piece of the reserve
  bool disk_full = false;
};

// One caller, but for env(), whose readers are everybody's.
class DataFile {
 public:
  static Result<std::unique_ptr<DataFile>> Open(const std::string& directory,
                                                const StoreOptions& options);

  LmdbEnv& env() const { return *env_; }
  // Of the last Write, or what was found at Open: the index, the LMDB commit, what is used.
  uint64_t applied() const { return meta_.applied; }
  uint64_t commit() const { return commit_; }
  const DataUse& use() const { return use_; }

  // Durable on return. kNoSpace: nothing was changed, try again later. After any other error
  // nothing about the file is known any more.
  Status Write(const Overlay& overlay, uint64_t applied);

  // Call about once a second while NeedsCare(), and now and then otherwise. `quiet`: nothing was
  // written for a while.
  Status Care(bool quiet);
  bool NeedsCare() const { return use_.tight || retained_pages_ > kRetainedPagesMax; }

 private:
  static constexpr uint64_t kRetainedPagesMax = 1024;

  DataFile(std::unique_ptr<LmdbEnv> env, std::unique_ptr<DiskReserve> reserve)
      : env_(std::move(env)), reserve_(std::move(reserve)) {}
  bool WasForWantOfSpace(const Error& error);
  Status WriteOnce(const Overlay& overlay, uint64_t applied);
  Status Load();
  Status CountUse();
  void JudgeRoom();

  const std::unique_ptr<LmdbEnv> env_;
  const std::unique_ptr<DiskReserve> reserve_;
  Meta meta_;
  uint64_t commit_ = 0;
  DataUse use_;
  uint64_t data_end_bytes_ = 0;
  uint64_t retained_pages_ = 0;  // page buffers that LMDB keeps, at most; 0 again after a reopen
};

}  // namespace metaring::store

#endif  // METARING_KVNODE_STORE_DATA_FILE_H_
