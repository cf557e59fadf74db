// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/remote_cluster.h"

#include <algorithm>
#include <random>
#include <utility>

#include "kvnode/base/check.h"
#include "kvnode/client/await.h"
#include "kvnode/client/typed_call.h"

namespace metaring::client {

Result<std::unique_ptr<RemoteCluster>> RemoteCluster::Open(const RemoteOptions& options) {
  if (options.deadline.count() <= 0 || options.deadline > kRequestDeadlineMax) {
    return Fail(ErrorCode::kInvalidArgument, "the deadline is 1 to 3600000 ms");
  }
  ASSIGN_OR_RETURN(std::unique_ptr<NodeSet> nodes, NodeSet::Open(options.nodes));
  // Names of writes must be unlike those of every other client, so they are not from a generator
  // that may have been seeded alike.
  std::random_device device;
  const uint64_t seed = uint64_t{device()} << 32 | device();
  return std::unique_ptr<RemoteCluster>(new RemoteCluster(options, std::move(nodes), seed));
}

RemoteCluster::TimePoint RemoteCluster::DefaultDeadline() const {
  const fiber::Task* const task = fiber::CurrentTask();
  const TimePoint of_task = task != nullptr ? task->deadline() : TimePoint::max();
  if (nodes_->attempt_max().count() > 0) return of_task;
  return std::min(of_task, std::chrono::steady_clock::now() + options_.deadline);
}

Result<NodeHello> RemoteCluster::Connect(std::chrono::milliseconds deadline) {
  RETURN_IF_ERROR(Await<bool>(*nodes_, [&](auto done) {
    return BeginCall(
        *nodes_, kHealthCheck, wire::HealthCheckRequest(), Repeatable::kAlways,
        std::chrono::steady_clock::now() + deadline,
        [](const wire::HealthCheckReply&) -> Result<bool> { return true; }, std::move(done));
  }));
  const std::optional<NodeHello> hello = nodes_->hello();
  CHECK(hello);
  return *hello;
}

}  // namespace metaring::client
