// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/metaring/version.h"

namespace metaring {

const char* LibraryVersion() {
  return METARING_VERSION;
}

}  // namespace metaring
