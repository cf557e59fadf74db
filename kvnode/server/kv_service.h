// SPDX-License-Identifier: Apache-2.0
//
// The methods that read and write the records of a keyspace.
#ifndef METARING_KVNODE_SERVER_KV_SERVICE_H_
#define METARING_KVNODE_SERVER_KV_SERVICE_H_

#include "kvnode/server/front.h"

namespace metaring::server {

void AddKvMethods(Front& front, rpc::Dispatcher& dispatcher);

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_KV_SERVICE_H_
