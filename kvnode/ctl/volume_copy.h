// SPDX-License-Identifier: Apache-2.0
//
// Copying all records of a keyspace into an empty one, of the same store or of another.
#ifndef METARING_KVNODE_CTL_VOLUME_COPY_H_
#define METARING_KVNODE_CTL_VOLUME_COPY_H_

#include <cstdint>

#include "kvnode/client/kv.h"

namespace metaring::ctl {

struct Copied {
  uint64_t records = 0;
  uint64_t bytes = 0;  // of keys and values
};

// In the order of the keys, in which a volume's own record is the last one: so a copy that did not
// get to its end is no volume, and nobody formats over it or mounts it. kCorrupt for a damaged
// record: it is not copied on, and the copy ends.
Result<Copied> CopyRecords(client::Kv& from, client::Kv& to);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_VOLUME_COPY_H_
