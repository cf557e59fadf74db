// SPDX-License-Identifier: Apache-2.0
//
// EchoCall: one call of `echo` through a channel, whose outcome a test waits for.
#ifndef METARING_TESTS_UNIT_RPC_ECHO_CALL_H_
#define METARING_TESTS_UNIT_RPC_ECHO_CALL_H_

#include <chrono>
#include <future>
#include <memory>

#include "kvnode/rpc/channel.h"

namespace metaring::rpc {

class EchoCall {
 public:
  // Begins at once. Without a deadline it has a minute, which only ends what hangs.
  EchoCall(Channel& channel, Bytes payload,
           std::chrono::milliseconds deadline = std::chrono::minutes(1));

  CallId id() const { return id_; }
  // Once. The payload that came back; kInternal when the answer was an EchoError.
  Result<Bytes> Await() { return outcome_.get(); }

 private:
  std::future<Result<Bytes>> outcome_;
  CallId id_;
};

// The code of a failed outcome; kInternal when it is none.
ErrorCode CodeOf(const Result<Bytes>& outcome);

}  // namespace metaring::rpc

#endif  // METARING_TESTS_UNIT_RPC_ECHO_CALL_H_
