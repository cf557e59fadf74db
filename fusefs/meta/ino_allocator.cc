// SPDX-License-Identifier: Apache-2.0
#include "fusefs/meta/batch.h"
#include "fusefs/meta/keys.h"
#include "fusefs/meta/volume.h"

namespace metaring::fusefs {
namespace {

constexpr int kAttempts = 64;
constexpr int64_t kInoMax = INT64_MAX / 2;

// The first number of a block of kInoLeaseSize that nobody else gets.
Result<uint64_t> LeaseBlock(client::Kv& kv) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    ASSIGN_OR_RETURN(const auto record, kv.Get(keys::NextIno()));
    const auto next = record ? state::DecodeI64(record->value) : std::nullopt;
    if (!next || *next <= static_cast<int64_t>(kRootIno.value()) || *next > kInoMax) {
      return Fail(ErrorCode::kCorrupt, "the volume's counter of inode numbers is wrong");
    }
    Batch batch;
    batch.RequireVersion(keys::NextIno(), record->version);
    batch.Put(keys::NextIno(),
              state::EncodeI64(*next + static_cast<int64_t>(InoAllocator::kInoLeaseSize)));
    ASSIGN_OR_RETURN(const client::TransactReply reply, batch.Commit(kv));
    if (reply.succeeded) return static_cast<uint64_t>(*next);
  }
  return Fail(ErrorCode::kConflict, "the counter of inode numbers kept changing");
}

}  // namespace

Result<Ino> InoAllocator::Next() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (next_ < end_) return Ino{next_++};
      if (fiber::Cancelled())
        return Fail(ErrorCode::kCancelled, "cancelled before it was numbered");
      if (leasing_) {
        leased_.Wait(mutex_);
        continue;
      }
      leasing_ = true;
    }
    const Result<uint64_t> first = LeaseBlock(kv_);
    MutexLock lock(mutex_);
    leasing_ = false;
    leased_.NotifyAll();
    if (!first) return Fail(first.error());
    next_ = *first;
    end_ = *first + kInoLeaseSize;
  }
}

}  // namespace metaring::fusefs
