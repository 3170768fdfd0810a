// SPDX-License-Identifier: Apache-2.0
#include "cli/hosts_report.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <set>

#include "analysis/both_ends_report.h"
#include "cli/ends_collector.h"
#include "cli/report_consumer.h"
#include "run/selection.h"
#include "run/window_gate.h"

namespace tcpdwell::cli {
namespace {

/// A name for each host: its own, with a number if another has the same (a clone, or the same host
/// after a boot) or if the recording has none.
std::vector<std::string> names_of(const std::vector<ViewRun>& runs) {
    std::vector<std::string> names;
    std::set<std::string> taken;
    for (const ViewRun& run : runs) {
        const std::string own = run.host_name().empty() ? "host" : run.host_name();
        std::string name = own;
        for (int number = 2; !taken.insert(name).second; ++number)
            name = fmt::format("{}#{}", own, number);
        names.push_back(std::move(name));
    }
    return names;
}

/// The report on the host of `run`, and its connections in `ends`.
Result<run::PipelineOutcome> read_host(ViewRun& run, analysis::ReportOptions options,
                                       bool shows_progress, std::uint64_t common_sample,
                                       analysis::EndSummaries& ends, report::HostReport& host) {
    options.run.source = run.source_name();
    options.run.filter = run.filter_text();
    options.run.sample = run.sample();
    const auto keep = [&](report::Report report, bool) -> Result<bool> {
        host.report = std::move(report);
        return true;
    };
    ReportConsumer consumer(std::move(options), std::nullopt, run.context(), keep, shows_progress);
    run::Selection selection(run.filter(), run.context(), consumer, run.recorded_filters());
    EndsCollector collector(ends, run.context(), selection, common_sample);
    run::PeriodGate gate(collector, run.window());
    auto outcome = run.run(gate);
    if (outcome) outcome->totals = selection.selected(outcome->totals);
    return outcome;
}

} // namespace

Result<HostsOutcome> report_hosts(std::vector<ViewRun> runs, const analysis::ReportOptions& options,
                                  bool shows_progress) {
    const std::vector<std::string> names = names_of(runs);
    HostsOutcome all{report::ReportSet(runs.size()), {}, 0};
    std::vector<analysis::EndSummaries> ends;
    std::uint64_t sample = 1;
    for (const ViewRun& run : runs) sample = event::sample_of_both(sample, run.sample());
    for (std::size_t i = 0; i < runs.size(); ++i) {
        ViewRun run = std::move(runs[i]); // its files are closed when it has been read
        spdlog::debug("reading {}: {}", names[i], run.source_name());
        report::HostReport& host = all.reports.hosts.emplace_back(report::HostReport{names[i], {}});
        const auto outcome =
            read_host(run, options, shows_progress, sample, ends.emplace_back(names[i]), host);
        if (!outcome) return tl::unexpected(outcome.error().context(names[i]));
        all.totals.transitions += outcome->totals.transitions;
        all.totals.connections += outcome->totals.connections;
        all.totals.lost += outcome->totals.lost;
        all.totals.holes += outcome->totals.holes;
        all.totals.unseen += outcome->totals.unseen;
        if (all.status == 0) all.status = run.exit_status(*outcome);
        if (outcome->interrupted) break;
    }
    all.reports.both_ends = both_ends_report(ends, sample);
    return all;
}

} // namespace tcpdwell::cli
