// SPDX-License-Identifier: Apache-2.0
//
// The methods that make and drop keyspaces, and say who may use them.
#ifndef METARING_KVNODE_SERVER_ADMIN_SERVICE_H_
#define METARING_KVNODE_SERVER_ADMIN_SERVICE_H_

#include "kvnode/server/front.h"

namespace metaring::server {

// `keyspaces` and `grants` outlive the dispatcher.
void AddAdminMethods(Front& front, rpc::Dispatcher& dispatcher, KeyspaceTable& keyspaces,
                     Grants& grants);

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_ADMIN_SERVICE_H_
