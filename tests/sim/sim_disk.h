// SPDX-License-Identifier: Apache-2.0
//
// SimDisk: a disk in memory that is as bad as a real one may be. What was not synced is, at a
// crash, lost, kept or torn, each 512-byte sector by itself, as of any of the writes since the last
// sync; directory changes that no SyncDirectory covered are lost in any selection. Calls fail on
// command, space is bounded, bytes rot. Everything is decided by the seed that is given.
//
// It is sparse: an allocated file of zeros costs nothing.
#ifndef METARING_TESTS_SIM_SIM_DISK_H_
#define METARING_TESTS_SIM_SIM_DISK_H_

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kvnode/base/disk.h"
#include "kvnode/base/mutex.h"
#include "kvnode/base/random.h"
#include "tests/sim/sim_content.h"

namespace metaring::sim {

// Thread-safe. Files must not outlive it.
class SimDisk : public Disk {
 public:
  // The calls that change something.
  enum class Call { kWrite, kSync, kAllocate, kCreate, kRename, kRemove, kSyncDirectory };
  static constexpr size_t kCalls = 7;

  Result<std::unique_ptr<File>> Open(const std::string& name) override;
  Result<std::unique_ptr<File>> Create(const std::string& name) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& name) override;
  Result<std::vector<std::string>> List() const override;
  Status SyncDirectory() override;

  // The machine stops: afterwards the disk is as the next start finds it. Files that are open fail
  // every call from then on. Faults that were ordered are forgotten, the capacity stays.
  void Crash(Random& random);

  // The nth call that changes something and all after it fail with kIo, until Crash. 0: from now
  // on. Of a write that is the nth call a part is done.
  void CutPowerAtCall(uint64_t n);
  // Whether it has come to that.
  bool power_is_cut() const;

  // The nth call of that kind from now on fails, once. A failed write has been done in part; after
  // a failed sync, what it should have written stays readable but is not durable, whatever later
  // syncs of the file say.
  void FailNthCall(Call call, uint64_t n, ErrorCode code);

  // The bound of all file sizes together; beyond it calls fail with kNoSpace.
  void SetCapacity(uint64_t bytes);
  // All file sizes together.
  uint64_t used_bytes() const;

  // Flips these bits of a byte, as if it had rotted. The file must be that long.
  void Damage(const std::string& name, uint64_t offset, uint8_t mask);

  // Calls of that kind since it was made.
  uint64_t calls(Call call) const;

 private:
  friend class SimFile;
  using Names = std::map<std::string, std::shared_ptr<SimContent>>;
  using Change = std::function<void(Names&)>;

  struct Fault {
    uint64_t at_call = 0;  // 0: none
    ErrorCode code = ErrorCode::kIo;
  };

  // For SimFile. `life` is the number of crashes when the file was opened.
  Result<Bytes> ReadAt(const SimContent& content, uint64_t life, uint64_t offset,
                       size_t length) const;
  Status WriteAt(SimContent& content, uint64_t life, uint64_t offset, ByteView data);
  Status Sync(SimContent& content, uint64_t life);
  Status Allocate(SimContent& content, uint64_t life, uint64_t size);
  Result<uint64_t> Size(const SimContent& content, uint64_t life) const;

  // Counts a call and fails it if that was ordered.
  Status Enter(Call call) REQUIRES(mutex_);
  Status CheckLife(uint64_t life) const REQUIRES(mutex_);
  // kNoSpace when the file may not get that size.
  Status CheckSpace(const SimContent& content, uint64_t size) const REQUIRES(mutex_);
  uint64_t UsedBytes() const REQUIRES(mutex_);
  void Apply(Change change) REQUIRES(mutex_);

  mutable Mutex mutex_;
  Names names_ GUARDED_BY(mutex_);
  Names durable_names_ GUARDED_BY(mutex_);          // as of the last SyncDirectory
  std::vector<Change> pending_ GUARDED_BY(mutex_);  // made since then, in order
  uint64_t life_ GUARDED_BY(mutex_) = 0;
  uint64_t capacity_ GUARDED_BY(mutex_) = UINT64_MAX;
  std::array<uint64_t, kCalls> calls_ GUARDED_BY(mutex_){};
  std::array<Fault, kCalls> faults_ GUARDED_BY(mutex_){};
  uint64_t calls_total_ GUARDED_BY(mutex_) = 0;
  uint64_t power_cut_at_ GUARDED_BY(mutex_) = UINT64_MAX;  // of calls_total_
};

}  // namespace metaring::sim

#endif  // METARING_TESTS_SIM_SIM_DISK_H_
