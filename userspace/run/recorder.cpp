// SPDX-License-Identifier: Apache-2.0
#include "run/recorder.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "event/decode.h"
#include "event/record.h"

namespace tcpdwell::run {
namespace {

std::uint64_t random_number() {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof(number), 0) != sizeof(number))
        number = static_cast<std::uint64_t>(::getpid()) ^
                 static_cast<std::uint64_t>(::time(nullptr)) << 32;
    return number | 1; // 0 stands for none
}

/// Where a listing of one namespace begins or ends; nullopt for any other record.
std::optional<td_snapshot_op> bracket_of(std::span<const std::byte> record) {
    const auto snapshot = event::as<td_snapshot>(record);
    if (!snapshot || snapshot->h.kind != TD_SNAPSHOT) return std::nullopt;
    return td_snapshot_op(snapshot->op);
}

recording::WriterTotals sum(recording::WriterTotals a, const recording::WriterTotals& b) {
    a.records += b.records;
    a.raw_bytes += b.raw_bytes;
    a.file_bytes += b.file_bytes;
    a.dropped += b.dropped;
    return a;
}

Result<PendingFile> open_file(const std::string& path, IfExists if_exists) {
    auto file = PendingFile::open(path, if_exists);
    if (!file && file.error().error_number == EISDIR)
        return fail(
            ErrorCode::usage,
            fmt::format(
                "{} is a folder; give a file, or --keep or --max-size for segments that roll",
                path));
    if (file && ::isatty(file->fd()) == 1)
        return fail(ErrorCode::usage,
                    "a recording isn't for a terminal; give a file with -o, or a pipe");
    return file;
}

} // namespace

Recorder::Recorder(std::optional<PendingFile> file, std::optional<recording::SegmentFolder> folder,
                   std::string path, RecorderOptions options)
    : file_(std::move(file)), folder_(std::move(folder)), path_(std::move(path)),
      options_(std::move(options)), run_(random_number()) {
    head_.tool = "tcpdwell " TCPDWELL_VERSION;
    head_.filter = options_.filter;
    if (!options_.selection.empty()) head_.filters.push_back(options_.selection);
}

Result<std::unique_ptr<Recorder>> Recorder::open(const std::string& path, RecorderOptions options) {
    if (options.rolls()) {
        if (path == "-")
            return fail(
                ErrorCode::usage,
                "segments that roll (--keep, --max-size) need a folder, not standard output");
        auto folder = recording::SegmentFolder::open(path, options.roll);
        if (!folder) return tl::unexpected(folder.error());
        return std::unique_ptr<Recorder>(
            new Recorder(std::nullopt, std::move(*folder), path, std::move(options)));
    }
    auto file = open_file(path, options.if_exists);
    if (!file) return tl::unexpected(file.error());
    std::string name = file->name();
    return std::unique_ptr<Recorder>(
        new Recorder(std::move(*file), {}, std::move(name), std::move(options)));
}

void Recorder::on_record(std::span<const std::byte> record) {
    preamble_.note(record);
    lost_ = std::max(lost_, event::lost_in(record));
    if (event::read_header(record).kind != TD_CLOCK) return;
    if (const auto event = event::Decoder().decode(record))
        clock_ = std::get<event::ClockReading>(*event).anchor;
}

Result<void> Recorder::write(std::span<const std::byte> record) {
    on_record(record);
    if (!writer_) {
        early_.insert(early_.end(), record.begin(), record.end());
        return {};
    }
    const auto bracket = bracket_of(record);
    if (listing_asked_ && bracket == TD_SNAPSHOT_BEGIN) // from here on the stream lists all sockets
        if (auto begun = begin_segment(); !begun) return begun;
    has_listed_ = has_listed_ || bracket == TD_SNAPSHOT_END;
    return writer_->write(record);
}

Result<void> Recorder::begin() {
    event::Decoder decoder;
    event::for_each_record(early_, [&](std::span<const std::byte> record) {
        const auto event = decoder.decode(record);
        if (!event) return;
        if (const auto* fact = std::get_if<event::Fact>(&*event); fact && fact->netns == 0) {
            if (fact->key == "host") head_.host = fact->value;
            if (fact->key == "kernel") head_.kernel = fact->value;
            if (fact->key == "machine") head_.machine = fact->value;
            if (fact->key == "boot_id") head_.boot_id = fact->value;
            if (fact->key == "probes") head_.probes = fact->value;
        }
    });
    head_.clock = clock_;
    head_.hz = clock_.hz;
    now_ = clock_.mono;
    if (folder_) {
        if (auto begun = begin_segment_file(); !begun) return begun;
    } else {
        // Its head is in it when others see it.
        if (auto begun = begin_file(file_->take_fd(), path_); !begun) return begun;
        if (auto published = file_->publish(); !published) return published;
    }
    Result<void> written;
    event::for_each_record(early_, [&](std::span<const std::byte> record) {
        if (written) written = writer_->write(record);
    });
    if (!written) return written;
    std::vector<std::byte>().swap(early_);
    return writer_->mark(now_, 0); // a reader's consumers begin here too
}

Result<void> Recorder::begin_file(Fd fd, const std::string& path) {
    recording::WriterOptions options;
    options.survives_errors = options_.survives_errors;
    if (folder_) options.make_room = [this] { return folder_->make_room(); };
    auto writer = recording::RecordingWriter::begin(std::move(fd), path, recording::to_json(head_),
                                                    run_, head_.sequence, std::move(options));
    if (!writer) return tl::unexpected(writer.error());
    std::swap(writer_, *writer);
    if (*writer) { // the segment before
        earlier_ = sum(earlier_, (*writer)->totals());
        if (auto ended = (*writer)->end(); !ended && !options_.survives_errors) return ended;
    }
    segment_begin_ = now_;
    listing_asked_ = false;
    listed_bytes_ = 0;
    reported_dropped_ = 0;
    bytes_in_trouble_ = writer_->totals().file_bytes;
    return {};
}

Result<void> Recorder::begin_segment_file() {
    auto file = folder_->create(wall_now());
    if (!file) return tl::unexpected(file.error());
    if (auto begun = begin_file(std::move(file->fd), file->path); !begun) {
        folder_->discard(file->name);
        return begun;
    }
    folder_->begin_segment(file->name, wall_now());
    report_notes();
    return {};
}

/// Completes the segment under way, and begins the next with what its readers have to know.
Result<void> Recorder::begin_segment() {
    if (auto flushed = writer_->flush(); !flushed) return flushed;
    report_dropped();
    const recording::Head before = head_;
    head_.sequence = writer_->next_sequence();
    head_.clock = clock_;
    if (auto begun = begin_segment_file(); !begun) {
        if (!options_.survives_errors) return begun;
        spdlog::warn("{}; the segment under way goes on", begun.error().message);
        head_ = before;
        listing_asked_ = false;
        segment_begin_ = now_;
        return {};
    }
    Result<void> written;
    preamble_.for_each([&](std::span<const std::byte> record) {
        if (written) written = writer_->write(record);
    });
    if (!written) return written;
    return writer_->mark(head_.clock.mono, TD_REPEATED);
}

Result<void> Recorder::mark(MonoTime now) {
    now_ = now;
    report_dropped();
    if (save_until_ && now >= *save_until_) {
        save_until_.reset();
        if (folder_->is_saving()) spdlog::info("saved {}", folder_->saving_to());
        folder_->stop_saving();
    }
    if (std::exchange(has_listed_, false)) {
        if (auto flushed = writer_->flush(); !flushed) return flushed;
        listed_bytes_ = writer_->totals().file_bytes;
    }
    if (folder_) folder_->hold(writer_->totals().file_bytes);
    // Without the listing that was asked for a segment is worth less, but one without end is worth
    // nothing.
    const bool is_overdue =
        listing_asked_ && folder_->is_due((now_ - segment_begin_) / 2, own_bytes() / 2);
    if (is_overdue)
        if (auto begun = begin_segment(); !begun) return begun;
    return writer_->mark(now, 0);
}

bool Recorder::wants_listing() {
    if (!folder_ || !writer_ || listing_asked_) return false;
    listing_asked_ = folder_->is_due(now_ - segment_begin_, own_bytes());
    return listing_asked_;
}

std::uint64_t Recorder::own_bytes() const { return writer_->totals().file_bytes - listed_bytes_; }

Result<void> Recorder::save(std::string_view reason) {
    const bool is_more = folder_->is_saving();
    if (!is_more) {
        if (auto begun = folder_->start_saving(wall_now(), reason); !begun) return begun;
        report_notes();
        if (!folder_->is_saving()) return {}; // too much already
    }
    save_until_ = now_ + options_.save_after;
    spdlog::info("{}: {} {} and what comes in the next {:.0f} s", reason,
                 is_more ? "goes on saving to" : "saving to", folder_->saving_to(),
                 std::chrono::duration<double>(options_.save_after).count());
    return {};
}

void Recorder::report_notes() {
    for (const std::string& note : folder_->take_notes()) spdlog::warn("{}", note);
}

void Recorder::report_dropped() {
    const recording::WriterTotals now = writer_->totals();
    if (now.dropped != reported_dropped_) {
        if (trouble_.empty())
            spdlog::warn("{}; tracing goes on, what can't be written is left out of the recording",
                         writer_->last_error());
        trouble_ = writer_->last_error();
        reported_dropped_ = now.dropped;
        bytes_in_trouble_ = now.file_bytes;
    } else if (!trouble_.empty() && now.file_bytes > bytes_in_trouble_) {
        spdlog::info("{} is written again; {} records are left out so far", path_,
                     totals().dropped);
        trouble_.clear();
    }
}

Result<void> Recorder::end() {
    if (!writer_) return {};
    auto ended = writer_->end();
    report_dropped();
    return ended;
}

recording::WriterTotals Recorder::totals() const {
    return writer_ ? sum(earlier_, writer_->totals()) : earlier_;
}

} // namespace tcpdwell::run
