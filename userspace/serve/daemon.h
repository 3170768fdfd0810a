// SPDX-License-Identifier: Apache-2.0
// The consumer of a run that serves: counts, answers requests between two batches, and keeps the
// service manager informed.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "analysis/metrics.h"
#include "report/report_set.h"
#include "run/window_reports.h"
#include "serve/http_server.h"
#include "serve/service_manager.h"
#include "serve/site.h"

namespace tcpdwell::serve {

struct DaemonOptions {
    analysis::ReportOptions report;
    analysis::MetricsOptions metrics;
    Nanoseconds window = std::chrono::minutes(10);
    std::span<const report::TextPart> words; ///< for the page, as are helps; not owned
    std::span<const report::FindingHelp> helps;
    const SavedRecordings* recordings = nullptr; ///< not owned; nullptr: nothing is recorded
    std::function<std::string()> why_not_recording = [] {
        return std::string();
    }; ///< as SiteContent
    /// Rows of the export; no function: nothing is exported.
    std::function<analysis::ExportedRows()> exported_rows = {};
    /// A report has been made that covers some of the time since the one before.
    std::function<void(const report::Report&)> on_report = [](const report::Report&) {};
    std::function<void()> between; ///< called after each batch
    std::function<void()>
        meanwhile; ///< called now and then during long work: EventSource::set_aside()
};

class Daemon final : public run::Consumer {
public:
    /// `context` and `manager` must outlive this.
    Daemon(DaemonOptions options, const run::Context& context, ServiceManager& manager);

    /// Begins to listen; sockets accept connections from now on, and requests wait for the first
    /// batch.
    Result<void> serve_at(std::vector<ListeningSocket> sockets);
    [[nodiscard]] std::vector<int> poll_fds() const { return http_->poll_fds(); }
    /// Of reports from now on; what they cover changes as they begin anew.
    void set_report_options(analysis::ReportOptions report, Nanoseconds window);

    void begin(const run::Context& context) override;
    Result<bool> flush(const run::RunState& state) override;
    void settled(const run::RunState& state) override;
    Result<void> finish() override { return {}; }
    bool wants_look(MonoTime now) override;
    void on_move(const track::StateMove& move) override;
    void on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    void on_lost(const track::LostLine& line) override;
    void on_counters(const track::CountersLine& line) override;
    void on_stray_reset(const track::StrayResetLine& line) override;

private:
    using SteadyTime = std::chrono::steady_clock::time_point;

    [[nodiscard]] SiteContent site_content();
    [[nodiscard]] analysis::ReportOptions with_metrics(analysis::ReportOptions report);
    const SiteContent::Text&
    metrics_text(SiteContent::Text& kept,
                 std::string (*render)(std::span<const report::MetricFamily>));
    void make_report();
    void refresh_report(); ///< unless it has just been made
    SiteContent::Text rendered(SiteContent::Text& kept,
                               std::string (*render)(const report::ReportSet&));
    [[nodiscard]] std::optional<std::string> why_not_tracing() const;
    [[nodiscard]] std::string status() const;

    DaemonOptions options_;
    ServiceManager& manager_;
    analysis::Metrics metrics_;
    run::WindowReports reports_;
    SiteContent content_;
    std::optional<HttpServer> http_;
    const run::RunState* state_ = nullptr; ///< during flush()
    std::optional<report::ReportSet> report_;
    SiteContent::Text page_; ///< of report_; none: not rendered yet
    SiteContent::Text json_;
    SiteContent::Text prometheus_; ///< of this batch; none: nobody has asked yet
    SiteContent::Text openmetrics_;
    SteadyTime next_report_{};
    SteadyTime next_status_{};
    MonoTime next_look_{};
    bool is_look_asked_ = false;
    bool is_ready_ = false;
    bool is_over_ = false;
    std::uint64_t ended_ = 0; ///< connections
};

} // namespace tcpdwell::serve
