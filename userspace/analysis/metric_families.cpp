// SPDX-License-Identifier: Apache-2.0
// The families of the metrics: the only place that has their names and labels.
#include <algorithm>
#include <utility>

#include "analysis/findings.h"
#include "analysis/metrics.h"
#include "base/text.h"
#include "event/container_path.h"

namespace tcpdwell::analysis {
namespace {

using report::MetricFamily;
using report::MetricType;

constexpr std::array<std::string_view, TD_PROBE_COUNT> kProbeNames{"state", "timewait", "request",
                                                                   "reset", "owner",    "port"};

/// In the order of the interface.
constexpr MetricDescription kDescriptions[] = {
    {"tcpdwell_sockets", "Sockets in each TCP state now.", MetricType::gauge, {"state"}},
    {"tcpdwell_state_dwell_seconds",
     "How long sockets were in each state that they have left.",
     MetricType::histogram,
     {"state"}},
    {"tcpdwell_handshake_seconds",
     "From SYN to ESTABLISHED; handshakes that failed are left out.",
     MetricType::histogram,
     {"role"}},
    {"tcpdwell_accept_delay_seconds",
     "From ESTABLISHED until accept() returned, of connections that have ended.",
     MetricType::histogram,
     {"service"}},
    {"tcpdwell_socket_seconds_total",
     "Time that sockets spent in a state, summed over all of them.",
     MetricType::counter,
     {"service", "state"}},
    {"tcpdwell_connections_opened_total",
     "Connections whose beginning was seen, failed handshakes included.",
     MetricType::counter,
     {"service", "role"}},
    {"tcpdwell_connections_ended_total",
     "Connections that have ended.",
     MetricType::counter,
     {"service", "role", "closed_first", "ending"}},
    {"tcpdwell_time_waits_ended_total",
     "TIME_WAITs by what ended them.",
     MetricType::counter,
     {"reason"}},
    {"tcpdwell_bytes_total",
     "Payload of connections that have ended; sent with retransmissions.",
     MetricType::counter,
     {"service", "direction"}},
    {"tcpdwell_segments_retransmitted_total",
     "Segments sent again by connections that have ended.",
     MetricType::counter,
     {"service"}},
    {"tcpdwell_listen_overflows_total",
     "Connections that found an accept queue full; with a service where only one listener can be "
     "meant.",
     MetricType::counter,
     {"service"}},
    {"tcpdwell_ephemeral_ports_used_ratio",
     "Local ports held towards one remote endpoint, as a share of ip_local_port_range: the "
     "largest.",
     MetricType::gauge,
     {}},
    {"tcpdwell_time_wait_limit_sockets", "net.ipv4.tcp_max_tw_buckets.", MetricType::gauge, {}},
    {"tcpdwell_close_wait_oldest_seconds",
     "Age of the oldest socket in CLOSE_WAIT.",
     MetricType::gauge,
     {"service"}},
    {"tcpdwell_finding_active",
     "1: the current report has the finding; see tcpdwell explain.",
     MetricType::gauge,
     {"finding"}},
    {"tcpdwell_finding_severity",
     "0: the current report hasn't the finding; 1: as information, as a consequence of another "
     "one is; 2: as a warning; 3: as critical.",
     MetricType::gauge,
     {"finding"}},
    {"tcpdwell_events_lost_total",
     "Events that the kernel could not hand over: the buffer was full.",
     MetricType::counter,
     {"probe"}},
    {"tcpdwell_connections_evicted_total",
     "Connections dropped from tracking at --max-connections.",
     MetricType::counter,
     {}},
    {"tcpdwell_series_folded_total",
     "Services whose counters were added to those of the service other.",
     MetricType::counter,
     {}},
    {"tcpdwell_export_rows_total",
     "Rows of --export: that the server has, that it refused, and that had no room to wait.",
     MetricType::counter,
     {"result"}},
    {"tcpdwell_sample_factor",
     "One connection in so many is traced (--sample); what is counted of connections has been "
     "multiplied by it. 1: all are.",
     MetricType::gauge,
     {}},
    {"tcpdwell_build_info",
     "The version that traced, and its probes.",
     MetricType::gauge,
     {"version", "probes"}},
};

constexpr const MetricDescription& description_of(std::string_view name) {
    return *std::ranges::find(kDescriptions, name, &MetricDescription::name);
}

MetricFamily empty_family(std::string_view name) {
    const MetricDescription& description = description_of(name);
    MetricFamily family{description.name, description.help, description.type};
    if (family.type == MetricType::histogram) family.bounds = kMetricBounds;
    return family;
}

std::string lower(std::string_view text) {
    std::string small(text);
    std::ranges::transform(small, small.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    return small;
}

using Labels = std::vector<report::MetricLabel>;

void add(MetricFamily& family, Labels labels, double value) {
    family.samples.push_back({std::move(labels), value});
}

void add(MetricFamily& family, Labels labels, std::uint64_t value) {
    add(family, std::move(labels), static_cast<double>(value));
}

void add(MetricFamily& family, Labels labels, const BucketHistogram& histogram) {
    report::MetricSample& sample = family.samples.emplace_back();
    sample.labels = std::move(labels);
    sample.histogram.counts.assign(histogram.counts().begin(), histogram.counts().end());
    sample.histogram.sum = histogram.sum_seconds();
}

std::string text(std::string_view word) { return std::string(word); }

/// Of tcpdwell_finding_severity.
double value_of(report::Severity severity) {
    switch (severity) {
    case report::Severity::info: return 1;
    case report::Severity::warning: return 2;
    case report::Severity::critical: return 3;
    }
    return 0;
}

} // namespace

std::span<const MetricDescription> metric_descriptions() { return kDescriptions; }

std::vector<MetricFamily> Metrics::families(MonoTime now, std::uint64_t evicted) {
    std::vector<MetricFamily> all;
    add_states(all);
    add_held(all, now);
    add_connections(all);
    add_traffic(all);
    add_gauges(all, now);
    add_own(all, evicted);
    return all;
}

Labels Metrics::labels_of(const std::string& service, const std::string& container,
                          std::initializer_list<report::MetricLabel> more) const {
    Labels labels{{"service", service}};
    if (options_.container) {
        const event::ContainerWords words = event::container_words(container);
        labels.push_back({"container", text(words.name)});
        labels.push_back({"pod", text(words.pod)});
        labels.push_back({"namespace", text(words.name_space)});
    }
    labels.insert(labels.end(), more.begin(), more.end());
    return labels;
}

void Metrics::add_states(std::vector<MetricFamily>& all) const {
    MetricFamily sockets = empty_family("tcpdwell_sockets");
    MetricFamily dwell = empty_family("tcpdwell_state_dwell_seconds");
    for (const tcp::State state : kAllOf<tcp::State>) {
        const Labels labels{{"state", lower(name(state))}};
        add(sockets, labels, sockets_[state]);
        add(dwell, labels, dwell_[state]);
    }
    MetricFamily handshake = empty_family("tcpdwell_handshake_seconds");
    add(handshake, {{"role", "client"}}, client_handshake_);
    add(handshake, {{"role", "server"}}, server_handshake_);
    MetricFamily delay = empty_family("tcpdwell_accept_delay_seconds");
    for (const MetricServices::Row& row : services_.rows())
        if (!row.counters.accept_delay.is_empty())
            add(delay, labels_of(row), row.counters.accept_delay);
    all.insert(all.end(), {std::move(sockets), std::move(dwell), std::move(handshake)});
    all.push_back(std::move(delay));
}

void Metrics::add_held(std::vector<MetricFamily>& all, MonoTime now) {
    MetricFamily held = empty_family("tcpdwell_socket_seconds_total");
    for (MetricServices::Row& row : services_.rows()) {
        if (!row.is_used) continue;
        for (std::size_t i = 0; i < kHeldStates.size(); ++i)
            add(held, labels_of(row, {{"state", lower(name(kHeldStates[i]))}}),
                row.counters.held[i].seconds(now));
    }
    all.push_back(std::move(held));
}

void Metrics::add_connections(std::vector<MetricFamily>& all) const {
    MetricFamily opened = empty_family("tcpdwell_connections_opened_total");
    MetricFamily ended = empty_family("tcpdwell_connections_ended_total");
    for (const MetricServices::Row& row : services_.rows()) {
        for (const tcp::Role role : kAllOf<tcp::Role>) {
            if (row.counters.opened[role] != 0)
                add(opened, labels_of(row, {{"role", text(name(role))}}),
                    row.counters.opened[role]);
            for (const tcp::ClosedFirst who : kAllOf<tcp::ClosedFirst>)
                for (const tcp::Ending how : kAllOf<tcp::Ending>)
                    if (const std::uint64_t count = row.counters.ended[role][who][how]; count != 0)
                        add(ended,
                            labels_of(row, {{"role", text(name(role))},
                                            {"closed_first", text(name(who))},
                                            {"ending", text(name(how))}}),
                            count);
        }
    }
    MetricFamily time_waits = empty_family("tcpdwell_time_waits_ended_total");
    for (const tcp::TimeWaitEnd end : kAllOf<tcp::TimeWaitEnd>)
        if (end != tcp::TimeWaitEnd::open)
            add(time_waits, {{"reason", text(name(end))}}, time_waits_ended_[end]);
    all.insert(all.end(), {std::move(opened), std::move(ended), std::move(time_waits)});
}

void Metrics::add_traffic(std::vector<MetricFamily>& all) const {
    MetricFamily bytes = empty_family("tcpdwell_bytes_total");
    MetricFamily retransmitted = empty_family("tcpdwell_segments_retransmitted_total");
    MetricFamily overflows = empty_family("tcpdwell_listen_overflows_total");
    add(overflows, labels_of("", ""), unnamed_overflows_);
    for (const MetricServices::Row& row : services_.rows()) {
        if (!row.is_used) continue;
        add(bytes, labels_of(row, {{"direction", "sent"}}), row.counters.bytes_sent);
        add(bytes, labels_of(row, {{"direction", "received"}}), row.counters.bytes_received);
        add(retransmitted, labels_of(row), row.counters.segments_retransmitted);
        if (row.counters.listen_overflows != 0)
            add(overflows, labels_of(row), row.counters.listen_overflows);
    }
    all.insert(all.end(), {std::move(bytes), std::move(retransmitted), std::move(overflows)});
}

void Metrics::add_gauges(std::vector<MetricFamily>& all, MonoTime now) const {
    MetricFamily ports = empty_family("tcpdwell_ephemeral_ports_used_ratio");
    if (options_.sample == 1) add(ports, {}, ports_used_); // else it isn't known
    MetricFamily limit = empty_family("tcpdwell_time_wait_limit_sockets");
    if (time_wait_limit_) add(limit, {}, *time_wait_limit_);
    MetricFamily oldest = empty_family("tcpdwell_close_wait_oldest_seconds");
    for (const auto& [service, since] : oldest_close_wait_)
        add(oldest, labels_of(service.first, service.second),
            std::max(0.0, std::chrono::duration<double>(now - since).count()));
    MetricFamily findings = empty_family("tcpdwell_finding_active");
    MetricFamily severities = empty_family("tcpdwell_finding_severity");
    for (const std::string_view id : finding_ids()) {
        const auto found = findings_.find(id);
        const bool is_active = found != findings_.end();
        add(findings, {{"finding", text(id)}}, is_active ? 1.0 : 0.0);
        add(severities, {{"finding", text(id)}}, is_active ? value_of(found->second) : 0.0);
    }
    all.insert(all.end(), {std::move(ports), std::move(limit), std::move(oldest)});
    all.insert(all.end(), {std::move(findings), std::move(severities)});
}

void Metrics::add_own(std::vector<MetricFamily>& all, std::uint64_t evicted) const {
    MetricFamily lost = empty_family("tcpdwell_events_lost_total");
    for (std::size_t i = 0; i < lost_.size(); ++i)
        add(lost, {{"probe", text(kProbeNames[i])}}, lost_[i]);
    MetricFamily gone = empty_family("tcpdwell_connections_evicted_total");
    add(gone, {}, evicted);
    MetricFamily folded = empty_family("tcpdwell_series_folded_total");
    add(folded, {}, services_.folded());
    MetricFamily exported = empty_family("tcpdwell_export_rows_total");
    add(exported, {{"result", "sent"}}, exported_.sent);
    add(exported, {{"result", "rejected"}}, exported_.rejected);
    add(exported, {{"result", "dropped"}}, exported_.dropped);
    MetricFamily sample = empty_family("tcpdwell_sample_factor");
    add(sample, {}, options_.sample);
    MetricFamily build = empty_family("tcpdwell_build_info");
    add(build, {{"version", printable(version_)}, {"probes", printable(probes_)}}, 1.0);
    all.insert(all.end(), {std::move(lost), std::move(gone), std::move(folded), std::move(sample)});
    all.insert(all.end(), {std::move(exported), std::move(build)});
}

} // namespace tcpdwell::analysis
