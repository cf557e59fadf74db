// SPDX-License-Identifier: Apache-2.0
//
// Volume: what was fixed when a keyspace was formatted as a filesystem, and how inode numbers are
// taken from it.
#ifndef METARING_FUSEFS_META_VOLUME_H_
#define METARING_FUSEFS_META_VOLUME_H_

#include <cstdint>
#include <memory>
#include <string>

#include "fusefs/meta/inode.h"
#include "kvnode/base/clock.h"
#include "kvnode/base/mutex.h"
#include "kvnode/client/kv.h"
#include "kvnode/fiber/fiber.h"

namespace metaring::fusefs {

// Two files with all their small content and xattrs must fit into one transaction
// (RENAME_EXCHANGE).
inline constexpr uint32_t kSmallBytesLimit = 128 << 10;
inline constexpr uint32_t kBlockBytesMin = 4 << 10;
inline constexpr uint32_t kBlockBytesMax = 512 << 10;

struct VolumeOptions {
  uint32_t block_bytes = 64 << 10;  // 4 KiB to 512 KiB, a power of two
  // Content up to this lies beside the entry; 0 to block_bytes, at most kSmallBytesLimit.
  uint32_t small_bytes_max = 4 << 10;
  uint64_t bytes_max = 0;   // of content; 0: no bound
  uint64_t inodes_max = 0;  // 0: no bound
  uint32_t root_mode = 0755;
  uint32_t root_uid = 0;
  uint32_t root_gid = 0;
};

// Immutable.
struct Volume {
  std::string id;  // random, hex
  uint64_t hash_seed =
      0;  // of the entries' hashes: random, so that nobody can choose colliding names
  VolumeOptions options;
  Time created;
  // It has features that this version may read but must not write: mount it read-only or not at
  // all.
  bool read_only = false;
};

// Writes the volume record and the root directory. kExists when the keyspace holds a volume or
// anything else.
Result<Volume> FormatVolume(client::Kv& kv, const VolumeOptions& options, const Clock& clock);

// kNotFound when the keyspace is not formatted; kFormatMismatch when it has features that this
// version does not know; kCorrupt.
Result<Volume> LoadVolume(client::Kv& kv);

// Changes bytes_max and inodes_max (the only two options that may change).
Status SetVolumeLimits(client::Kv& kv, uint64_t bytes_max, uint64_t inodes_max);

// Thread-safe. Leases blocks of numbers from the volume's counter and counts within them, so that
// no two mounts ever give the same one and a number costs no write but for one in kInoLeaseSize.
class InoAllocator {
 public:
  static constexpr uint64_t kInoLeaseSize = 65'536;
  explicit InoAllocator(client::Kv& kv) : kv_(kv) {}
  Result<Ino> Next();

 private:
  client::Kv& kv_;
  Mutex mutex_;
  fiber::CondVar leased_;
  bool leasing_ GUARDED_BY(mutex_) = false;
  uint64_t next_ GUARDED_BY(mutex_) = 0;
  uint64_t end_ GUARDED_BY(mutex_) = 0;
};

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_META_VOLUME_H_
