// SPDX-License-Identifier: Apache-2.0
#include "fusefs/ops/ops.h"
#include "fusefs/ops/stored.h"

namespace metaring::fusefs {

Result<Node> Lookup(const Context& ctx, Ino parent, std::string_view name) {
  ASSIGN_OR_RETURN(Stored stored, LoadByName(ctx, parent, name));
  return Node{std::move(stored.inode), std::move(stored.place)};
}

}  // namespace metaring::fusefs
