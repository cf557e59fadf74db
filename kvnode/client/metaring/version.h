// SPDX-License-Identifier: Apache-2.0
//
// Which library this is.
#ifndef METARING_KVNODE_CLIENT_METARING_VERSION_H_
#define METARING_KVNODE_CLIENT_METARING_VERSION_H_

namespace metaring {

// "0.1.0": of the library that is loaded, which may be newer than these headers.
const char* LibraryVersion();

}  // namespace metaring

#endif  // METARING_KVNODE_CLIENT_METARING_VERSION_H_
