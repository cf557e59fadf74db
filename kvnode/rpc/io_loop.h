// SPDX-License-Identifier: Apache-2.0
//
// IoLoop: one IO thread: its reactor, and the scratch buffer that its connections read into in
// turn. For the sources of this folder.
#ifndef METARING_KVNODE_RPC_IO_LOOP_H_
#define METARING_KVNODE_RPC_IO_LOOP_H_

#include <array>
#include <asio.hpp>
#include <optional>
#include <thread>

#include "kvnode/rpc/frame.h"

namespace metaring::rpc {

struct IoLoop {
  using Work = asio::executor_work_guard<asio::io_context::executor_type>;

  asio::io_context context{1};
  std::optional<Work> work{context.get_executor()};
  std::array<char, kTurnBytes> scratch;  // of the thread
  std::thread thread;
};

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_IO_LOOP_H_
