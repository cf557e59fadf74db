// SPDX-License-Identifier: Apache-2.0
//
// MethodOf: the generated structs of each RPC, and the proof that the access table has every method
// of the IDL and no other: a method that is new there does not compile before it has an Rpc, hence
// a row.
#ifndef METARING_KVNODE_SERVER_METHOD_H_
#define METARING_KVNODE_SERVER_METHOD_H_

#include <Kv.h>
#include <Node.h>

#include <type_traits>

#include "kvnode/server/access.h"

namespace metaring::server {

#define METARING_KV_METHODS(X)            \
  X(Kv, kHello, hello)                    \
  X(Kv, kGet, get)                        \
  X(Kv, kMultiGet, multi_get)             \
  X(Kv, kScan, scan)                      \
  X(Kv, kPut, put)                        \
  X(Kv, kDeleteKey, delete_key)           \
  X(Kv, kTransact, transact)              \
  X(Kv, kHealthCheck, health_check)       \
  X(Kv, kClusterMap, cluster_map)         \
  X(Kv, kStats, stats)                    \
  X(Kv, kKeyspaceCreate, keyspace_create) \
  X(Kv, kKeyspaceList, keyspace_list)     \
  X(Kv, kKeyspaceDrop, keyspace_drop)     \
  X(Kv, kGrantSet, grant_set)             \
  X(Kv, kGrantList, grant_list)
#define METARING_NODE_METHODS(X) \
  X(Node, kIdentify, identify)   \
  X(Node, kHeartbeat, heartbeat) \
  X(Node, kDeliver, deliver)

template <Rpc kRpc>
struct MethodOf;

#define METARING_METHOD_OF(service, rpc, name)       \
  template <>                                        \
  struct MethodOf<Rpc::rpc> {                        \
    using Arguments = wire::service##_##name##_args; \
    using Result = wire::service##_##name##_result;  \
    using Request = decltype(Arguments::request);    \
    using Reply = decltype(Result::success);         \
  };                                                 \
  static_assert(RowOf(Rpc::rpc).method == #name);
METARING_KV_METHODS(METARING_METHOD_OF)
METARING_NODE_METHODS(METARING_METHOD_OF)

// Nobody makes one: that these are not abstract says that no method was forgotten.
#define METARING_OVERRIDES(service, rpc, name) \
  void name(MethodOf<Rpc::rpc>::Reply&, const MethodOf<Rpc::rpc>::Request&) override {}
struct EveryKvMethod : wire::KvIf {
  METARING_KV_METHODS(METARING_OVERRIDES)
};
struct EveryNodeMethod : wire::NodeIf {
  METARING_NODE_METHODS(METARING_OVERRIDES)
};
static_assert(!std::is_abstract_v<EveryKvMethod> && !std::is_abstract_v<EveryNodeMethod>,
              "a method of the IDL has no Rpc, and so no row in kAccessTable");

#undef METARING_OVERRIDES
#undef METARING_METHOD_OF
#undef METARING_KV_METHODS
#undef METARING_NODE_METHODS

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_METHOD_H_
