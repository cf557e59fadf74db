// SPDX-License-Identifier: Apache-2.0
//
// The methods of kv.thrift, as a call through a channel needs them: the name, and the generated
// structs of arguments and result.
#ifndef METARING_KVNODE_CLIENT_METHODS_H_
#define METARING_KVNODE_CLIENT_METHODS_H_

#include <Kv.h>

namespace metaring::client {

template <typename ArgumentsStruct, typename ResultStruct>
struct Method {
  using Arguments = ArgumentsStruct;
  using Result = ResultStruct;
  using Request = decltype(ArgumentsStruct::request);
  using Reply = decltype(ResultStruct::success);
  const char* name;
};

inline constexpr Method<wire::Kv_hello_args, wire::Kv_hello_result> kHello{"hello"};
inline constexpr Method<wire::Kv_get_args, wire::Kv_get_result> kGet{"get"};
inline constexpr Method<wire::Kv_multi_get_args, wire::Kv_multi_get_result> kMultiGet{"multi_get"};
inline constexpr Method<wire::Kv_scan_args, wire::Kv_scan_result> kScan{"scan"};
inline constexpr Method<wire::Kv_put_args, wire::Kv_put_result> kPut{"put"};
inline constexpr Method<wire::Kv_delete_key_args, wire::Kv_delete_key_result> kDelete{"delete_key"};
inline constexpr Method<wire::Kv_transact_args, wire::Kv_transact_result> kTransact{"transact"};
inline constexpr Method<wire::Kv_health_check_args, wire::Kv_health_check_result> kHealthCheck{
    "health_check"};
inline constexpr Method<wire::Kv_cluster_map_args, wire::Kv_cluster_map_result> kClusterMap{
    "cluster_map"};
inline constexpr Method<wire::Kv_stats_args, wire::Kv_stats_result> kStats{"stats"};
inline constexpr Method<wire::Kv_keyspace_create_args, wire::Kv_keyspace_create_result>
    kKeyspaceCreate{"keyspace_create"};
inline constexpr Method<wire::Kv_keyspace_list_args, wire::Kv_keyspace_list_result> kKeyspaceList{
    "keyspace_list"};
inline constexpr Method<wire::Kv_keyspace_drop_args, wire::Kv_keyspace_drop_result> kKeyspaceDrop{
    "keyspace_drop"};
inline constexpr Method<wire::Kv_grant_set_args, wire::Kv_grant_set_result> kGrantSet{"grant_set"};
inline constexpr Method<wire::Kv_grant_list_args, wire::Kv_grant_list_result> kGrantList{
    "grant_list"};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_METHODS_H_
