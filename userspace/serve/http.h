// SPDX-License-Identifier: Apache-2.0
// What a request asks for, and what it is answered.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace tcpdwell::serve {

/// GET or HEAD of a path, without the query. Hostile: any bytes but NUL.
struct HttpRequest {
    std::string_view path;
    std::string_view accept; ///< "" if there is none
};

struct HttpResponse {
    int status = 200;
    std::string_view content_type = "text/plain; charset=utf-8"; ///< static
    std::shared_ptr<const std::string> body;                     ///< none: `file`
    Fd file{};
    std::uint64_t file_size = 0;
    std::vector<std::pair<const char*, std::string>> headers{};
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

inline HttpResponse text_response(int status, std::string text) {
    return {status, "text/plain; charset=utf-8",
            std::make_shared<const std::string>(std::move(text))};
}

/// Whether a client that sends this `Accept` would rather have OpenMetrics than Prometheus's text
/// (RFC 9110, section 12.5.1).
bool prefers_openmetrics(std::string_view accept);

} // namespace tcpdwell::serve
