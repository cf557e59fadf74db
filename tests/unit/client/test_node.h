// SPDX-License-Identifier: Apache-2.0
//
// TestNode: a node of a test: the server of kvnode/rpc with handlers over a real embedded form in
// memory, in this process. What it answers can be spoilt: refused, held, or forgotten after it was
// done. It can be killed, which breaks its connections, and started again on the same port with the
// same store.
#ifndef METARING_TESTS_UNIT_CLIENT_TEST_NODE_H_
#define METARING_TESTS_UNIT_CLIENT_TEST_NODE_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kvnode/base/clock.h"
#include "kvnode/base/mutex.h"
#include "kvnode/client/cluster_info.h"
#include "kvnode/client/embedded.h"
#include "kvnode/client/remote_cluster.h"
#include "kvnode/client/wire.h"
#include "kvnode/rpc/handler.h"
#include "kvnode/rpc/server.h"
#include "tests/sim/sim_disk.h"

namespace metaring::client {

// What becomes of a request.
struct Spoil {
  enum class How {
    kNot,
    kRefuse,  // with `error`; nothing is done
    kHold,    // nothing is done; it is not answered until the node is killed
    kForget,  // it is done; it is not answered until the node is killed
    kLose,  // it is done; then the node has lost the request, which Thrift calls an internal error
  };
  How how = How::kNot;
  Error error{};
  std::chrono::milliseconds retry_after{0};
};

// Thread-safe, but for Kill and Start.
class TestNode {
 public:
  struct Options {
    std::string cluster_id = "0123456789abcdef0123456789abcdef";
    std::optional<rpc::TlsOptions> tls;  // without: plain text
    int32_t version = 1;                 // that `hello` answers
  };

  TestNode() : TestNode(Options{}) {}
  explicit TestNode(const Options& options);
  ~TestNode();
  TestNode(const TestNode&) = delete;
  TestNode& operator=(const TestNode&) = delete;

  void Start();
  void Kill();
  uint16_t port() const { return port_; }
  Endpoint endpoint() const { return {"127.0.0.1", port_}; }
  Embedded& store() { return *store_; }
  // Kv of a keyspace, without the network.
  std::unique_ptr<Kv> Open(const std::string& keyspace);

  // Asked for each request but hello, with its method. None: nothing is spoilt.
  void SpoilBy(std::function<Spoil(const std::string& method)> spoil);
  // Spoils the next `count` requests of one method.
  void SpoilNext(const std::string& method, int count, const Spoil& spoil);
  // Waits until so many requests are held or forgotten.
  void AwaitKept(size_t count);
  // How many requests of a method have come.
  int Count(const std::string& method) const;
  // The last deadline that a request of a keyspace has named.
  std::chrono::milliseconds LastDeadline() const;

 private:
  template <typename MethodOf, typename Serve>
  void Add(const MethodOf& method, Serve serve);
  void AddReads();
  void AddWrites();
  void AddHello();
  void AddAdmin();
  Spoil Judge(const std::string& method);
  void Keep(rpc::Call call);
  Result<std::unique_ptr<EncodedKv>> KvOf(wire::Target&& raw);

  const Options options_;
  const SystemClock clock_;
  sim::SimDisk disk_;
  std::unique_ptr<Embedded> store_;
  rpc::Dispatcher dispatcher_;
  std::unique_ptr<rpc::Server> server_;
  uint16_t port_ = 0;

  mutable Mutex mutex_;
  CondVar kept_more_;
  std::function<Spoil(const std::string&)> spoil_ GUARDED_BY(mutex_);
  std::vector<rpc::Call> kept_ GUARDED_BY(mutex_);
  std::map<std::string, int> counts_ GUARDED_BY(mutex_);
  std::map<std::string, std::map<std::string, Grant>> grants_ GUARDED_BY(mutex_);
  std::chrono::milliseconds last_deadline_ GUARDED_BY(mutex_){0};
};

// Of a client of these nodes, in plain text, that waits little between attempts.
RemoteOptions ClientOptions(const std::vector<Endpoint>& endpoints);

}  // namespace metaring::client

#endif  // METARING_TESTS_UNIT_CLIENT_TEST_NODE_H_
