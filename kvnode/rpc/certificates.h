// SPDX-License-Identifier: Apache-2.0
//
// Certificates of a cluster of one's own: a CA, and what it signs. Keys are ECDSA P-256; files are
// PEM; key files are made with mode 0400 and never overwritten unless asked. A subject is as in
// identity.h. Serial numbers are random, 127 bits.
//
// An own CA is for clusters without one. Certificates of any other CA do as well, if their subjects
// are Identities.
#ifndef METARING_KVNODE_RPC_CERTIFICATES_H_
#define METARING_KVNODE_RPC_CERTIFICATES_H_

#include <string>
#include <vector>

#include "kvnode/base/result.h"
#include "kvnode/rpc/identity.h"

namespace metaring::rpc {

struct CertificateFiles {
  std::string certificate_file;
  std::string key_file;
};

struct CertificateRequest {
  Identity identity;
  // DNS names and IP addresses that it is good for; a node must have one.
  std::vector<std::string> names;
  int days_valid = 365;  // from its beginning
  // It begins so much earlier than now, for clocks that are behind.
  int minutes_back = 60;
};

// All of these: kExists when a file is there and `overwrite` is not set; kInvalidArgument for a
// request or a file that makes no sense; kIo and kin when a file cannot be written.

// A self-signed certificate that may sign leaves only. `name`: its CN, as IsValidName.
Status CreateCa(const std::string& name, int days_valid, const CertificateFiles& out,
                bool overwrite);
// A certificate of role node, client or admin, signed by the CA.
Status CreateCertificate(const CertificateFiles& ca, const CertificateRequest& request,
                         const CertificateFiles& out, bool overwrite);
// The CA's revocation list, good for `days_valid`: all of these certificates, and those that `file`
// had, if it is there.
Status Revoke(const CertificateFiles& ca, const std::vector<std::string>& certificate_files,
              int days_valid, const std::string& file);

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_CERTIFICATES_H_
