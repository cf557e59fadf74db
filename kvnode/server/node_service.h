// SPDX-License-Identifier: Apache-2.0
//
// The methods by which a node says who it is and how it is: to clients, and to other nodes.
#ifndef METARING_KVNODE_SERVER_NODE_SERVICE_H_
#define METARING_KVNODE_SERVER_NODE_SERVICE_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "kvnode/server/expiry.h"
#include "kvnode/server/front.h"
#include "kvnode/server/node_identity.h"

namespace metaring::server {

// What is known about the node itself. Constant, but for `draining`, once the listeners are open.
struct NodeFacts {
  NodeIdentity identity;
  std::string name;
  std::string rack;
  std::string software;  // "kvnode 0.1.0"
  int64_t frame_bytes_max = 0;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  std::atomic<bool> draining{false};
  // Thread-safe.
  std::function<std::string()> client_address;  // HOST:PORT
  std::function<bool()> is_full;                // the store takes no more
  std::function<std::vector<ExpiryWarning>()> expiry_warnings;
  std::function<NamedCounters()> counters;
};

// `facts` outlives the dispatchers.
void AddInfoMethods(Front& front, rpc::Dispatcher& dispatcher, const NodeFacts& facts);
void AddNodeMethods(Front& front, rpc::Dispatcher& dispatcher, const NodeFacts& facts);

// The methods of the other listener on each.
void AddMethodsElsewhere(Front& front, rpc::Dispatcher& clients, rpc::Dispatcher& nodes);

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_NODE_SERVICE_H_
