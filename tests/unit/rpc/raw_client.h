// SPDX-License-Identifier: Apache-2.0
//
// RawClient: a TCP socket of a test that sends what no client of ours would. Its waits end by
// themselves after half a minute, which only ends what hangs.
#ifndef METARING_TESTS_UNIT_RPC_RAW_CLIENT_H_
#define METARING_TESTS_UNIT_RPC_RAW_CLIENT_H_

#include <cstdint>
#include <optional>

#include "kvnode/base/bytes.h"
#include "kvnode/rpc/frame.h"

namespace metaring::rpc {

class RawClient {
 public:
  explicit RawClient(uint16_t port);  // on 127.0.0.1
  explicit RawClient(int fd) : fd_(fd) {}
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  int fd() const { return fd_; }
  // False when the other side is gone.
  bool Send(ByteView data);
  // As much as can be sent without waiting; how much that was.
  size_t SendWithoutWaiting(ByteView data);
  // Absent at the end of the stream, also when it is reset.
  std::optional<Bytes> ReadExactly(size_t count);
  std::optional<Bytes> ReadFrame();
  // True when the other side closes, whatever it sends before.
  bool AwaitEnd();

 private:
  int fd_;
};

// A listening socket of 127.0.0.1 whose connections a test serves itself.
class RawServer {
 public:
  RawServer();
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  uint16_t port() const { return port_; }
  int Accept();  // a descriptor, for RawClient

 private:
  int fd_;
  uint16_t port_ = 0;
};

// The frame of a call of `echo`.
Bytes EchoFrame(int32_t seqid, ByteView payload);
// The payload of an answer to it; absent when it is another answer.
std::optional<Bytes> EchoedBy(const Message& message);
// The code of the typed exception in an answer to it; 0 when there is none.
int RefusalCodeOf(const Message& message);

}  // namespace metaring::rpc

#endif  // METARING_TESTS_UNIT_RPC_RAW_CLIENT_H_
