// SPDX-License-Identifier: Apache-2.0
//
// Keys of any length in LMDB, whose own keys end at 511 bytes: the paths that format.h describes. A
// scan gives keys in their byte order and holds one key, however many it passes.
#ifndef METARING_KVNODE_STORE_KEY_TREE_H_
#define METARING_KVNODE_STORE_KEY_TREE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"
#include "kvnode/store/format.h"
#include "kvnode/store/lmdb_env.h"

namespace metaring::store {

// The value stays valid as long as the transaction.
Result<std::optional<ByteView>> KeyTreeGet(const LmdbTxn& txn, ByteView key);

// One caller.
class KeyTreeCursor {
 public:
  explicit KeyTreeCursor(LmdbCursor cursor) : cursor_(std::move(cursor)) {}

  void Seek(ByteView key);
  void Next();
  bool Valid() const { return valid_; }
  // Valid until the cursor moves; the value as long as the transaction.
  ByteView key() const { return key_; }
  ByteView value() const { return cursor_.value(); }
  // Nothing when all is well.
  const std::optional<Error>& error() const { return error_; }

 private:
  // One branch of the path, or the root: its id, and how many bytes of the key come before it.
  struct Level {
    uint64_t branch;
    size_t key_begin;
  };
  void Enter(ByteView chunk);
  void Leave();
  void Position(ByteView lmdb_key);
  void Settle();
  bool Take(const Result<bool>& moved);
  void Stop(Error error);

  LmdbCursor cursor_;
  std::vector<Level> levels_;  // from the root to where the cursor is
  Bytes prefix_;               // of all LMDB keys of the last level
  Bytes path_;                 // the bytes of the key before the last level
  Bytes long_key_;             // what key_ points to, below the root
  Bytes wanted_;               // scratch: an LMDB key to look for
  ByteView key_;
  bool at_entry_ = false;  // the LMDB cursor stands on an entry
  bool valid_ = false;
  std::optional<Error> error_;
};

// One caller. Writes through one cursor, so that writes in key order stay on the page where they
// are.
class KeyTreeWriter {
 public:
  KeyTreeWriter(LmdbCursor& cursor, Meta& meta) : cursor_(cursor), meta_(meta) {}
  Status Put(ByteView key, ByteView value);
  // Of a missing key: nothing.
  Status Delete(ByteView key);

 private:
  Status RemoveEmptyBranches(ByteView key);

  LmdbCursor& cursor_;
  Meta& meta_;
  std::vector<uint64_t> branches_;  // scratch: from the root's child down
};

}  // namespace metaring::store

#endif  // METARING_KVNODE_STORE_KEY_TREE_H_
