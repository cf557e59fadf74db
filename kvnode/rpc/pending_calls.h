// SPDX-License-Identifier: Apache-2.0
//
// PendingCalls: the calls of a channel that have not ended, by seqid.
#ifndef METARING_KVNODE_RPC_PENDING_CALLS_H_
#define METARING_KVNODE_RPC_PENDING_CALLS_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kvnode/rpc/channel.h"

namespace metaring::rpc {

struct PendingCall {
  ByteView method;  // Channel::CallEncoded's
  Channel::TimePoint deadline;
  Channel::Callback callback;
  Bytes waiting_frame;  // until there is a connection; empty then
  // Where its frame ends in the connection's stream of bytes.
  uint64_t end = std::numeric_limits<uint64_t>::max();

  bool sent() const { return waiting_frame.empty(); }
};

// One caller.
class PendingCalls {
 public:
  // Ids are counted, and the seqid is the low half: it comes again after 2^32 calls, when a reply
  // to its last use would be that late.
  CallId NextId() { return ++last_id_; }
  static int32_t SeqidOf(CallId id) { return static_cast<int32_t>(static_cast<uint32_t>(id)); }

  PendingCall& Add(CallId id, PendingCall&& call) {
    earliest_ = std::min(earliest_, call.deadline);
    return calls_.insert_or_assign(SeqidOf(id), std::move(call)).first->second;
  }
  // Null when there is none.
  PendingCall* Find(int32_t seqid) {
    const auto found = calls_.find(seqid);
    return found == calls_.end() ? nullptr : &found->second;
  }
  std::optional<PendingCall> Take(int32_t seqid) {
    const auto found = calls_.find(seqid);
    if (found == calls_.end()) return std::nullopt;
    PendingCall call = std::move(found->second);
    calls_.erase(found);
    return call;
  }
  // Those whose deadline has passed. Costs as much as there are calls, and is due once earliest()
  // has passed: about once a deadline's length, however many calls come and go meanwhile.
  std::vector<PendingCall> TakeExpired(Channel::TimePoint now) {
    std::vector<PendingCall> expired;
    earliest_ = Channel::TimePoint::max();
    for (auto it = calls_.begin(); it != calls_.end();) {
      if (it->second.deadline <= now) {
        expired.push_back(std::move(it->second));
        it = calls_.erase(it);
      } else {
        earliest_ = std::min(earliest_, it->second.deadline);
        ++it;
      }
    }
    return expired;
  }
  std::vector<PendingCall> TakeAll() {
    std::vector<PendingCall> all;
    all.reserve(calls_.size());
    for (auto& [seqid, call] : calls_) all.push_back(std::move(call));
    calls_.clear();
    earliest_ = Channel::TimePoint::max();
    return all;
  }
  size_t size() const { return calls_.size(); }
  // Not later than the earliest deadline.
  Channel::TimePoint earliest() const { return earliest_; }

 private:
  CallId last_id_ = 0;
  std::unordered_map<int32_t, PendingCall> calls_;
  Channel::TimePoint earliest_ = Channel::TimePoint::max();
};

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_PENDING_CALLS_H_
