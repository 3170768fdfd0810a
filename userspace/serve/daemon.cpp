// SPDX-License-Identifier: Apache-2.0
#include "serve/daemon.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "render/metrics_text.h"
#include "render/report_output.h"

namespace tcpdwell::serve {
namespace {

/// How often all sockets are looked at, for findings and what else needs it.
constexpr Nanoseconds kLookInterval = std::chrono::seconds(15);
constexpr Nanoseconds kLookAhead = std::chrono::seconds(1);
/// Reports are at least so far apart, and take at most one part of so many of the time.
constexpr auto kReportInterval = std::chrono::seconds(1);
constexpr int kReportShare = 20;
constexpr auto kStatusInterval = std::chrono::seconds(10);

} // namespace

Daemon::Daemon(DaemonOptions options, const run::Context& context, ServiceManager& manager)
    : options_(std::move(options)), manager_(manager), metrics_(options_.metrics),
      reports_(with_metrics(options_.report), options_.window, context), content_(site_content()) {}

analysis::ReportOptions Daemon::with_metrics(analysis::ReportOptions report) {
    report.metrics = &metrics_;
    report.meanwhile = options_.meanwhile;
    return report;
}

SiteContent Daemon::site_content() {
    SiteContent content;
    content.prometheus = [this] { return metrics_text(prometheus_, render::prometheus_text); };
    content.openmetrics = [this] { return metrics_text(openmetrics_, render::openmetrics_text); };
    content.report_page = [this] {
        refresh_report();
        return rendered(page_, [](const report::ReportSet& reports) {
            return render::page_output().render(reports, {});
        });
    };
    content.report_json = [this] {
        refresh_report();
        return rendered(json_, [](const report::ReportSet& reports) {
            return render::report_json(reports) + "\n";
        });
    };
    content.why_not_tracing = [this] { return why_not_tracing(); };
    content.why_not_recording = options_.why_not_recording;
    content.recordings = options_.recordings;
    return content;
}

Result<void> Daemon::serve_at(std::vector<ListeningSocket> sockets) {
    auto http = HttpServer::start(std::move(sockets), [this](const HttpRequest& request) {
        return respond(content_, request);
    });
    if (!http) return tl::unexpected(http.error());
    http_ = std::move(*http);
    return {};
}

void Daemon::set_report_options(analysis::ReportOptions report, Nanoseconds window) {
    reports_.set_options(with_metrics(std::move(report)), window);
}

/// However many ask between two batches, it is made once.
const SiteContent::Text&
Daemon::metrics_text(SiteContent::Text& kept,
                     std::string (*render)(std::span<const report::MetricFamily>)) {
    if (kept) return kept;
    if (options_.exported_rows) metrics_.set_exported(options_.exported_rows());
    kept = std::make_shared<const std::string>(
        render(metrics_.families(state_->now, state_->tracker.totals().evicted)));
    return kept;
}

void Daemon::make_report() {
    const auto begin = std::chrono::steady_clock::now();
    report_.emplace(reports_.make(*state_));
    report_->words = options_.words;
    report_->helps = options_.helps;
    page_.reset();
    json_.reset();
    const auto end = std::chrono::steady_clock::now();
    next_report_ =
        end + std::max<SteadyTime::duration>(kReportInterval, kReportShare * (end - begin));
}

void Daemon::refresh_report() {
    if (!report_ || std::chrono::steady_clock::now() >= next_report_) make_report();
}

SiteContent::Text Daemon::rendered(SiteContent::Text& kept,
                                   std::string (*render)(const report::ReportSet&)) {
    if (!kept) kept = std::make_shared<const std::string>(render(*report_));
    return kept;
}

std::optional<std::string> Daemon::why_not_tracing() const {
    if (state_->tracker.stopped()) return "tracing has stopped; the program is ending";
    return std::nullopt;
}

std::string Daemon::status() const {
    const track::TrackerTotals& totals = state_->tracker.totals();
    const std::string trouble = options_.why_not_recording();
    return fmt::format("tracing; {} connections ended, {} sockets, {} events lost{}{}", ended_,
                       state_->tracker.live(), totals.lost,
                       trouble.empty() ? "" : "; not recorded: ", trouble);
}

void Daemon::begin(const run::Context& context) {
    reports_.begin(context.clock().mono);
    next_look_ = context.clock().mono + kLookInterval;
}

Result<bool> Daemon::flush(const run::RunState& state) {
    state_ = &state;
    reports_.advance(state);
    if (!report_ || state.now >= next_look_) {
        make_report();
        options_.on_report(report_->hosts.front().report);
        next_look_ =
            state.now +
            std::max<Nanoseconds>(kLookInterval, next_report_ - std::chrono::steady_clock::now());
        is_look_asked_ = false;
    }
    prometheus_.reset();
    openmetrics_.reset();
    http_->run();
    const auto now = std::chrono::steady_clock::now();
    if (!std::exchange(is_ready_, true)) manager_.ready(status());
    if (now >= next_status_) {
        manager_.status(status());
        next_status_ = now + kStatusInterval;
    }
    manager_.alive();
    if (options_.between) options_.between();
    state_ = nullptr;
    return true;
}

bool Daemon::wants_look(MonoTime now) {
    if (is_look_asked_ || now < next_look_ - kLookAhead) return false;
    is_look_asked_ = true;
    return true;
}

void Daemon::settled(const run::RunState&) {
    manager_.stopping();
    is_over_ = true; // what the tracker now hands out as open hasn't ended
}

void Daemon::on_move(const track::StateMove& move) {
    if (is_over_) return;
    metrics_.on_move(move);
    reports_.on_move(move);
}

void Daemon::on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) {
    if (!is_over_) metrics_.on_learnt(who, state, at);
}

void Daemon::on_transition(const track::TransitionLine& line) {
    if (is_over_) return;
    metrics_.on_transition(line);
    reports_.on_transition(line);
}

void Daemon::on_connection(const track::ConnectionLine& line) {
    if (is_over_) return;
    ++ended_;
    metrics_.on_connection(line);
    reports_.on_connection(line);
}

void Daemon::on_lost(const track::LostLine& line) {
    metrics_.on_lost(line);
    reports_.on_lost(line);
}

void Daemon::on_counters(const track::CountersLine& line) {
    metrics_.on_counters(line);
    reports_.on_counters(line);
}

void Daemon::on_stray_reset(const track::StrayResetLine& line) { reports_.on_stray_reset(line); }

} // namespace tcpdwell::serve
