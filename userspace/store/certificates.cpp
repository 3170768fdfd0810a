// SPDX-License-Identifier: Apache-2.0
// Distributions have the certificates of authorities in different places, and only their own
// libcurl knows.
#include "store/certificates.h"

#include <unistd.h>

#include <cstdlib>

namespace tcpdwell::store {

std::optional<std::string> certificate_file() {
    const char* given = std::getenv("SSL_CERT_FILE");
    if (given != nullptr && *given != 0) return given;
#ifdef TCPDWELL_STATIC
    for (const char* path : {"/etc/ssl/certs/ca-certificates.crt", // Debian, Arch, Alpine, Gentoo
                             "/etc/pki/tls/certs/ca-bundle.crt",   // Fedora, RHEL
                             "/etc/ssl/ca-bundle.pem",             // openSUSE
                             "/etc/ssl/cert.pem"})                 // Alpine without ca-certificates
        if (::access(path, R_OK) == 0) return path;
#endif
    return std::nullopt;
}

} // namespace tcpdwell::store
