// SPDX-License-Identifier: Apache-2.0
//
// TestNode: a whole node in this process, over TLS with certificates of its own CA, in a directory
// that is gone with it; and clients that call it as anybody would.
#ifndef METARING_TESTS_UNIT_SERVER_TEST_NODE_H_
#define METARING_TESTS_UNIT_SERVER_TEST_NODE_H_

#include <Kv.h>
#include <Node.h>

#include <Kv.tcc>
#include <Node.tcc>
#include <chrono>
#include <future>
#include <kv_types.tcc>
#include <memory>
#include <node_types.tcc>
#include <string>

#include "kvnode/client/wire.h"
#include "kvnode/rpc/channel.h"
#include "kvnode/server/method.h"
#include "kvnode/server/node.h"
#include "tests/unit/rpc/pki.h"

namespace metaring::server {

// One connection of somebody. Calls have a minute, which only ends what hangs.
class TestClient {
 public:
  TestClient(rpc::IoThreads& threads, const rpc::ChannelOptions& options)
      : channel_(threads, options) {}

  rpc::Channel& channel() { return channel_; }

  template <Rpc kRpc>
  std::future<Result<typename MethodOf<kRpc>::Reply>> Begin(
      typename MethodOf<kRpc>::Request request) {
    using Reply = typename MethodOf<kRpc>::Reply;
    typename MethodOf<kRpc>::Arguments arguments;
    arguments.request = std::move(request);
    auto promise = std::make_shared<std::promise<Result<Reply>>>();
    auto future = promise->get_future();
    channel_.Call(RowOf(kRpc).method, arguments,
                  std::chrono::steady_clock::now() + std::chrono::minutes(1),
                  [promise](const Result<ByteView>& raw) {
                    promise->set_value(Decode<typename MethodOf<kRpc>::Result>(raw));
                  });
    return future;
  }
  template <Rpc kRpc>
  Result<typename MethodOf<kRpc>::Reply> Call(typename MethodOf<kRpc>::Request request) {
    return Begin<kRpc>(std::move(request)).get();
  }
  // The code of the error; kInternal with a reply.
  template <Rpc kRpc>
  ErrorCode CodeOf(typename MethodOf<kRpc>::Request request) {
    const auto outcome = Call<kRpc>(std::move(request));
    return outcome ? ErrorCode::kInternal : outcome.error().code;
  }

 private:
  template <typename ResultStruct>
  static Result<decltype(ResultStruct::success)> Decode(const Result<ByteView>& raw) {
    if (!raw) return Fail(raw.error());
    rpc::Decoded<ResultStruct> result(*raw);
    RETURN_IF_ERROR(result.status());
    if (!result->__isset.success) {
      return Fail(client::FromWire(std::move(result->error)).error);
    }
    return std::move(result->success);
  }

  rpc::Channel channel_;
};

class TestNode {
 public:
  TestNode();
  ~TestNode();
  TestNode(const TestNode&) = delete;
  TestNode& operator=(const TestNode&) = delete;

  // Starts with `config`, which tests may change before; ports are free ones.
  Status Start();
  void Stop(std::chrono::milliseconds drain = std::chrono::milliseconds(0));

  Config& config() { return config_; }
  Node& node() { return *node_; }
  const rpc::Pki& pki() const { return pki_; }
  // With the certificate NAME, made on the first use: "root" is an admin, names that begin with
  // "node" are nodes, all others clients.
  std::unique_ptr<TestClient> Client(const std::string& name);
  std::unique_ptr<TestClient> NodeClient(const std::string& name);  // on the nodes' listener

 private:
  std::unique_ptr<TestClient> Connect(const std::string& name, uint16_t port);

  const rpc::Pki pki_;
  SystemClock clock_;
  Config config_;
  std::unique_ptr<Node> node_;
  rpc::IoThreads threads_;
};

wire::Target TargetOf(const std::string& keyspace);
wire::PutRequest PutOf(const std::string& keyspace, Bytes key, Bytes value);
wire::GetRequest GetOf(const std::string& keyspace, Bytes key);
wire::KeyspaceCreateRequest CreateOf(const std::string& keyspace);
wire::GrantSetRequest GrantOf(const std::string& client, const std::string& keyspace,
                              std::optional<wire::Access::type> access);

}  // namespace metaring::server

#endif  // METARING_TESTS_UNIT_SERVER_TEST_NODE_H_
