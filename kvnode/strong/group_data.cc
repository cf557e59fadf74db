// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/group_data.h"

#include "kvnode/strong/ids.h"

namespace metaring::strong {
namespace {

// Deleting does not move what a cursor of a Txn shows, so keys are taken first.
Result<std::vector<Bytes>> SomeKeys(const store::View& view, const Bytes& prefix,
                                    uint64_t bytes_max) {
  std::vector<Bytes> keys;
  uint64_t bytes = 0;
  const auto cursor = view.NewCursor();
  for (cursor->Seek(prefix);
       cursor->Valid() && cursor->key().starts_with(prefix) && bytes < bytes_max; cursor->Next()) {
    keys.emplace_back(cursor->key());
    bytes += keys.back().size();
  }
  RETURN_IF_ERROR(cursor->status());
  return keys;
}

}  // namespace

Bytes ScopePrefix(GroupId group, KeyspaceId keyspace) {
  Bytes prefix;
  AppendBigU16(prefix, SlotOf(group).value());
  AppendBigU32(prefix, keyspace.value());
  return prefix;
}

Result<bool> EraseSome(store::Txn& txn, GroupId group, uint64_t bytes_max) {
  ASSIGN_OR_RETURN(const std::vector<KeyspaceId> keyspaces, ReadKeyspaces(txn, group));
  uint64_t bytes = 0;
  for (const KeyspaceId keyspace : keyspaces) {
    ASSIGN_OR_RETURN(const std::vector<Bytes> keys,
                     SomeKeys(txn, ScopePrefix(group, keyspace), bytes_max - bytes));
    for (const Bytes& key : keys) {
      txn.Delete(key);
      bytes += key.size();
    }
    if (bytes >= bytes_max) return false;
    DeleteKeyspace(txn, group, keyspace);
  }
  DeleteAppliedConfiguration(txn, group);
  return true;
}

}  // namespace metaring::strong
