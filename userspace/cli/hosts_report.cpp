// SPDX-License-Identifier: Apache-2.0
#include "cli/hosts_report.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <set>

#include "analysis/both_ends_report.h"
#include "cli/ends_collector.h"
#include "cli/report_printer.h"
#include "render/html.h"
#include "render/loss_text.h"
#include "run/window_gate.h"

namespace tcpdwell {
namespace {

/// A name for each host: its own; with a number where another has the same (a clone, or the same host after a boot), or
/// where it tells none.
std::vector<std::string> names_of(const std::vector<ViewRun>& runs) {
    std::vector<std::string> names;
    std::set<std::string> taken;
    for (const ViewRun& run : runs) {
        const std::string own = run.host_name().empty() ? "host" : run.host_name();
        std::string name = own;
        for (int number = 2; !taken.insert(name).second; ++number) name = fmt::format("{}#{}", own, number);
        names.push_back(std::move(name));
    }
    return names;
}

class HostsReport {
public:
    HostsReport(std::vector<ViewRun> runs, const HostsReportOptions& options)
        : runs_(std::move(runs)), names_(names_of(runs_)), options_(options) {}

    Result<int> print() {
        for (std::size_t i = 0; i < runs_.size() && !is_over_; ++i)
            if (auto done = print_host(i); !done) return tl::unexpected(done.error());
        const Report both = both_ends_report(ends_);
        if (options_.as_json)
            out_.buffer() += "],\"both_ends\":" + report_json(both) + "}\n";
        else
            out_.buffer() +=
                '\n' + report_heading("Between the hosts", options_.style) + sections_text(both, options_.style);
        auto written = out_.flush();
        if (options_.page)
            if (auto kept = options_.page->write(report_page(page_ + "],\"both_ends\":" + report_json(both) + "}"));
                !kept)
                return tl::unexpected(kept.error());
        if (!written) return tl::unexpected(written.error());
        spdlog::info("{} transitions and {} connections of {} hosts seen; {}", totals_.transitions, totals_.connections,
                     ends_.size(), loss_text(totals_.lost));
        return status_;
    }

private:
    Result<void> print_host(std::size_t i) {
        ViewRun run = std::move(runs_[i]); // its files are closed when it has been told
        EndSummaries& ends = ends_.emplace_back(names_[i]);
        spdlog::debug("reading {}: {}", names_[i], run.source_name());
        ReportOptions report = options_.report;
        report.run.source = run.source_name();
        const auto render = [&](const Report& r) { return options_.as_json ? as_json(i, r) : as_text(i, r); };
        const auto keep = [&](const Report& r) -> Result<void> {
            if (options_.page) page_ += (i == 0 ? kJsonBegin : ",") + report_json(r);
            return {};
        };
        ReportPrinter printer(std::move(report), std::nullopt, run.context(), out_, render, keep,
                              options_.shows_progress);
        Selection selection(run.filter(), run.context(), printer);
        EndsCollector collector(ends, run.context(), selection);
        PeriodGate gate(collector, run.window());
        const auto outcome = run.run(gate);
        if (!outcome) return tl::unexpected(outcome.error().context(names_[i]));
        totals_.transitions += outcome->totals.transitions;
        totals_.connections += outcome->totals.connections;
        totals_.lost += outcome->totals.lost;
        if (status_ == 0) status_ = run.exit_status(*outcome);
        is_over_ = outcome->interrupted || out_.closed();
        return {};
    }

    [[nodiscard]] std::string as_json(std::size_t i, const Report& report) const {
        return (i == 0 ? kJsonBegin : ",") + report_json(report);
    }

    [[nodiscard]] std::string as_text(std::size_t i, const Report& report) const {
        const std::string title = fmt::format("Host {} of {}: {}", i + 1, names_.size(), names_[i]);
        return (i == 0 ? "" : "\n") + report_heading(title, options_.style) + report_text(report, options_.style);
    }

    static constexpr const char* kJsonBegin = "{\"hosts\":[";

    std::vector<ViewRun> runs_;
    std::vector<std::string> names_;
    const HostsReportOptions& options_;
    Output out_{STDOUT_FILENO};
    std::vector<EndSummaries> ends_;
    std::string page_; ///< JSON of the hosts so far
    TrackerTotals totals_;
    int status_ = 0;
    bool is_over_ = false;
};

} // namespace

Result<int> report_hosts(std::vector<ViewRun> runs, const HostsReportOptions& options) {
    return HostsReport(std::move(runs), options).print();
}

} // namespace tcpdwell
