// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/node_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "kvnode/base/bytes.h"
#include "kvnode/base/logging.h"
#include "kvnode/client/methods.h"
#include "kvnode/client/wire.h"
#include "kvnode/rpc/codec.h"

namespace metaring::client {
namespace {

uint64_t RandomSeed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

// What a refused greeting means for the calls that wait for it: they were not sent, so it is never
// what would leave their outcome open, nor is it their own fault.
Error GreetingRefused(Error error) {
  switch (error.code) {
    case ErrorCode::kBusy:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kUnsupported:
    case ErrorCode::kFormatMismatch:
      break;
    case ErrorCode::kInvalidArgument:  // it does not understand the question
      error.code = ErrorCode::kUnsupported;
      break;
    default:
      error.code = ErrorCode::kUnavailable;
  }
  return error;
}

}  // namespace

struct NodeSet::Waiting {
  std::shared_ptr<rpc::Delay> delay;
};

NodeSet::NodeSet(NodeSetOptions options) : options_(std::move(options)), random_(RandomSeed()) {}

Result<std::unique_ptr<NodeSet>> NodeSet::Open(NodeSetOptions options) {
  if (options.endpoints.empty()) return Fail(ErrorCode::kInvalidArgument, "no endpoints");
  if (options.channels_per_node == 0 || options.io_threads == 0) {
    return Fail(ErrorCode::kInvalidArgument, "channels_per_node and io_threads are at least 1");
  }
  if (!options.tls && !options.allow_insecure_plain_text) {
    return Fail(ErrorCode::kInvalidArgument,
                "no certificates are given, and plain text is not allowed");
  }
  auto nodes = std::unique_ptr<NodeSet>(new NodeSet(std::move(options)));
  nodes->threads_.Start("metaring-io", nodes->options_.io_threads);
  ASSIGN_OR_RETURN(Channels channels, nodes->MakeChannels());
  const MutexLock lock(nodes->mutex_);
  nodes->channels_ = std::move(channels);
  return nodes;
}

NodeSet::~NodeSet() {
  {
    const MutexLock lock(mutex_);
    Retire(std::exchange(channels_, {}));
    for (const auto& waiting : waiting_) waiting->delay->Cut();
    for (const auto& retired : retired_) {
      if (const auto channel = retired.lock(); channel != nullptr) channel->Close();
    }
  }
  threads_.Stop();
}

Result<NodeSet::Channels> NodeSet::MakeChannels() {
  rpc::ChannelOptions to;
  if (options_.tls) {
    ASSIGN_OR_RETURN(to.tls, rpc::TlsContext::ForClient(*options_.tls));
  }
  to.allow_insecure_plain_text = options_.allow_insecure_plain_text;
  to.server_name = options_.server_name;
  to.connect_deadline = options_.connect_deadline;
  to.backoff_max = options_.retry.backoff_max;
  to.greeting = rpc::Greeting{kHello.name, [this] { return MakeHello(); },
                              [this](const Result<ByteView>& reply) { return AcceptHello(reply); }};
  Channels channels;
  for (const Endpoint& endpoint : options_.endpoints) {
    to.host = endpoint.host;
    to.port = endpoint.port;
    auto& of_node = channels.emplace_back();
    for (unsigned i = 0; i < options_.channels_per_node; ++i) {
      of_node.push_back(std::make_shared<rpc::Channel>(threads_, to));
    }
  }
  return channels;
}

Status NodeSet::ReloadCertificates() {
  ASSIGN_OR_RETURN(Channels channels, MakeChannels());
  const MutexLock lock(mutex_);
  if (channels_.empty()) return {};
  channels_.swap(channels);
  Retire(channels);
  return {};
}

void NodeSet::Retire(const Channels& channels) {
  std::erase_if(retired_, [](const auto& each) { return each.expired(); });
  for (const auto& of_node : channels)
    retired_.insert(retired_.end(), of_node.begin(), of_node.end());
}

NodeSet::Pick NodeSet::PickChannel() {
  const size_t node = preferred_.load(std::memory_order_relaxed);
  const size_t turn = next_channel_.fetch_add(1, std::memory_order_relaxed);
  const MutexLock lock(mutex_);
  if (channels_.empty()) return {};
  const auto& of_node = channels_[node];
  return {of_node[turn % of_node.size()], node};
}

void NodeSet::Avoid(size_t node) {
  preferred_.compare_exchange_strong(node, (node + 1) % size(), std::memory_order_relaxed);
}

NodeSet::TimePoint NodeSet::EndOf(TimePoint deadline) const {
  return std::min(deadline, TimePoint(TimePoint::duration(latest_)));
}

NodeSet::TimePoint NodeSet::AttemptEndOf(TimePoint deadline, TimePoint now) const {
  const TimePoint end = EndOf(deadline);
  const std::chrono::milliseconds max = attempt_max();
  if (max.count() == 0) return end;
  return std::min(end, now + max);
}

void NodeSet::NoteAnswer() {
  if (silent_.load(std::memory_order_relaxed) && silent_.exchange(false)) {
    LogWarn("client", "the cluster answers again");
  }
}

std::shared_ptr<rpc::Delay> NodeSet::StartDelay(std::chrono::nanoseconds wait,
                                                std::function<void()> ended) {
  auto waiting = std::make_shared<Waiting>();
  const MutexLock lock(mutex_);
  if (channels_.empty()) wait = std::chrono::nanoseconds(0);
  // Its end waits for the mutex until it is noted.
  waiting->delay = rpc::Delay::Start(threads_, wait, [this, waiting, ended = std::move(ended)] {
    {
      const MutexLock end_lock(mutex_);
      waiting_.erase(waiting);
    }
    ended();
  });
  waiting_.insert(waiting);
  return waiting->delay;
}

Retry::Verdict NodeSet::Judge(Retry& retry, const Failure& failure) {
  const TimePoint now = std::chrono::steady_clock::now();
  Retry::Verdict verdict;
  {
    const MutexLock lock(mutex_);
    verdict = retry.After(failure, now, options_.endpoints.size(), random_);
    if (verdict.again && channels_.empty()) return {false, {}, retry.Final(failure.error)};
  }
  const std::chrono::milliseconds max = attempt_max();
  const bool lasts = verdict.again && max.count() > 0 && now - retry.began() >= max;
  if (lasts && !silent_.exchange(true)) {
    LogWarn("client", "the cluster does not answer, still trying: {}", failure.error.message);
  }
  return verdict;
}

// --- hello ---------------------------------------------------------------------------------------

Bytes NodeSet::MakeHello() const {
  wire::Kv_hello_args arguments;
  arguments.request.__set_version_min(kProtocolVersionMin);
  arguments.request.__set_version_max(kProtocolVersion);
  arguments.request.__set_client_name(options_.client_name);
  std::string cluster_id = options_.cluster_id;
  if (const auto known = hello(); known) cluster_id = known->cluster_id;
  if (!cluster_id.empty()) arguments.request.__set_cluster_id(cluster_id);
  Bytes frame = rpc::BeginFrame(rpc::MessageType::kCall, kHello.name, 0);
  rpc::AppendEncoded(frame, arguments);
  return frame;
}

Status NodeSet::AcceptHello(const Result<ByteView>& reply) {
  if (!reply) return Fail(GreetingRefused(reply.error()));
  rpc::Decoded<wire::Kv_hello_result> result(*reply);
  if (!result.status() || !(result->__isset.error || result->__isset.success)) {
    return Fail(ErrorCode::kFormatMismatch, "what answers there is no node of Metaring");
  }
  if (result->__isset.error) return Fail(GreetingRefused(FromWire(std::move(result->error)).error));
  wire::HelloReply& said = result->success;
  if (said.version < kProtocolVersionMin || said.version > kProtocolVersion) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("the node wants to speak version {} of the protocol", said.version));
  }
  const MutexLock lock(mutex_);
  const std::string& expected = hello_ ? hello_->cluster_id : options_.cluster_id;
  if (!expected.empty() && said.cluster_id != expected) {
    return Fail(ErrorCode::kFormatMismatch,
                fmt::format("the node is of cluster {}, not {}", Escaped(said.cluster_id),
                            Escaped(expected)));
  }
  hello_ = NodeHello{std::move(said.cluster_id), said.node_id,
                     std::move(said.node_name),  std::move(said.software),
                     std::move(said.peer_name),  std::move(said.peer_role)};
  return {};
}

std::optional<NodeHello> NodeSet::hello() const {
  const MutexLock lock(mutex_);
  return hello_;
}

}  // namespace metaring::client
