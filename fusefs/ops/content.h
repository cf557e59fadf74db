// SPDX-License-Identifier: Apache-2.0
//
// Content: where the bytes of a file lie, and what moves, changes and erases them in a transaction.
//
// Content of at most Volume::small_bytes_max is one value beside the record; longer content is
// blocks. It becomes blocks when it grows and one value again when it is truncated to nothing,
// which also begins a new generation: blocks of an old one are never read again, however late they
// are erased. Every change of content also puts the inode's record, so a record of the same version
// means that the content beside it is the same too.
#ifndef METARING_FUSEFS_OPS_CONTENT_H_
#define METARING_FUSEFS_OPS_CONTENT_H_

#include <cstdint>
#include <vector>

#include "fusefs/ops/stored.h"

namespace metaring::fusefs {

// Blocks that a removed or truncated file may have so that they are erased at once and not queued.
inline constexpr uint64_t kEraseAtOnceBlocksMax = 16;

// Small content; empty when there is none.
Result<Bytes> LoadSmallContent(const Context& ctx, const Stored& stored);

// Copies what lies beside a file (small content, large xattrs) from its home to another and deletes
// it there. Nothing when the home is the same.
Status MoveBeside(const Context& ctx, Batch& batch, const Stored& stored, Ino new_home);
// Deletes what lies beside an object and erases its blocks, or queues them to be erased.
Status EraseBeside(const Context& ctx, Batch& batch, const Stored& stored);

// Turns a file into an empty one of a new generation. Changes `inode`; the caller puts the record
// and counts the bytes.
void TruncateToNothing(const Context& ctx, Batch& batch, Stored& stored);

// Deletes small content beside the file in favour of blocks. Gives it back when there is some and
// `want` says so: the caller puts it as block 0, or something else in its place, which counts as if
// it had existed.
Result<std::optional<Bytes>> ConvertToBlocks(const Context& ctx, Batch& batch, Stored& stored,
                                             bool want);

// Changes the size upwards; may convert to blocks. Adds no content.
Status GrowTo(const Context& ctx, Batch& batch, Stored& stored, int64_t size);
// Changes the size downwards, to more than 0, and deletes what is behind it: kBatchItemsMax blocks
// at most (see ShrinkInSteps).
Status ShrinkTo(const Context& ctx, Batch& batch, Stored& stored, int64_t size);

// True when one transaction is not enough for ShrinkTo.
bool NeedsSteps(const Context& ctx, const Inode& inode, int64_t size);
// Shrinks from the tail, each step atomic with a smaller size, until ShrinkTo can do the rest.
Status ShrinkInSteps(const Context& ctx, const InodeRef& ref, int64_t size);

// kNoSpace when the volume's bound forbids `more` bytes or `inodes` more. One read if there is a
// bound.
Status CheckSpace(const Context& ctx, int64_t more_bytes, int64_t more_inodes);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_OPS_CONTENT_H_
