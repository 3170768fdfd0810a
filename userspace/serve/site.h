// SPDX-License-Identifier: Apache-2.0
// Which path is answered with what.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "serve/http.h"
#include "serve/saved_recordings.h"

namespace tcpdwell::serve {

/// What the site shows. All functions are called when somebody asks.
struct SiteContent {
    using Text = std::shared_ptr<const std::string>;
    std::function<Text()> prometheus;
    std::function<Text()> openmetrics;
    std::function<Text()> report_page;
    std::function<Text()> report_json;
    std::function<std::optional<std::string>()> why_not_tracing; ///< nullopt: it traces
    std::function<std::string()> why_not_recording;              ///< "": it records, or isn't to
    const SavedRecordings* recordings = nullptr;                 ///< nullptr: nothing is recorded
};

/// How often a browser is to load the report anew.
inline constexpr int kRefreshSeconds = 10;

HttpResponse respond(const SiteContent& content, const HttpRequest& request);

} // namespace tcpdwell::serve
