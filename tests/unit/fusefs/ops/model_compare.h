// SPDX-License-Identifier: Apache-2.0
//
// Compares a whole volume with a ModelTree: names, attributes, xattrs, content, link counts, the
// sums that the volume counts, and that the bytes allocated are those that are stored.
#ifndef METARING_TESTS_UNIT_FUSEFS_OPS_MODEL_COMPARE_H_
#define METARING_TESTS_UNIT_FUSEFS_OPS_MODEL_COMPARE_H_

#include "fusefs/ops/ops.h"
#include "tests/unit/fusefs/ops/model_tree.h"

namespace metaring::fusefs {

// Fails the running test for each difference. `page` is the size of directory pages.
void CompareTree(const Context& ctx, const ModelTree& model, size_t page);
void CompareAttributes(const Inode& inode, const ModelObject& expected);
// An orphan or any other object by its node.
void CompareObject(const Context& ctx, const Node& node, const ModelObject& expected);

}  // namespace metaring::fusefs

#endif  // METARING_TESTS_UNIT_FUSEFS_OPS_MODEL_COMPARE_H_
