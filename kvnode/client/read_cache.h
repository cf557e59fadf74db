// SPDX-License-Identifier: Apache-2.0
//
// ReadCache: what reads of one keyspace have answered, for a while. Bounded by bytes (the least
// recently used goes) and by age.
//
// Own writes drop what they change, when they end. A read that was begun before such an end is not
// kept, because it may have seen what was there before. What other clients write is seen after
// `ttl` at the latest.
#ifndef METARING_KVNODE_CLIENT_READ_CACHE_H_
#define METARING_KVNODE_CLIENT_READ_CACHE_H_

#include <array>
#include <chrono>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "kvnode/base/bytes.h"
#include "kvnode/base/clock.h"
#include "kvnode/base/mutex.h"
#include "kvnode/state/command.h"

namespace metaring::client {

struct ReadCacheOptions {
  size_t bytes_max = 0;  // of keys and values and what keeping them costs; 0: no cache
  std::chrono::milliseconds ttl{1'000};
};

// Thread-safe.
class ReadCache {
 public:
  using MaybeRecord = std::optional<state::Record>;

  // `clock` outlives it.
  ReadCache(const ReadCacheOptions& options, const Clock& clock)
      : options_(options), clock_(clock) {}

  bool enabled() const { return options_.bytes_max > 0; }

  // What is known of the key: nothing; or a record, or that there is none.
  std::optional<MaybeRecord> Find(ByteView key);

  // A read asks for a ticket before it is sent, and keeps its answer with it.
  struct Ticket {
    uint64_t writes = 0;
    int64_t began_nanos = 0;
  };
  Ticket Begin(ByteView key) const;
  void Keep(const Ticket& ticket, ByteView key, const MaybeRecord& record);

  // A write of the key has ended, whatever came of it.
  void Drop(ByteView key);

  size_t bytes() const;

 private:
  struct Entry {
    Bytes key;
    MaybeRecord record;
    int64_t until_nanos = 0;
    size_t cost() const { return kEntryCost + key.size() + (record ? record->value.size() : 0); }
  };
  using Entries = std::list<Entry>;  // the most recently used first

  // What an entry takes besides its bytes: list node, map node, string heads.
  static constexpr size_t kEntryCost = 200;
  static constexpr size_t kShares = 256;

  static size_t ShareOf(ByteView key) { return Xxh3(key) % kShares; }
  void Erase(Entries::iterator entry) REQUIRES(mutex_);

  // Constant.
  const ReadCacheOptions options_;
  const Clock& clock_;

  mutable Mutex mutex_;
  Entries entries_ GUARDED_BY(mutex_);
  std::unordered_map<ByteView, Entries::iterator> by_key_ GUARDED_BY(mutex_);  // views of entries_
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  // Writes that have ended, of the keys of each share.
  std::array<uint64_t, kShares> writes_ GUARDED_BY(mutex_){};
};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_READ_CACHE_H_
