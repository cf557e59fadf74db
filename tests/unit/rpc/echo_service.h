// SPDX-License-Identifier: Apache-2.0
//
// EchoService: what the servers of these tests do. A payload of
//   "hold"      is kept, with its call, until the test takes it
//   "drop"      is never answered by the handler
//   "big N"     is answered by N bytes
//   "who"       is answered by "ROLE NAME"
// and any other is sent back.
#ifndef METARING_TESTS_UNIT_RPC_ECHO_SERVICE_H_
#define METARING_TESTS_UNIT_RPC_ECHO_SERVICE_H_

#include <memory>
#include <string>
#include <vector>

#include "kvnode/base/mutex.h"
#include "kvnode/rpc/handler.h"
#include "kvnode/rpc/server.h"

namespace metaring::rpc {

class EchoService {
 public:
  EchoService();

  Handler& handler() { return dispatcher_; }
  // Waits until so many calls are held, and gives them in the order in which they came.
  std::vector<Call> TakeHeld(size_t count);
  // Waits until so many oneway notes have come.
  void AwaitNotes(size_t count);

 private:
  void Echo(Call call, Bytes payload);

  Dispatcher dispatcher_;
  Mutex mutex_;
  CondVar more_;
  std::vector<Call> held_ GUARDED_BY(mutex_);
  size_t notes_ GUARDED_BY(mutex_) = 0;
};

void Reply(Call& call, Bytes payload);

// In plain text unless told otherwise; stopped with the object.
class TestServer {
 public:
  static ServerOptions PlainOptions();

  explicit TestServer(const ServerOptions& options = PlainOptions());
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  EchoService& service() { return service_; }
  Server& server() { return server_; }
  uint16_t port() const { return server_.port(); }

 private:
  EchoService service_;
  Server server_;
};

}  // namespace metaring::rpc

#endif  // METARING_TESTS_UNIT_RPC_ECHO_SERVICE_H_
