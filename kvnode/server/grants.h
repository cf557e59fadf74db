// SPDX-License-Identifier: Apache-2.0
//
// Grants: which client may do what in which keyspace. Kept in keyspace 0, all of them in memory.
//
//   key "grant/" client "/" keyspace : format(u8 = 1) access(u8); the keyspace is a name or "*"
//
// Example, alice may write "photos": key "grant/alice/photos", value 01 02.
#ifndef METARING_KVNODE_SERVER_GRANTS_H_
#define METARING_KVNODE_SERVER_GRANTS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kvnode/base/mutex.h"
#include "kvnode/client/cluster_info.h"
#include "kvnode/client/kv.h"
#include "kvnode/fiber/fiber.h"
#include "kvnode/server/access.h"

namespace metaring::server {

inline constexpr size_t kGrantsMax = 50'000;
inline constexpr std::string_view kEveryKeyspace = "*";

using client::Grant;

// Thread-safe.
class Grants {
 public:
  // `system` is keyspace 0, and outlives this.
  explicit Grants(client::Kv& system) : system_(system) {}

  // Reads all of them; once, before the rest. kCorrupt, kFormatMismatch.
  Status Load();

  // The higher one of that for the keyspace and that for all.
  std::optional<Access> Of(std::string_view client, std::string_view keyspace) const;
  // Durable, and in force for every request that begins after it returns. No access takes the
  // grant away. Waits as a fiber does. kInvalidArgument for the names, kTooBig over kGrantsMax.
  Status Set(const Grant& grant);
  // By client, then keyspace; those of one client if named.
  std::vector<Grant> List(const std::optional<std::string>& client) const;

 private:
  using OfClient = std::map<std::string, Access, std::less<>>;  // by keyspace

  Status Write(const Grant& grant);
  void Remember(const Grant& grant);

  client::Kv& system_;

  // One Set at a time, so that memory and store change in one order.
  Mutex set_mutex_;
  fiber::CondVar set_ended_;
  bool setting_ GUARDED_BY(set_mutex_) = false;

  mutable SharedMutex mutex_;
  std::map<std::string, OfClient, std::less<>> by_client_ GUARDED_BY(mutex_);
  size_t count_ GUARDED_BY(mutex_) = 0;
};

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_GRANTS_H_
