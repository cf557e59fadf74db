// SPDX-License-Identifier: Apache-2.0
#include "fusefs/meta/volume.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "fusefs/meta/batch.h"
#include "fusefs/meta/codec.h"
#include "fusefs/meta/keys.h"
#include "fusefs/meta/records.h"

namespace metaring::fusefs {
namespace {

constexpr int kAttempts = 64;

Status CheckOptions(const VolumeOptions& options) {
  if (!std::has_single_bit(options.block_bytes) || options.block_bytes < kBlockBytesMin ||
      options.block_bytes > kBlockBytesMax) {
    return Fail(ErrorCode::kInvalidArgument, "block_size: a power of two from 4096 to 524288");
  }
  if (options.small_bytes_max > std::min(options.block_bytes, kSmallBytesLimit)) {
    return Fail(ErrorCode::kInvalidArgument, "small_limit: at most the block size and 131072");
  }
  if ((options.root_mode & ~07777u) != 0) {
    return Fail(ErrorCode::kInvalidArgument, "root_mode: only permission bits");
  }
  constexpr uint64_t kMax = INT64_MAX;
  if (options.bytes_max > kMax || options.inodes_max > kMax) {
    return Fail(ErrorCode::kInvalidArgument, "bytes_max and inodes_max: less than 2^63");
  }
  return {};
}

// Other people's keys are not formatted over, nor is a copy that did not get to its end.
Status CheckEmpty(client::Kv& kv) {
  client::ScanRequest request;
  request.limit = 1;
  request.keys_only = true;
  request.keep_damaged = true;
  ASSIGN_OR_RETURN(const client::ScanPage page, kv.Scan(request));
  if (page.items.empty()) return {};
  ASSIGN_OR_RETURN(const auto record, kv.Get(keys::Volume()));
  return Fail(ErrorCode::kExists, record ? "the keyspace holds a volume already"
                                         : "the keyspace holds keys that are no volume");
}

struct Identity {
  uint64_t hash_seed;
  uint64_t id[2];
};

Result<Identity> RandomIdentity() {
  Identity identity;
  if (getrandom(&identity, sizeof identity, 0) != ssize_t{sizeof identity}) {
    return Fail(ErrnoError(errno, "getrandom"));
  }
  return identity;
}

std::string Hex(uint64_t v) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out.push_back(kDigits[v >> shift & 15]);
  return out;
}

DirectoryHeader RootHeader(const Volume& volume) {
  DirectoryHeader root;
  root.parent = kRootIno;
  root.mode = S_IFDIR | volume.options.root_mode;
  root.uid = volume.options.root_uid;
  root.gid = volume.options.root_gid;
  root.ctime = root.mtime = root.atime = volume.created;
  return root;
}

}  // namespace

Result<Volume> FormatVolume(client::Kv& kv, const VolumeOptions& options, const Clock& clock) {
  RETURN_IF_ERROR(CheckOptions(options));
  RETURN_IF_ERROR(CheckEmpty(kv));
  ASSIGN_OR_RETURN(const Identity identity, RandomIdentity());
  Volume volume;
  volume.id = Hex(identity.id[0]) + Hex(identity.id[1]);
  volume.hash_seed = identity.hash_seed;
  volume.options = options;
  volume.created = TimeFromNanos(clock.WallNanos());

  Batch batch;
  batch.RequireAbsent(keys::Volume());
  batch.Put(keys::Volume(), EncodeVolume(volume));
  batch.Put(keys::NextIno(), state::EncodeI64(static_cast<int64_t>(kRootIno.value()) + 1));
  batch.Put(keys::Header(kRootIno), EncodeDirectory(RootHeader(volume)));
  batch.Add(keys::InodesUsed(), 1);
  ASSIGN_OR_RETURN(const client::TransactReply reply, batch.Commit(kv));
  if (!reply.succeeded) return Fail(ErrorCode::kExists, "the keyspace holds a volume already");
  return volume;
}

Result<Volume> LoadVolume(client::Kv& kv) {
  ASSIGN_OR_RETURN(const auto record, kv.Get(keys::Volume()));
  if (!record) return Fail(ErrorCode::kNotFound, "the keyspace is not formatted as a volume");
  return DecodeVolume(record->value);
}

Status SetVolumeLimits(client::Kv& kv, uint64_t bytes_max, uint64_t inodes_max) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    ASSIGN_OR_RETURN(const auto record, kv.Get(keys::Volume()));
    if (!record) return Fail(ErrorCode::kNotFound, "the keyspace is not formatted as a volume");
    ASSIGN_OR_RETURN(Volume volume, DecodeVolume(record->value));
    if (volume.read_only) {
      return Fail(ErrorCode::kReadOnly, "the volume has features that this version may only read");
    }
    volume.options.bytes_max = bytes_max;
    volume.options.inodes_max = inodes_max;
    RETURN_IF_ERROR(CheckOptions(volume.options));
    Batch batch;
    batch.RequireVersion(keys::Volume(), record->version);
    batch.Put(keys::Volume(), EncodeVolume(volume));
    ASSIGN_OR_RETURN(const client::TransactReply reply, batch.Commit(kv));
    if (reply.succeeded) return {};
  }
  return Fail(ErrorCode::kConflict, "the volume's record kept changing");
}

}  // namespace metaring::fusefs
