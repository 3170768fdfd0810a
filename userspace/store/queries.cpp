// SPDX-License-Identifier: Apache-2.0
#include "store/queries.h"

namespace tcpdwell::store {

std::string queries_text() {
    std::string out;
    for (const Query& query : queries()) out.append(out.empty() ? "" : "\n").append(query.sql);
    return out;
}

} // namespace tcpdwell::store
