// SPDX-License-Identifier: Apache-2.0
//
// What the log's tests share: small options, and records as values that can be compared.
#ifndef METARING_TESTS_UNIT_LOG_LOG_TESTING_H_
#define METARING_TESTS_UNIT_LOG_LOG_TESTING_H_

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "kvnode/log/format.h"
#include "kvnode/log/log.h"
#include "tests/sim/sim_disk.h"

namespace metaring::log {

struct Entry {
  Lsn begin;
  Lsn end;
  GroupId group;
  uint8_t type = 0;
  Bytes payload;
  friend bool operator==(const Entry&, const Entry&) = default;
};

inline void PrintTo(const Entry& entry, std::ostream* out) {
  *out << "[" << entry.begin.value() << "," << entry.end.value() << ") group "
       << entry.group.value() << " type " << int{entry.type} << " payload of "
       << entry.payload.size() << " bytes: " << Escaped(entry.payload, 16);
}

// Small, so that tests see many segments.
inline LogOptions SmallOptions() {
  LogOptions options;
  options.segment_bytes = 64 << 10;
  options.payload_bytes_max = 20'000;
  options.queued_bytes_max = 100'000;
  return options;
}

inline std::unique_ptr<Log> MustOpen(Disk& disk, const LogOptions& options = SmallOptions()) {
  auto opened = OpenLog(disk, options);
  EXPECT_TRUE(opened) << opened.error().message;
  return opened ? std::move(*opened) : nullptr;
}

inline Entry MustAppend(Log& log, GroupId group, uint8_t type, const Bytes& payload) {
  const auto end = log.Append(group, type, payload, SpaceUse::kNormal);
  EXPECT_TRUE(end) << end.error().message;
  if (!end) return {};
  return {Lsn(end->value() - RecordBytes(payload.size())), *end, group, type, payload};
}

inline Entry MustAppend(Log& log, const Bytes& payload) {
  return MustAppend(log, GroupId(1), 1, payload);
}

inline Entry MustWrite(Log& log, const Bytes& payload) {
  Entry entry = MustAppend(log, payload);
  EXPECT_TRUE(log.Sync(entry.end));
  return entry;
}

inline std::vector<Entry> Replayed(Log& log, Lsn from = Lsn(0)) {
  std::vector<Entry> entries;
  const Status status = log.Replay(from, [&](const Record& record) -> Status {
    entries.push_back({record.begin, record.end, record.group, record.type, Bytes(record.payload)});
    return {};
  });
  EXPECT_TRUE(status) << status.error().message;
  return entries;
}

inline ErrorCode CodeOf(const auto& result) {
  return result ? ErrorCode{} : result.error().code;
}

// Ends a log as a power failure does: its destructor cannot write any more.
inline void CutPower(std::unique_ptr<Log>& log, sim::SimDisk& disk, Random& random) {
  disk.CutPowerAtCall(0);
  log.reset();
  disk.Crash(random);
}

}  // namespace metaring::log

#endif  // METARING_TESTS_UNIT_LOG_LOG_TESTING_H_
