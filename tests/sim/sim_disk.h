// SPDX-License-Identifier: Apache-2.0
//
// SimDisk: a disk in memory that behaves as badly as a real one may. At a crash, what was not
// synced is lost, kept or torn, each 512-byte sector by itself and in any order; names that no
// SyncDirectory covered may be lost or come back. Calls fail on command, space is bounded, bytes
// rot.
#ifndef METARING_TESTS_SIM_SIM_DISK_H_
#define METARING_TESTS_SIM_SIM_DISK_H_

#include <map>
#include <optional>

#include "kvnode/base/disk.h"
#include "kvnode/base/mutex.h"
#include "kvnode/base/random.h"

namespace metaring::sim {

// Thread-safe.
class SimDisk : public Disk {
 public:
  static constexpr size_t kSectorBytes = 512;

  Result<std::unique_ptr<File>> Open(const std::string& name) override;
  Result<std::unique_ptr<File>> Create(const std::string& name) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& name) override;
  Result<std::vector<std::string>> List() const override;
  Status SyncDirectory() override;

  // The machine stops now. Open files must not be used any more. Faults are switched off.
  void Crash(Random& random);

  // The nth write, sync, allocation, rename, remove or directory sync from now on (1 is the next)
  // fails with `code`, and every later one too: a disk that fails stays failed until Crash.
  void FailNthCall(uint64_t n, ErrorCode code);
  // True when that call has happened.
  bool HasFailed() const;

  // Bytes of all files together; more is kNoSpace.
  void SetCapacity(uint64_t bytes);

  // Flips bits of a byte of a file, durably.
  void Damage(const std::string& name, uint64_t offset, uint8_t mask);

  uint64_t syncs() const;

 private:
  friend class SimFile;
  struct Content {
    Bytes now;      // what a reader sees
    Bytes durable;  // what the last sync left
  };
  using Names = std::map<std::string, std::shared_ptr<Content>>;

  Status Step() REQUIRES(mutex_);
  uint64_t UsedBytes() const REQUIRES(mutex_);
  static void CrashContent(Content& content, Random& random);

  mutable Mutex mutex_;
  Names names_ GUARDED_BY(mutex_);
  Names durable_names_ GUARDED_BY(mutex_);
  uint64_t capacity_ GUARDED_BY(mutex_) = UINT64_MAX;
  uint64_t calls_ GUARDED_BY(mutex_) = 0;
  std::optional<uint64_t> fail_at_ GUARDED_BY(mutex_);
  ErrorCode fail_code_ GUARDED_BY(mutex_) = ErrorCode::kIo;
  uint64_t syncs_ GUARDED_BY(mutex_) = 0;
};

}  // namespace metaring::sim

#endif  // METARING_TESTS_SIM_SIM_DISK_H_
