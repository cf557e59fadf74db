// SPDX-License-Identifier: Apache-2.0
//
// <metaring/result.h> of this tree. What is installed under that name is kvnode/base/outcome.h
// itself.
#ifndef METARING_KVNODE_CLIENT_METARING_RESULT_H_
#define METARING_KVNODE_CLIENT_METARING_RESULT_H_

#include "kvnode/base/outcome.h"

#endif  // METARING_KVNODE_CLIENT_METARING_RESULT_H_
