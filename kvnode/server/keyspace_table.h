// SPDX-License-Identifier: Apache-2.0
//
// KeyspaceTable: the keyspaces that a node serves, open, by name. The catalog (client/keyspaces.h)
// is read once; the node alone changes it.
#ifndef METARING_KVNODE_SERVER_KEYSPACE_TABLE_H_
#define METARING_KVNODE_SERVER_KEYSPACE_TABLE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kvnode/base/mutex.h"
#include "kvnode/client/embedded.h"
#include "kvnode/fiber/fiber.h"
#include "kvnode/placement/cluster_map.h"

namespace metaring::server {

// Immutable.
struct OpenKeyspace {
  client::KeyspaceInfo info;
  std::unique_ptr<client::EncodedKv> kv;
};

// Thread-safe. What changes something waits as a fiber does.
class KeyspaceTable {
 public:
  // `store` outlives this.
  explicit KeyspaceTable(client::Embedded& store) : store_(store) {}

  // Opens all of them; once, before the rest.
  Status Load();

  // kNotFound; kStale when the name means another keyspace than `id`. It stays usable while the
  // caller has it.
  Result<std::shared_ptr<const OpenKeyspace>> Find(std::string_view name,
                                                   std::optional<KeyspaceId> id) const;
  std::vector<client::KeyspaceInfo> List() const;  // by name

  // kTooBig over placement::kKeyspacesMax; else as Embedded::Create.
  Result<client::KeyspaceInfo> Create(const std::string& name,
                                      const client::KeyspaceOptions& options);
  // Nobody finds it any more; when the last request on it has ended it is erased. kNotFound.
  Status Drop(const std::string& name);

 private:
  // What the last owner of a dropped keyspace tells the one who drops it.
  struct Ending {
    Mutex mutex;
    fiber::CondVar changed;
    bool ended GUARDED_BY(mutex) = false;
  };
  struct Entry {
    std::shared_ptr<const OpenKeyspace> keyspace;
    std::shared_ptr<Ending> ending;
  };

  static Entry NewEntry(client::OpenedKeyspace opened);
  // What was there under that name ends after the call, when nothing is locked any more.
  void Insert(const std::string& name, Entry&& entry);
  // One Drop at a time: what erases, erases all that has no name.
  Status DropAlone(const std::string& name);

  client::Embedded& store_;

  Mutex drop_mutex_;
  fiber::CondVar drop_ended_;
  bool dropping_ GUARDED_BY(drop_mutex_) = false;

  mutable SharedMutex mutex_;
  std::map<std::string, Entry, std::less<>> by_name_ GUARDED_BY(mutex_);
};

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_KEYSPACE_TABLE_H_
