// SPDX-License-Identifier: Apache-2.0
#include "screen/screen_data.h"

namespace tcpdwell::screen {
namespace {

/// Connections seen before their process was known have no name, but the service of one.
bool is_of_service(const analysis::ServiceKey& row, const analysis::ServiceKey& key) {
    if (row.netns != key.netns || row.role != key.role || row.local != key.local) return false;
    constexpr std::array<char, TD_COMM_LEN> kNobody{};
    const bool is_vague = row.role == tcp::Role::server && key.comm == kNobody;
    return is_vague || row.comm == key.comm;
}

} // namespace

const std::vector<GroupRow>& ScreenData::groups(TableKind kind) const {
    switch (kind) {
    case TableKind::services: return services;
    case TableKind::programs: return programs;
    case TableKind::remotes: return remotes;
    case TableKind::ports: return ports;
    case TableKind::connections: break;
    }
    static const std::vector<GroupRow> none;
    return none;
}

bool ScreenData::is_of(TableKind kind, const RowKey& key, const ConnectionEntry& entry) {
    if (entry.is_listener()) return false;
    const bool is_passive = entry.role == tcp::Role::server;
    switch (kind) {
    case TableKind::services: return is_of_service(key.service, entry.service);
    case TableKind::programs: return entry.service.comm == key.service.comm;
    case TableKind::remotes:
        return !is_passive && entry.netns == key.service.netns && entry.tuple.remote == key.remote;
    case TableKind::ports:
        return !is_passive && entry.netns == key.service.netns &&
               entry.tuple.local.address == key.local &&
               (key.is_bound || entry.tuple.remote == key.remote);
    case TableKind::connections: break;
    }
    return false;
}

} // namespace tcpdwell::screen
