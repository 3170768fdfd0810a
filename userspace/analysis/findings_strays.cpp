// SPDX-License-Identifier: Apache-2.0
// Connections that another host, or another namespace, believes in and this one doesn't know.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
namespace {

std::string endpoint_text(const tcp::Endpoint& endpoint, tcp::Family family) {
    if (endpoint.empty()) return "several hosts";
    return endpoint.port != 0 ? endpoint.text(family)
                              : fmt::format("{} (several ports)", endpoint.address.text(family));
}

std::string process_of(const UnknownGroup& group) {
    return group.process ? fmt::format(" of {}", process_text(group.process)) : std::string();
}

Scope scope_of(const UnknownGroup& group) {
    Scope scope;
    scope.netns = group.netns;
    scope.connections = group.connections;
    scope.first = scope.began = group.first;
    scope.last = group.last;
    if (!group.translated_from.empty())
        scope.services = {group.translated_from};
    else if (group.translated == 0 && group.local.port != 0)
        scope.services = {group.local};
    return scope;
}

FindingDraft draft_of(const UnknownGroup& group, bool are_all) {
    const std::string_view so_many = are_all ? "" : "at least ";
    const std::string local = endpoint_text(group.local, group.family);
    const std::string remote = endpoint_text(group.remote, group.family);
    FindingDraft draft{"stray_resets", group.ended > 0 || group.translated > 0
                                           ? report::Severity::warning
                                           : report::Severity::info};
    draft.subject = fmt::format("{} to {}", remote, local);
    draft.what = fmt::format(
        "Segments of {}{} from {} came to {}{}, and no socket there knows {}: {}{} answered {}.",
        so_many, counted(group.connections, "connection"), remote, local,
        group.last - group.first < std::chrono::seconds(1)
            ? ""
            : fmt::format(" within {}", duration_text(group.last - group.first)),
        group.connections == 1 ? "it" : "them", so_many, counted(group.resets, "RST"),
        group.connections == 1 ? "it" : "them");
    if (group.ended > 0)
        draft.what += fmt::format(" {}{} on this host ended by that.",
                                  counted(group.ended, "connection"), process_of(group));
    if (group.translated > 0)
        draft.what += fmt::format(
            " {} of the ports {} of {}, which {} connected to {}: probably an address translation "
            "no longer maps the answers back.",
            group.translated, group.translated == 1 ? "is that" : "are those",
            process_text(group.client), group.client ? "is" : "are",
            endpoint_text(group.translated_from, group.family));
    draft.evidence = {{"count", "connections not known here", group.connections},
                      {"resets", "RSTs sent", group.resets},
                      {"ended", "other ends here that received one", group.ended},
                      {"translated", "ports of clients here of another endpoint", group.translated},
                      {"local", "sent to", local},
                      {"remote", "sent by", remote},
                      {"netns", "network namespace that knew none", std::uint64_t{group.netns}}};
    if (group.process) draft.processes.push_back({"process", "process", {*group.process}});
    draft.scope = scope_of(group);
    if (group.translated > 0)
        draft.evidence.push_back({"translated_from", "which they connect to",
                                  endpoint_text(group.translated_from, group.family)});
    if (group.client) draft.processes.push_back({"client", "connected by", {*group.client}});
    draft.connections = group.ids.list();
    if (group.translated > 0) {
        draft.advice.push_back(
            "Connection tracking takes these segments for invalid, or has forgotten the "
            "connection, and lets them pass as they are: drop them (nft: ct state invalid drop, on "
            "the host that translates), or set net.netfilter.nf_conntrack_tcp_be_liberal to 1; "
            "conntrack -S counts invalid ones.");
        return draft;
    }
    draft.advice.push_back(
        "The connection is elsewhere, or ended here before it could be traced: a host or container "
        "that was restarted, "
        "an address that moved (failover), a NAT or load balancer that sends the segments "
        "elsewhere than before.");
    draft.advice.push_back(
        "If the connections were idle before, something on the path forgot them: keep their idle "
        "time below its limit (net.netfilter.nf_conntrack_tcp_timeout_established on Linux; "
        "conntrack -L shows what it knows).");
    return draft;
}

void add(KnownServices& known, std::uint32_t netns, const tcp::Endpoint& endpoint) {
    if (endpoint.address.is_unspecified())
        known.ports.emplace(netns, endpoint.port);
    else
        known.endpoints.insert(endpoint);
}

KnownServices services_of(const RuleInput& evidence) {
    KnownServices known;
    for (const auto& [key, times] : evidence.listeners.all()) {
        const auto& [netns, port, address] = key;
        add(known, netns, {address, port});
    }
    for (const ServiceRow& row : evidence.services)
        if (row.key.role == tcp::Role::server) add(known, row.key.netns, row.key.local);
    for (const RemoteRow& row : evidence.flows.remotes())
        if (!row.remote.empty()) known.endpoints.insert(row.remote);
    return known;
}

} // namespace

void find_stray_resets(const RuleInput& evidence, FindingDrafts& drafts) {
    const std::uint64_t many = count_threshold(evidence, "stray_resets.connections");
    for (const UnknownGroup& group : evidence.unknown.groups(services_of(evidence)))
        if (group.connections >= many || group.ended > 0 || group.translated > 0)
            drafts.push_back(draft_of(group, evidence.unknown.are_all()));
}

} // namespace tcpdwell::analysis
