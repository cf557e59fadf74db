// SPDX-License-Identifier: Apache-2.0
//
// `kvctl cert create-ca | create-node | create-client | create-admin | revoke`: the certificates of
// a cluster that has no CA of its own. In one directory: ca.crt, ca.key, ca.crl and, for each NAME,
// NAME.crt and NAME.key.
#ifndef METARING_KVNODE_CTL_CERT_H_
#define METARING_KVNODE_CTL_CERT_H_

#include <vector>

#include "kvnode/ctl/command.h"

namespace metaring::ctl {

std::vector<Command> AddCertCommands(CLI::App& root);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_CERT_H_
