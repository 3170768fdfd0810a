// SPDX-License-Identifier: Apache-2.0
// Services, remote servers and ports as sections of a report.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "analysis/flows.h"

namespace tcpdwell::analysis {
namespace {

constexpr report::Column kNetns = {
    .id = "netns", .title = "Namespace", .help = "Inode of the network namespace."};
constexpr report::Column kConnections = {.id = "connections",
                                         .title = "Connections",
                                         .help = "Connections that ended, or are open now."};
constexpr report::Column kCloserCounts = {.id = "closed_first",
                                          .title = "Closed first",
                                          .help = "How many of them each side closed first."};
constexpr report::Column kEndingCounts = {
    .id = "endings", .title = "Endings", .help = "How many ended how."};
constexpr report::Column kTimeWaits = {
    .id = "time_wait",
    .title = "TIME_WAIT",
    .help = "TIME_WAITs held now, at most at one time, and in socket-seconds."};

constexpr report::Column kServiceColumns[] = {
    {.id = "local",
     .title = "Service",
     .help = "Listening endpoint; none for a program that connects."},
    {.id = "process",
     .title = "Process",
     .help = "The program; its process id if there was just one process."},
    {.id = "role",
     .title = "Role",
     .help = "server: connections that it accepts; client: that it opens."},
    {.id = "cgroup", .title = "Cgroup", .help = "Path of the sockets' cgroup (version 2)."},
    kNetns,
    kConnections,
    kCloserCounts,
    kEndingCounts,
    kTimeWaits,
    {.id = "container",
     .title = "Container",
     .help = "Container, machine or systemd unit of the sockets."},
};

constexpr report::Column kRemoteColumns[] = {
    {.id = "remote", .title = "Remote server", .help = "The server that is connected to."},
    {.id = "process", .title = "Process", .help = "The program that connects, if it is just one."},
    kNetns,
    kConnections,
    kCloserCounts,
    kEndingCounts,
    kTimeWaits,
};

constexpr report::Column kPortColumns[] = {
    kNetns,
    {.id = "local", .title = "Local address", .help = "Local address."},
    {.id = "remote",
     .title = "Remote endpoint",
     .help = "Remote endpoint; null: ports that bind() chose, which are held towards all."},
    {.id = "held", .title = "Held", .help = "Local ports held now, TIME_WAIT included."},
    {.id = "peak", .title = "Peak", .help = "Most held at one time."},
    {.id = "limit", .title = "Limit", .help = "Ports in ip_local_port_range."},
    {.id = "opened", .title = "Opened", .help = "Connections begun."},
    {.id = "per_second", .title = "Per second", .help = "Connections begun per second."},
};

constexpr report::TableView kMinorNetns = report::minor_column("netns", kNetns.help);
constexpr report::TableView kClosedBoth =
    report::minor_column("closed_first.both", "The FINs crossed.");
constexpr report::TableView kClosedUnknown =
    report::minor_column("closed_first.unknown", "Who closed first wasn't seen.");
constexpr report::TableView kSocketSeconds = report::minor_column(
    "time_wait.socket_seconds", "TIME_WAITs, summed over time: 10 for 60 s are 600.");
constexpr report::TableView kMinorEndings =
    report::minor_column("endings", kEndingCounts.help, report::Align::left);

constexpr report::TableView kServiceView[] = {
    {"local", "SERVICE", "Listening endpoint, or that the program connects.", 21,
     report::Align::left},
    {"process", "PROCESS", "The program.", 13, report::Align::left},
    report::minor_column("role", "server: it accepts; client: it connects.", report::Align::left),
    report::minor_column("cgroup", "Path of the sockets' cgroup (version 2).", report::Align::left),
    report::minor_column("container", "Container, machine or systemd unit of the sockets.",
                         report::Align::left),
    kMinorNetns,
    {"connections", "CONNS", "Connections that ended, or are open now.", 7},
    {"closed_first.local", "LOCAL", "This side closed first.", 7},
    {"closed_first.remote", "REMOTE", "The other side closed first.", 7},
    kClosedBoth,
    {"closed_first.none", "NONE", "Nobody closed: open, refused, timed out.", 6},
    kClosedUnknown,
    {"time_wait.now", "TW NOW", "TIME_WAITs held now.", 6},
    {"time_wait.peak", "PEAK", "TIME_WAITs held at most.", 6},
    kSocketSeconds,
    kMinorEndings,
};

constexpr report::TableView kRemoteView[] = {
    {"remote", "REMOTE SERVER", "The server that is connected to.", 21, report::Align::left},
    {"process", "PROCESS", "The program that connects.", 13, report::Align::left},
    kMinorNetns,
    {"connections", "CONNS", "Connections that ended, or are open now.", 7},
    {"closed_first.remote", "REMOTE", "The remote server closed first.", 7},
    {"closed_first.local", "LOCAL", "This side closed first.", 7},
    kClosedBoth,
    {"closed_first.none", "NONE", "Nobody closed: open, refused, timed out.", 6},
    kClosedUnknown,
    {"time_wait.now", "TW NOW", "TIME_WAITs held here now.", 6},
    {"time_wait.peak", "PEAK", "TIME_WAITs held here at most.", 6},
    kSocketSeconds,
    kMinorEndings,
};

constexpr report::TableView kPortView[] = {
    {"local", "LOCAL ADDRESS", "Local address.", 17, report::Align::left},
    {"remote", "REMOTE ENDPOINT",
     "Remote endpoint; -: ports that bind() chose, which are held towards all.", 21,
     report::Align::left},
    kMinorNetns,
    {"held", "HELD", "Local ports held now.", 7},
    {"peak", "PEAK", "Most held at one time.", 7},
    {"limit", "LIMIT", "Ports in ip_local_port_range.", 7},
    report::minor_column("opened", "Connections begun while tracing."),
    {"per_second", "OPENS/S", "Connections begun per second.", 8},
};

report::Value program(report::Report& report, const std::array<char, TD_COMM_LEN>& comm,
                      std::uint32_t pid) {
    const std::string_view text = event::comm_text(comm);
    if (text.empty() && pid == 0) return {};
    return report::ProcessValue{pid, report.keep(std::string(text))};
}

report::Value closers(report::Report& report, const EndCounts& tally) {
    std::vector<report::NumberPart> parts;
    for (const tcp::ClosedFirst who : kAllOf<tcp::ClosedFirst>)
        parts.push_back({name(who), report::count_value(tally.closed(who))});
    return report.keep(std::move(parts));
}

report::Value endings(report::Report& report, const EndCounts& tally) {
    std::vector<report::NumberPart> parts;
    for (const tcp::Ending how : kAllOf<tcp::Ending>)
        if (tally.ended(how) != 0)
            parts.push_back({name(how), report::count_value(tally.ended(how))});
    return report.keep(std::move(parts));
}

report::Value time_wait(report::Report& report, const Gauge& gauge, MonoTime now) {
    return report.keep({{"now", report::count_value(gauge.now())},
                        {"peak", report::count_value(gauge.peak())},
                        {"socket_seconds", gauge.held_seconds(now)}});
}

report::Table services_table(report::Report& report, const std::vector<ServiceRow>& services,
                             const ReportContext& moment) {
    report::Table table{kServiceColumns, kServiceView, {}};
    for (const ServiceRow& row : services) {
        const EndCounts sum = row.total();
        if (sum.connections == 0 && row.time_wait.peak() == 0) continue;
        const auto text = [&](const std::optional<std::string_view>& known) {
            return known ? report::Value(report.keep(std::string(*known))) : report::Value();
        };
        table.rows.push_back({report::EndpointValue{row.key.local, row.key.family, true},
                              program(report, row.key.comm, row.several_pids ? 0 : row.pid),
                              name(row.key.role), text(moment.cgroups.path_of(row.key.cgroup)),
                              std::int64_t{row.key.netns}, report::count_value(sum.connections),
                              closers(report, sum), endings(report, sum),
                              time_wait(report, row.time_wait, moment.now),
                              text(moment.cgroups.container_of(row.key.cgroup))});
    }
    return table;
}

report::Table remotes_table(report::Report& report, const std::deque<RemoteRow>& remotes,
                            const ReportContext& moment) {
    std::vector<const RemoteRow*> order;
    for (const RemoteRow& row : remotes) order.push_back(&row);
    std::stable_sort(order.begin(), order.end(), [](const RemoteRow* a, const RemoteRow* b) {
        const auto weight = [](const RemoteRow& row) {
            const EndCounts sum = row.total();
            return std::pair(sum.closed(tcp::ClosedFirst::remote), sum.connections);
        };
        return weight(*a) > weight(*b);
    });
    report::Table table{kRemoteColumns, kRemoteView, {}};
    for (const RemoteRow* row : order) {
        const EndCounts sum = row->total();
        if (sum.connections == 0 && row->time_wait.peak() == 0) continue;
        table.rows.push_back(
            {report::EndpointValue{row->remote, row->family, true},
             row->several_programs ? report::Value() : program(report, row->comm, 0),
             std::int64_t{row->netns}, report::count_value(sum.connections), closers(report, sum),
             endings(report, sum), time_wait(report, row->time_wait, moment.now)});
    }
    return table;
}

report::Table ports_table(const std::deque<PortRow>& ports, const ReportContext& moment) {
    std::vector<const PortRow*> order;
    for (const PortRow& row : ports)
        if (row.opened + row.held_at_begin + row.held.now() != 0) order.push_back(&row);
    std::stable_sort(order.begin(), order.end(), [](const PortRow* a, const PortRow* b) {
        return a->held.peak() > b->held.peak();
    });
    report::Table table{kPortColumns, kPortView, {}};
    const double seconds = std::chrono::duration<double>(moment.now - moment.begin).count();
    for (const PortRow* row : order) {
        const auto range = moment.host.port_range(row->netns);
        std::optional<std::uint64_t> limit;
        if (range) limit = range->second - range->first + 1;
        table.rows.push_back(
            {std::int64_t{row->netns},
             report::EndpointValue{tcp::Endpoint{row->local, 0}, row->family, true},
             row->is_bound() ? report::Value()
                             : report::EndpointValue{row->remote, row->family, true},
             report::count_value(row->held.now()), report::count_value(row->peak(limit)),
             limit ? report::count_value(*limit) : report::Value(),
             report::count_value(row->opened),
             seconds > 0 ? static_cast<double>(row->opened) / seconds : 0.0});
    }
    return table;
}

/// Those at these places, one after the other.
void put_in_order(std::vector<ServiceRow>& rows, const std::vector<std::size_t>& places) {
    std::vector<std::size_t> now(rows.size()); // where each row is
    std::iota(now.begin(), now.end(), std::size_t{0});
    std::vector<std::size_t> who = now; // which row is there
    for (std::size_t i = 0; i < places.size(); ++i) {
        const std::size_t from = now[places[i]];
        std::swap(rows[i], rows[from]);
        std::swap(who[i], who[from]);
        now[who[i]] = i;
        now[who[from]] = from;
    }
    rows.resize(places.size());
}

/// Whether `vague` may be the same service as `exact`, with less information.
bool is_vaguer(const ServiceRow& vague, const ServiceRow& exact) {
    constexpr std::array<char, TD_COMM_LEN> kNobody{};
    const bool comm_fits = vague.key.comm == kNobody || vague.key.comm == exact.key.comm;
    const bool cgroup_fits = vague.key.cgroup == 0 || vague.key.cgroup == exact.key.cgroup;
    return comm_fits && cgroup_fits && vague.key != exact.key;
}

void absorb(ServiceRow& into, const ServiceRow& row) {
    into.ended.add(row.ended);
    into.live.add(row.live);
    into.time_wait.absorb(row.time_wait);
    into.in_syn_recv += row.in_syn_recv;
    into.hung += row.hung;
    into.several_pids = into.several_pids || row.several_pids ||
                        (into.pid != 0 && row.pid != 0 && into.pid != row.pid);
    if (into.pid == 0) into.pid = row.pid;
    into.closed_first.note(row.closed_first);
    into.skipped.note(row.skipped);
    into.failed.note(row.failed);
    into.expired.note(row.expired);
}

} // namespace

std::vector<ServiceRow> Flows::services() const {
    std::vector<ServiceRow> rows; // they are large: there is one copy of them
    rows.reserve(services_.size());
    std::map<ServiceKey, std::size_t> exact;
    for (const ServiceRow& row : services_) {
        const ServiceKey key = canonical(row.key);
        const auto [it, is_new] = exact.try_emplace(key, rows.size());
        if (is_new)
            rows.emplace_back(row).key = key;
        else
            absorb(rows[it->second], row);
    }
    // TIME_WAITs that were there before, for instance, are known before the process behind their
    // endpoint is.
    std::map<std::tuple<std::uint32_t, tcp::Endpoint>, std::vector<std::size_t>> by_endpoint;
    for (const auto& [key, i] : exact)
        if (key.role == tcp::Role::server) by_endpoint[{key.netns, key.local}].push_back(i);
    for (const auto& [endpoint, all] : by_endpoint) {
        for (const std::size_t vague : all) {
            const auto fits = [&](std::size_t i) { return is_vaguer(rows[vague], rows[i]); };
            if (std::ranges::count_if(all, fits) != 1) continue;
            absorb(rows[*std::ranges::find_if(all, fits)], rows[vague]);
            exact.erase(rows[vague].key);
            break; // `all` is no longer whole; more than one vague row at an endpoint is rare
        }
    }
    const auto weight = [&](std::size_t i) {
        return std::tuple(rows[i].ended.closed(tcp::ClosedFirst::local) +
                              rows[i].live.closed(tcp::ClosedFirst::local),
                          rows[i].key.role == tcp::Role::server,
                          rows[i].ended.connections + rows[i].live.connections);
    };
    std::vector<std::size_t> order;
    for (const auto& [key, i] : exact) order.push_back(i);
    std::ranges::stable_sort(order, std::greater<>(), weight);
    put_in_order(rows, order);
    return rows;
}

std::string Flows::service_label(std::uint32_t index) const {
    if (index == kNone) return "unknown";
    const ServiceKey key = canonical(services_[index].key);
    const std::string_view comm = event::comm_text(key.comm);
    const std::string_view program = comm.empty() ? "?" : comm;
    if (key.role != tcp::Role::server) return fmt::format("{} ({})", program, name(key.role));
    return fmt::format("{} {}", key.local.text(key.family), program);
}

std::string Flows::remote_label(std::uint32_t index) const {
    if (index == kNone) return "(passive opens)";
    const RemoteRow& row = remotes_[index];
    if (row.remote.empty()) return "(others)";
    return row.remote.text(row.family);
}

void Flows::add_to(report::Report& report, const ReportContext& moment) {
    report.sections.push_back({"services", "Who closes first",
                               "Who closes first collects the TIME_WAITs. Services, and programs "
                               "that connect; most first.",
                               services_table(report, services(), moment),
                               report::SectionPlace::who});
    report.sections.push_back({"remotes", "Remote servers",
                               "Servers that programs here connect to; who closes first is on top.",
                               remotes_table(report, remotes_, moment), report::SectionPlace::who});
    report.sections.push_back({"ports", "Local ports in use",
                               "By local address and remote endpoint; TIME_WAIT holds its port.",
                               ports_table(ports_, moment), report::SectionPlace::who});
}

} // namespace tcpdwell::analysis
