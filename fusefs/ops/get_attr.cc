// SPDX-License-Identifier: Apache-2.0
#include "fusefs/ops/ops.h"
#include "fusefs/ops/stored.h"

namespace metaring::fusefs {

Result<Node> GetAttr(const Context& ctx, const InodeRef& ref) {
  ASSIGN_OR_RETURN(Stored stored, LoadByRef(ctx, ref));
  return Node{std::move(stored.inode), std::move(stored.place)};
}

}  // namespace metaring::fusefs
