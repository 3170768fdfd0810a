// SPDX-License-Identifier: Apache-2.0
// Where the certificates of authorities are, by which a server's is judged.
#pragma once

#include <optional>
#include <string>

namespace tcpdwell::store {

/// SSL_CERT_FILE of the environment, as curl and OpenSSL have it; else nothing, which leaves it to
/// the distribution's libcurl. A static program has none: it takes the first file that is there of
/// those of the distributions.
std::optional<std::string> certificate_file();

} // namespace tcpdwell::store
