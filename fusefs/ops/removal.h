// SPDX-License-Identifier: Apache-2.0
//
// What becomes of an object that loses a name: the part that Unlink, Rmdir and a replacing Rename
// share.
#ifndef METARING_FUSEFS_OPS_REMOVAL_H_
#define METARING_FUSEFS_OPS_REMOVAL_H_

#include "fusefs/ops/stored.h"

namespace metaring::fusefs {

// A file of any type loses one link. The caller deletes or replaces the entry and compares its
// version.
Result<Removed> DropLink(const Context& ctx, Batch& batch, const Stored& file, IfLast if_last,
                         Time now);

struct ErasedDirectory {
  Removed removed;
  size_t empty_compare = 0;  // when this compare fails: kNotEmpty
};
// An empty directory goes. The caller deletes or replaces the entry and counts in the parent.
Result<ErasedDirectory> EraseDirectory(const Context& ctx, Batch& batch, const Stored& directory,
                                       Time now);

// An orphan's record and all that belongs to it.
Status EraseOrphan(const Context& ctx, Batch& batch, const Stored& orphan);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_OPS_REMOVAL_H_
