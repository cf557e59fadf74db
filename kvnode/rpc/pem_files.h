// SPDX-License-Identifier: Apache-2.0
//
// PEM files: certificates, keys and revocation lists, read and written whole. For the sources of
// this folder.
#ifndef METARING_KVNODE_RPC_PEM_FILES_H_
#define METARING_KVNODE_RPC_PEM_FILES_H_

#include <string>

#include "kvnode/base/result.h"
#include "kvnode/rpc/openssl_ptr.h"

namespace metaring::rpc {

Result<X509Ptr> ReadCertificate(const std::string& file);
Result<KeyPtr> ReadKey(const std::string& file);
Result<X509CrlPtr> ReadCrl(const std::string& file);

// Written to a new file that is then renamed, so that a reader sees all or the old one.
Status WriteCertificate(const X509* certificate, const std::string& file);
Status WriteKey(const EVP_PKEY* key, const std::string& file);  // mode 0400
Status WriteCrl(const X509_CRL* crl, const std::string& file);

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_PEM_FILES_H_
