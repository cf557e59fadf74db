// SPDX-License-Identifier: Apache-2.0
#include "fusefs/meta/codec.h"
#include "fusefs/meta/keys.h"
#include "fusefs/ops/ops.h"
#include "fusefs/ops/stored.h"

namespace metaring::fusefs {

Result<Node> LookupParent(const Context& ctx, Ino directory) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    ASSIGN_OR_RETURN(const auto record, ctx.kv.Get(keys::Header(directory)));
    if (!record) return Fail(ErrorCode::kStale, "the directory is gone");
    ASSIGN_OR_RETURN(const DirectoryHeader header, DecodeDirectory(record->value));
    ASSIGN_OR_RETURN(auto parent, LoadDirectory(ctx, header.parent));
    if (parent) return parent->node();
  }
  return Fail(ErrorCode::kCorrupt, "a directory's parent does not exist");
}

}  // namespace metaring::fusefs
