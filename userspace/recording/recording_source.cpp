// SPDX-License-Identifier: Apache-2.0
#include "recording/recording_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "tcpdwell/wire.h"

namespace tcpdwell::recording {
namespace {

/// poll() mustn't sleep longer, so that it can be stopped.
constexpr std::chrono::milliseconds kLongestNap(50);

} // namespace

RecordingSource::RecordingSource(std::vector<std::unique_ptr<RecordingReader>> readers)
    : readers_(std::move(readers)), head_(head_from_json(readers_.front()->head_json())) {}

Result<std::unique_ptr<RecordingSource>> RecordingSource::open(const std::vector<std::string>& paths) {
    std::vector<std::unique_ptr<RecordingReader>> readers;
    for (const std::string& path : paths) {
        auto reader = RecordingReader::open(path);
        if (!reader) return tl::unexpected(reader.error());
        readers.push_back(std::move(*reader));
    }
    const auto clock = [](const auto& reader) { return head_from_json(reader->head_json()).clock.mono; };
    std::stable_sort(readers.begin(), readers.end(), [&](const auto& a, const auto& b) { return clock(a) < clock(b); });
    const Head first = head_from_json(readers.front()->head_json());
    for (const auto& reader : readers) {
        const Head head = head_from_json(reader->head_json());
        if (head.boot_id != first.boot_id)
            return fail(ErrorCode::failed,
                        fmt::format("{} is of another host, or of another boot of it, than {}; read them one at a time",
                                    reader->path(), readers.front()->path()));
    }
    return std::unique_ptr<RecordingSource>(new RecordingSource(std::move(readers)));
}

Result<bool> RecordingSource::next_block() {
    while (current_ < readers_.size()) {
        const auto block = readers_[current_]->next();
        if (!block) return tl::unexpected(block.error());
        if (*block) {
            rest_ = **block;
            return true;
        }
        ++current_;
    }
    return false;
}

void RecordingSource::keep_pace(MonoTime at) {
    if (options_.speed <= 0 || options_.since) return;
    const auto here = std::chrono::steady_clock::now();
    if (!pace_begin_) {
        pace_begin_ = at;
        pace_begin_here_ = here;
        return;
    }
    const auto recorded = std::chrono::duration<double>(at - *pace_begin_) / options_.speed;
    const auto due = pace_begin_here_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(recorded);
    if (due > here) std::this_thread::sleep_for(std::min<std::chrono::steady_clock::duration>(due - here, kLongestNap));
}

Result<EventSource::Status> RecordingSource::poll(const RecordSink& sink) {
    at_mark_ = false;
    while (!stopped_) {
        if (rest_.empty()) {
            const auto more = next_block();
            if (!more) return tl::unexpected(more.error());
            if (!*more) {
                if (past_until_) now_ = *options_.until;
                return Status::finished;
            }
        }
        td_header header;
        std::memcpy(&header, rest_.data(), sizeof(header));
        const MonoTime at(Nanoseconds(static_cast<std::int64_t>(header.time_ns)));
        if (options_.since && at >= *options_.since) {
            now_ = std::max(now_, *options_.since);
            options_.since.reset();
            return Status::more;
        }
        const std::span<const std::byte> record = rest_.first(header.size);
        rest_ = rest_.subspan(header.size);
        if (options_.until && at > *options_.until) {
            // CPUs' records aren't quite in order; but a mark says that all before it have been told.
            past_until_ = true;
            if (header.kind != TD_NOW) continue;
            now_ = *options_.until;
            return Status::finished;
        }
        if (header.kind != TD_NOW) {
            now_ = std::max(now_, at); // a recording that was cut off ends without a mark
            sink(record);
            continue;
        }
        now_ = at;
        at_mark_ = true;
        keep_pace(at);
        return Status::more;
    }
    return Status::finished;
}

std::optional<MonoTime> RecordingSource::end() const {
    std::optional<MonoTime> latest;
    for (const auto& reader : readers_) {
        const auto last = reader->last_time();
        if (!last) return std::nullopt;
        latest = std::max(latest.value_or(*last), *last);
    }
    return latest;
}

Damage RecordingSource::damage() const {
    Damage sum;
    for (const auto& reader : readers_) sum.add(reader->damage());
    return sum;
}

} // namespace tcpdwell::recording
