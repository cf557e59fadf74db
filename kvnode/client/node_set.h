// SPDX-License-Identifier: Apache-2.0
//
// NodeSet: the nodes that a client knows, a few connections to each, and which node is asked.
//
// All requests go to one node, as long as it is of use; then to the next one. On each new
// connection `hello` is asked first: a node of another cluster, or of a version that is too far
// away, gets nothing to do. The cluster's id is remembered from the first answer.
#ifndef METARING_KVNODE_CLIENT_NODE_SET_H_
#define METARING_KVNODE_CLIENT_NODE_SET_H_

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kvnode/base/mutex.h"
#include "kvnode/base/random.h"
#include "kvnode/client/endpoint.h"
#include "kvnode/client/retry.h"
#include "kvnode/rpc/channel.h"
#include "kvnode/rpc/delay.h"
#include "kvnode/rpc/io_threads.h"

namespace metaring::client {

struct NodeSetOptions {
  std::vector<Endpoint> endpoints;  // at least one
  // Without: plain text, which needs the next option and a loopback address.
  std::optional<rpc::TlsOptions> tls;
  bool allow_insecure_plain_text = false;
  std::string server_name;  // that nodes' certificates must have; empty: the endpoint's host
  std::string cluster_id;   // that nodes must be of; empty: whichever the first is of
  std::string client_name;  // program and version, for the nodes' logs
  unsigned channels_per_node = 2;
  unsigned io_threads = 1;
  std::chrono::milliseconds connect_deadline{5'000};
  RetryLimits retry;
};

// What a node has said of itself on its newest connection.
struct NodeHello {
  std::string cluster_id;
  int64_t node_id = 0;
  std::string node_name;
  std::string software;
  std::string own_name;  // who the node takes this client for
  std::string own_role;
};

// Thread-safe.
class NodeSet {
 public:
  using TimePoint = Retry::TimePoint;

  // Starts the threads; connects when something is asked. kInvalidArgument for the options or the
  // certificates.
  static Result<std::unique_ptr<NodeSet>> Open(NodeSetOptions options);
  // Not on an own thread. Ends all calls: their callbacks have come when it returns.
  ~NodeSet();
  NodeSet(const NodeSet&) = delete;
  NodeSet& operator=(const NodeSet&) = delete;

  // A connection to ask on: null when the set is being closed.
  struct Pick {
    std::shared_ptr<rpc::Channel> channel;
    size_t node = 0;
  };
  Pick PickChannel();
  // That node was of no use: another one is asked from now on.
  void Avoid(size_t node);
  size_t size() const { return options_.endpoints.size(); }
  // When a call ends at the latest that has this deadline, and an attempt of it that begins `now`.
  TimePoint EndOf(TimePoint deadline) const;
  TimePoint AttemptEndOf(TimePoint deadline, TimePoint now) const;
  // From now on no call may last longer than this. The last one that is told holds.
  void EndBy(TimePoint latest) { latest_ = latest.time_since_epoch().count(); }
  // How long one attempt of a call may take, from now on; it is then repeated, if it may be. 0, as
  // at first: as long as the call.
  void SetAttemptMax(std::chrono::milliseconds max) { attempt_max_ms_ = max.count(); }
  std::chrono::milliseconds attempt_max() const {
    return std::chrono::milliseconds(attempt_max_ms_);
  }
  // A call was answered: the log says so if it has said that calls are not (Judge).
  void NoteAnswer();

  // Calls `ended` on an IO thread after `wait`, or sooner when the set is closed.
  std::shared_ptr<rpc::Delay> StartDelay(std::chrono::nanoseconds wait,
                                         std::function<void()> ended);
  Retry::Verdict Judge(Retry& retry, const Failure& failure);
  const RetryLimits& retry_limits() const { return options_.retry; }

  // Loads the certificates anew, for connections to come; the old ones go with their last call. On
  // error nothing changes.
  Status ReloadCertificates();

  // What was last said; absent before the first connection.
  std::optional<NodeHello> hello() const;
  // Whether the caller is one of the own IO threads, which must not wait for themselves.
  bool OnOwnThread() const { return threads_.IsCurrent(); }

 private:
  struct Waiting;
  using Channels = std::vector<std::vector<std::shared_ptr<rpc::Channel>>>;  // by node

  explicit NodeSet(NodeSetOptions options);
  Result<Channels> MakeChannels();
  void Retire(const Channels& channels) REQUIRES(mutex_);
  Bytes MakeHello() const;
  Status AcceptHello(const Result<ByteView>& reply);

  // Constant.
  const NodeSetOptions options_;
  rpc::IoThreads threads_;

  // Self-synchronised.
  std::atomic<size_t> preferred_{0};
  std::atomic<size_t> next_channel_{0};
  std::atomic<TimePoint::rep> latest_{TimePoint::max().time_since_epoch().count()};
  std::atomic<int64_t> attempt_max_ms_{0};
  std::atomic<bool> silent_{false};

  mutable Mutex mutex_;
  Channels channels_ GUARDED_BY(mutex_);  // empty: closed
  // Of former certificates: those that still have calls.
  std::vector<std::weak_ptr<rpc::Channel>> retired_ GUARDED_BY(mutex_);
  std::set<std::shared_ptr<Waiting>> waiting_ GUARDED_BY(mutex_);
  Random random_ GUARDED_BY(mutex_);
  std::optional<NodeHello> hello_ GUARDED_BY(mutex_);
};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_NODE_SET_H_
