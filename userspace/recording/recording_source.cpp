// SPDX-License-Identifier: Apache-2.0
#include "recording/recording_source.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "event/record.h"

namespace tcpdwell::recording {
namespace {

/// poll() mustn't sleep longer, so that it can be stopped.
constexpr std::chrono::milliseconds kLongestNap(50);
/// Nor go on longer without a mark. Recorders write some 50 a second: only a strange file has so
/// few.
constexpr std::size_t kMostWithoutMark = 1 << 20;
/// A file that is open stays readable when a recorder removes it. The oldest go first.
constexpr std::size_t kMostKeptOpen = 256;

/// How many files may stay open: a part of what the process may have.
std::size_t files_kept_open() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    return static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur / 4, kMostKeptOpen));
}

} // namespace

RecordingSource::RecordingSource(std::vector<std::unique_ptr<RecordingReader>> readers)
    : readers_(std::move(readers)) {
    for (const auto& reader : readers_) paths_.push_back(reader->path());
    const auto clock = [](const auto& reader) {
        return head_from_json(reader->head_json()).clock.mono;
    };
    std::stable_sort(readers_.begin(), readers_.end(),
                     [&](const auto& a, const auto& b) { return clock(a) < clock(b); });
    head_ = head_from_json(readers_.front()->head_json());
    for (const auto& reader : readers_) join_filters(head_, head_from_json(reader->head_json()));
}

Result<std::unique_ptr<RecordingSource>>
RecordingSource::open(const std::vector<std::string>& paths) {
    auto hosts = open_by_host(paths);
    if (!hosts) return tl::unexpected(hosts.error());
    if (hosts->size() == 1) return std::move(hosts->front());
    return fail(
        ErrorCode::failed,
        fmt::format(
            "{} is of another host, or of another boot of it, than {}; only report takes several "
            "hosts at once",
            (*hosts)[1]->paths().front(), (*hosts)[0]->paths().front()));
}

Result<std::vector<std::unique_ptr<RecordingSource>>>
RecordingSource::open_by_host(const std::vector<std::string>& paths) {
    std::vector<std::string> keys; // of the hosts, in the order of `hosts`
    std::vector<std::vector<std::unique_ptr<RecordingReader>>> hosts;
    const std::size_t kept_open = files_kept_open();
    std::size_t opened = 0;
    for (const std::string& path : paths) {
        auto reader = RecordingReader::open(path);
        if (!reader) return tl::unexpected(reader.error());
        (*reader)->rest(opened++ < kept_open);
        const std::string boot = head_from_json((*reader)->head_json()).boot_id;
        const std::string key = !boot.empty() ? boot : "file " + path;
        auto known =
            static_cast<std::size_t>(std::find(keys.begin(), keys.end(), key) - keys.begin());
        if (known == keys.size()) {
            keys.push_back(key);
            hosts.emplace_back();
        }
        hosts[known].push_back(std::move(*reader));
    }
    std::vector<std::unique_ptr<RecordingSource>> sources;
    for (auto& readers : hosts)
        sources.push_back(
            std::unique_ptr<RecordingSource>(new RecordingSource(std::move(readers))));
    return sources;
}

Result<bool> RecordingSource::next_block(const event::RecordSink& sink) {
    while (current_ < readers_.size()) {
        RecordingReader& reader = *readers_[current_];
        const auto block = reader.next();
        if (!block) return tl::unexpected(block.error());
        if (!*block) {
            if (run_ == 0 && !reports_nothing_ && reader.damage().any()) { // no block is intact
                reports_nothing_ = true;
                now_ = begin_of_run(now_);
                emit_head(sink);
                emit_gap(now_, false, sink);
            }
            if (begun_files_ > current_ && reader.end_sequence() > expected_)
                emit_gap(now_, false, sink);
            expected_ = std::max(expected_, reader.end_sequence());
            ++current_;
            continue;
        }
        // The same segment twice: saved for two reasons.
        if (reader.block().run == run_ && reader.block().sequence < expected_) continue;
        const bool begins_file = begun_files_ <= current_;
        begun_files_ = current_ + 1;
        if (auto connected = connect(reader.block(), begins_file, sink); !connected)
            return tl::unexpected(connected.error());
        rest_ = **block;
        return true;
    }
    return false;
}

Result<void> RecordingSource::connect(const BlockHead& block, bool begins_file,
                                      const event::RecordSink& sink) {
    const bool is_first = run_ == 0;
    const bool is_new_run = !is_first && block.run != run_;
    const std::uint64_t expected = is_first     ? head_.sequence
                                   : is_new_run ? block.sequence
                                                : expected_;
    const bool is_gap = is_new_run || block.sequence != expected;
    run_ = block.run;
    expected_ = block.sequence + 1;
    if (begins_file) skips_repeated_ = !is_first && !is_gap;
    if (is_first) now_ = begin_of_run(block.first);
    if (is_new_run && block.first < now_)
        return fail(ErrorCode::failed,
                    fmt::format("{} and {} were recorded at the same time; read them one at a time",
                                readers_[current_ - 1]->path(), readers_[current_]->path()));
    if (is_gap && is_first) emit_head(sink);
    if (is_gap) emit_gap(block.first, is_new_run, sink);
    return {};
}

MonoTime RecordingSource::begin_of_run(MonoTime first) const {
    const MonoTime begin = head_.clock.mono;
    if (begin != MonoTime{}) return begin;
    return is_possible(first) ? first : begin; // an old or strange head
}

void RecordingSource::emit_head(const event::RecordSink& sink) const {
    const std::uint64_t at = event::wire_ns(now_);
    if (head_.clock.mono != MonoTime{}) {
        td_clock clock{};
        clock.h = event::header_of<td_clock>(TD_CLOCK, at, 0);
        clock.wall_ns = head_.clock.wall.time_since_epoch().count();
        sink(event::bytes_of(clock)); // without hz: the jiffies of that moment aren't known
    }
    for (const auto& [key, value] :
         {std::pair("host", &head_.host), std::pair("kernel", &head_.kernel),
          std::pair("machine", &head_.machine), std::pair("probes", &head_.probes)})
        if (!value->empty()) sink(event::fact_record(at, 0, key, *value));
}

void RecordingSource::emit_gap(MonoTime until, bool is_new_run,
                               const event::RecordSink& sink) const {
    td_gap gap{};
    gap.h = event::header_of<td_gap>(TD_GAP, event::wire_ns(now_), 0);
    gap.until_ns = event::wire_ns(is_possible(until) ? std::max(now_, until) : now_);
    gap.new_run = is_new_run;
    sink(event::bytes_of(gap));
}

/// For what reads on from here it is as if recording had stopped.
void RecordingSource::stop_at_until(const event::RecordSink& sink) {
    now_ = *options_.until;
    td_stop stop{};
    stop.h = event::header_of<td_stop>(TD_STOP, event::wire_ns(now_), 0);
    sink(event::bytes_of(stop));
}

/// A decoder counts it as malformed, whatever it says.
void RecordingSource::reject(td_header header, const event::RecordSink& sink) {
    ++misdated_;
    header.size = sizeof(header);
    header.time_ns = UINT64_MAX;
    sink(event::bytes_of(header));
}

void RecordingSource::keep_pace(MonoTime at) {
    if (options_.speed <= 0 || options_.since) return;
    const auto here = std::chrono::steady_clock::now();
    if (!pace_begin_) {
        pace_begin_ = at;
        pace_begin_here_ = here;
        return;
    }
    const std::chrono::duration<double> recorded = at - *pace_begin_;
    const Nanoseconds paced = from_seconds(recorded.count() / options_.speed);
    const auto waited = here - pace_begin_here_;
    if (paced > waited)
        std::this_thread::sleep_for(std::min<Nanoseconds>(paced - waited, kLongestNap));
}

Result<event::EventSource::Status> RecordingSource::poll(const event::RecordSink& sink) {
    at_mark_ = false;
    for (std::size_t count = 0; !stopped_; ++count) {
        if (count == kMostWithoutMark) return Status::more;
        if (rest_.empty()) {
            const auto more = next_block(sink);
            if (!more) return tl::unexpected(more.error());
            if (!*more) {
                if (past_until_) stop_at_until(sink);
                return Status::finished;
            }
        }
        const std::span<const std::byte> record = event::first_record(rest_);
        if (record.empty()) { // the block was without records
            rest_ = {};
            continue;
        }
        const td_header header = event::read_header(record);
        const MonoTime at = event::time_of(header);
        const bool is_right = has_possible_time(header, readers_[current_]->block());
        if (is_right && options_.since && at >= *options_.since) {
            now_ = std::max(now_, *options_.since);
            options_.since.reset();
            return Status::more;
        }
        rest_ = rest_.subspan(record.size());
        if (!is_right) {
            reject(header, sink);
            continue;
        }
        if (skips_repeated_ && (header.flags & TD_REPEATED) != 0) continue;
        if (options_.until && at > *options_.until) {
            // CPUs' records aren't quite in order; but a mark follows all records of earlier times.
            past_until_ = true;
            if (header.kind != TD_NOW) continue;
            stop_at_until(sink);
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
    sum.misdated_records = misdated_;
    for (const auto& reader : readers_) sum.add(reader->damage());
    return sum;
}

} // namespace tcpdwell::recording
