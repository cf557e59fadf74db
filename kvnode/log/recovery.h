// SPDX-License-Identifier: Apache-2.0
//
// Recovery: finds the end of a log that may have been stopped at any moment, or refuses.
//
// The chain of valid records is followed up to the first position P without one. If any valid
// record behind P was written when P was already durable, P is damage: kCorrupt. Otherwise
// everything from P on is the torn tail of writes that were never acknowledged, and it is cut:
// later segments are removed, and what claims to be a record behind P is overwritten with zeros,
// durably, before P is used again, so that it can never follow a new record that happens to end
// where it begins.
#ifndef METARING_KVNODE_LOG_RECOVERY_H_
#define METARING_KVNODE_LOG_RECOVERY_H_

#include <vector>

#include "kvnode/log/segment_files.h"

namespace metaring::log {

struct Recovered {
  std::vector<Segment> segments;  // contiguous
  Lsn end;                        // in the last one; everything before it is valid and durable
};

// `segments` as SegmentFiles::Find gives them, at least one. kCorrupt (nothing is changed), kIo.
Result<Recovered> Recover(SegmentFiles& files, std::vector<Segment> segments);

}  // namespace metaring::log

#endif  // METARING_KVNODE_LOG_RECOVERY_H_
