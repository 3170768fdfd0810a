// SPDX-License-Identifier: Apache-2.0
#include "serve/site.h"

#include <fmt/format.h>

#include <algorithm>

namespace tcpdwell::serve {
namespace {

constexpr std::string_view kHtml = "text/html; charset=utf-8";
constexpr std::string_view kRecordings = "/recordings";

/// `rest` is HTML.
HttpResponse html_response(std::string_view title, std::string_view rest) {
    auto text = fmt::format("<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n"
                            "<title>{0}</title>\n<h1>{0}</h1>\n{1}</html>\n",
                            title, rest);
    return {200, kHtml, std::make_shared<const std::string>(std::move(text))};
}

HttpResponse front_page(const SiteContent& content, const HttpRequest&) {
    std::string links = "<ul>\n"
                        "<li><a href=\"/report\">/report</a> the report of the last minutes\n"
                        "<li><a href=\"/report.json\">/report.json</a> the same as JSON\n"
                        "<li><a href=\"/metrics\">/metrics</a> for Prometheus\n"
                        "<li><a href=\"/healthz\">/healthz</a> whether it traces\n";
    if (content.recordings != nullptr)
        links += "<li><a href=\"/recordings\">/recordings</a> what the flight recorder saved\n";
    return html_response("tcpdwell", links + "</ul>\n<p>tcpdwell " TCPDWELL_VERSION "\n");
}

HttpResponse metrics(const SiteContent& content, const HttpRequest& request) {
    if (prefers_openmetrics(request.accept))
        return {200, "application/openmetrics-text; version=1.0.0; charset=utf-8",
                content.openmetrics()};
    return {200, "text/plain; version=0.0.4; charset=utf-8", content.prometheus()};
}

HttpResponse report_page(const SiteContent& content, const HttpRequest&) {
    HttpResponse answer{200, kHtml, content.report_page()};
    answer.headers.emplace_back("Refresh", std::to_string(kRefreshSeconds));
    return answer;
}

HttpResponse report_json(const SiteContent& content, const HttpRequest&) {
    return {200, "application/json", content.report_json()};
}

HttpResponse health(const SiteContent& content, const HttpRequest&) {
    const auto why_not = content.why_not_tracing();
    if (why_not) return text_response(503, *why_not + "\n");
    const std::string trouble = content.why_not_recording();
    return text_response(
        200, trouble.empty() ? "tracing\n" : fmt::format("tracing; not recorded: {}\n", trouble));
}

HttpResponse recordings(const SiteContent& content, const HttpRequest&) {
    if (content.recordings == nullptr)
        return text_response(404, "nothing is recorded: see --write, --keep and --trigger\n");
    std::string rows;
    for (const SavedRecordings::File& file : content.recordings->list())
        rows += fmt::format("<li><a href=\"{0}/{1}/{2}\">{1}/{2}</a> {3} bytes\n", kRecordings,
                            file.folder, file.name, file.bytes);
    return html_response("Saved recordings",
                         rows.empty() ? "<p>None.\n" : "<ul>\n" + rows + "</ul>\n");
}

/// "/recordings/FOLDER/FILE"
HttpResponse recording(const SiteContent& content, std::string_view path) {
    const std::string_view rest = path.substr(kRecordings.size() + 1);
    const std::size_t slash = rest.find('/');
    auto file = content.recordings == nullptr || slash == std::string_view::npos
                    ? std::nullopt
                    : content.recordings->open(rest.substr(0, slash), rest.substr(slash + 1));
    if (!file) return text_response(404, "no such recording; /recordings lists them\n");
    HttpResponse answer{200, "application/octet-stream", nullptr};
    answer.file = std::move(file->first);
    answer.file_size = file->second;
    return answer;
}

struct SitePath {
    std::string_view path;
    HttpResponse (*respond)(const SiteContent&, const HttpRequest&);
};
constexpr SitePath kPaths[] = {
    {"/", front_page},        {"/metrics", metrics},
    {"/report", report_page}, {"/report.json", report_json},
    {"/healthz", health},     {kRecordings, recordings},
};

} // namespace

HttpResponse respond(const SiteContent& content, const HttpRequest& request) {
    const auto found = std::ranges::find(kPaths, request.path, &SitePath::path);
    if (found != std::end(kPaths)) return found->respond(content, request);
    if (request.path.starts_with(kRecordings) && request.path.size() > kRecordings.size() &&
        request.path[kRecordings.size()] == '/')
        return recording(content, request.path);
    return text_response(404, "no such page; / lists what there is\n");
}

} // namespace tcpdwell::serve
