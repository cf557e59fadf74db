// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/log_stage.h"

#include <algorithm>
#include <utility>

#include "kvnode/log/format.h"

namespace metaring::strong {

LogStage::LogStage(log::Log& log, uint64_t bytes_max)
    : log_(log),
      bytes_max_(bytes_max),
      end_(log.durable()),
      durable_(log.durable()),
      sync_asked_(log.durable()) {}

void LogStage::Add(GroupId group, RecordType type, Bytes payload, raft::LogIndex index) {
  ++added_;
  waiting_bytes_ += log::RecordBytes(payload.size());
  waiting_.push_back({group, type, std::move(payload), index});
}

void LogStage::AddMark(Done done) {
  writes_.push_back({added_, {}, std::move(done)});
}

void LogStage::Mark(GroupId group, const raft::PersistToken& token) {
  AddMark({group, token, {}});
}

void LogStage::Mark(std::function<void()> then) {
  AddMark({GroupId(), std::nullopt, std::move(then)});
}

Result<std::vector<LogStage::Placed>> LogStage::Drain() {
  std::vector<Placed> placed;
  while (!waiting_.empty()) {
    const Waiting& next = waiting_.front();
    // What gets here was admitted before: it is promised to somebody, so it may use the reserve.
    const auto end = log_.Append(next.group, static_cast<uint8_t>(next.type), next.payload,
                                 log::SpaceUse::kReserve);
    if (!end) {
      if (end.error().code == ErrorCode::kNoSpace) break;
      return Fail(end.error());
    }
    end_ = *end;
    const uint64_t bytes = log::RecordBytes(next.payload.size());
    if (next.index != raft::LogIndex()) {
      placed.push_back({next.group, next.index, log::Lsn(end_.value() - bytes)});
    }
    waiting_bytes_ -= bytes;
    waiting_.pop_front();
    ++in_log_;
  }
  while (ended_ < writes_.size() && writes_[ended_].record <= in_log_) {
    writes_[ended_++].end = end_;
  }
  return placed;
}

std::vector<LogStage::Done> LogStage::Durable(log::Lsn durable) {
  durable_ = std::max(durable_, std::min(durable, end_));
  std::vector<Done> done;
  while (ended_ > 0 && writes_.front().end <= durable_) {
    done.push_back(std::move(writes_.front().done));
    writes_.pop_front();
    --ended_;
  }
  return done;
}

std::optional<log::Lsn> LogStage::SyncWanted() {
  if (ended_ == 0 || writes_[ended_ - 1].end <= sync_asked_) return std::nullopt;
  sync_asked_ = end_;
  return end_;
}

}  // namespace metaring::strong
