// SPDX-License-Identifier: Apache-2.0
#include "analysis/metric_services.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/hash.h"
#include "base/text.h"

namespace tcpdwell::analysis {
namespace {

constexpr std::string_view kOtherLabel = "other";
/// How often an idle row is looked for where all are taken.
constexpr Nanoseconds kFoldInterval = std::chrono::seconds(1);

std::string label_of(const std::array<char, TD_COMM_LEN>& comm, tcp::Port port) {
    const std::string_view text = event::comm_text(comm);
    const std::string program = text.empty() ? "unknown" : printable(text);
    return port == 0 ? program : fmt::format("{}:{}", program, port);
}

} // namespace

void BucketHistogram::record(Nanoseconds duration, std::uint64_t times) {
    static const auto bounds = [] {
        std::array<Nanoseconds, kMetricBounds.size()> all{};
        std::ranges::transform(kMetricBounds, all.begin(), from_seconds);
        return all;
    }();
    const Nanoseconds value = std::max(duration, Nanoseconds(0));
    counts_[static_cast<std::size_t>(std::ranges::lower_bound(bounds, value) - bounds.begin())] +=
        times;
    const auto ns = static_cast<std::uint64_t>(value.count());
    constexpr std::uint64_t kSecond = 1'000'000'000;
    rest_ns_ += ns % kSecond * times;
    seconds_ += ns / kSecond * times + rest_ns_ / kSecond;
    rest_ns_ %= kSecond;
}

void BucketHistogram::add(const BucketHistogram& other) {
    constexpr std::uint64_t kSecond = 1'000'000'000;
    std::ranges::transform(counts_, other.counts_, counts_.begin(), std::plus());
    rest_ns_ += other.rest_ns_;
    seconds_ += other.seconds_ + rest_ns_ / kSecond;
    rest_ns_ %= kSecond;
}

bool BucketHistogram::is_empty() const {
    return std::ranges::all_of(counts_, [](std::uint64_t n) { return n == 0; });
}

void HeldTime::add(const HeldTime& other) {
    sockets_ += other.sockets_;
    area_ += other.area_;
    shown_ += other.shown_;
}

double HeldTime::seconds(MonoTime now) {
    const Wide held = area_ + Wide{sockets_} * now.time_since_epoch().count();
    shown_ = std::max(shown_, static_cast<double>(held) * 1e-9);
    return shown_;
}

void ServiceCounters::add(const ServiceCounters& other) {
    for (const tcp::Role role : kAllOf<tcp::Role>) {
        opened[role] += other.opened[role];
        for (const tcp::ClosedFirst who : kAllOf<tcp::ClosedFirst>)
            std::ranges::transform(ended[role][who], other.ended[role][who],
                                   ended[role][who].begin(), std::plus());
    }
    accept_delay.add(other.accept_delay);
    for (std::size_t i = 0; i < held.size(); ++i) held[i].add(other.held[i]);
    bytes_sent += other.bytes_sent;
    bytes_received += other.bytes_received;
    segments_retransmitted += other.segments_retransmitted;
    listen_overflows += other.listen_overflows;
}

std::string service_text(const track::ConnectionIdentity& who) {
    const bool listens = who.role == tcp::Role::server || who.tuple.remote.empty();
    return label_of(who.process ? who.process->comm_bytes : std::array<char, TD_COMM_LEN>{},
                    listens ? who.tuple.local.port : tcp::Port{0});
}

MetricServices::MetricServices(std::size_t most, NameOfCgroup container)
    : most_(most), container_(std::move(container)) {
    rows_.push_back({std::string(kOtherLabel)});
    keys_.emplace_back();
}

std::size_t MetricServices::KeyHash::operator()(const Key& key) const {
    const std::uint64_t container = std::hash<std::string_view>()(key.container);
    return mix64(key.comm, mix64(container ^ mix64(key.port)));
}

std::uint32_t MetricServices::row_of(const track::ConnectionIdentity& who, MonoTime at) {
    Key key;
    if (who.process) key.comm = who.process->comm_bytes;
    if (who.role == tcp::Role::server || who.tuple.remote.empty()) key.port = who.tuple.local.port;
    if (container_ && who.cgroup != 0) key.container = container_(who.cgroup).value_or("");
    const auto known = index_.find(key);
    const std::uint32_t row = known != index_.end() ? known->second : admit(key, at);
    rows_[row].used = std::max(rows_[row].used, at);
    rows_[row].is_used = true;
    return row;
}

std::uint32_t MetricServices::admit(const Key& key, MonoTime at) {
    const bool is_full = rows_.size() > most_;
    if (is_full && at < next_fold_) return kOther;
    Row row{label_of(key.comm, key.port), printable(key.container)};
    // A program may be called "other", and names that differ in invisible bytes look the same.
    const auto same = std::ranges::find_if(rows_, [&](const Row& each) {
        return each.label == row.label && each.container == row.container;
    });
    if (same != rows_.end()) return static_cast<std::uint32_t>(same - rows_.begin());
    if (is_full) {
        next_fold_ = at + kFoldInterval;
        const std::uint32_t place = fold_idle(at);
        if (place == kOther) return kOther;
        rows_[place] = std::move(row);
        index_.erase(keys_[place]);
        index_[key] = place;
        keys_[place] = key;
        return place;
    }
    const auto place = static_cast<std::uint32_t>(rows_.size());
    rows_.push_back(std::move(row));
    keys_.push_back(key);
    index_[key] = place;
    return place;
}

/// kOther: none is idle.
std::uint32_t MetricServices::fold_idle(MonoTime now) {
    std::uint32_t idle = kOther;
    for (std::uint32_t i = 1; i < rows_.size(); ++i)
        if (rows_[i].sockets == 0 && now - rows_[i].used >= kIdle &&
            (idle == kOther || rows_[i].used < rows_[idle].used))
            idle = i;
    if (idle == kOther) return kOther;
    rows_[kOther].counters.add(rows_[idle].counters);
    rows_[kOther].is_used = true;
    rows_[idle] = Row{};
    ++folded_;
    return idle;
}

} // namespace tcpdwell::analysis
