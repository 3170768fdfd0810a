// SPDX-License-Identifier: Apache-2.0
#include "cli/recorder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>

#include "event/decode.h"
#include "tcpdwell/wire.h"

namespace tcpdwell {
namespace {

std::uint64_t random_number() {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof(number), 0) != sizeof(number))
        number = static_cast<std::uint64_t>(::getpid()) ^ static_cast<std::uint64_t>(::time(nullptr)) << 32;
    return number | 1; // 0 stands for none
}

} // namespace

Recorder::Recorder(Fd fd, std::string path, std::string filter, recording::WriterOptions options)
    : fd_(std::move(fd)), path_(std::move(path)), options_(options) {
    head_.tool = "tcpdwell " TCPDWELL_VERSION;
    head_.filter = std::move(filter);
}

Result<std::unique_ptr<Recorder>> Recorder::open(const std::string& path, std::string filter,
                                                 recording::WriterOptions options) {
    constexpr mode_t mode = 0600; // addresses and names of processes aren't for everybody
    Fd fd(path == "-" ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                      : ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, mode));
    if (!fd) {
        const int error = errno;
        return fail(ErrorCode::failed, fmt::format("cannot write {}: {}", path, std::strerror(error)), error);
    }
    if (::isatty(fd.get()) == 1)
        return fail(ErrorCode::usage, "a recording isn't for a terminal; give a file with -o, or a pipe");
    return std::unique_ptr<Recorder>(
        new Recorder(std::move(fd), path == "-" ? "standard output" : path, std::move(filter), options));
}

void Recorder::look_at(std::span<const std::byte> record) {
    td_header header;
    std::memcpy(&header, record.data(), sizeof(header));
    if (header.kind == TD_LOST && record.size() >= sizeof(td_lost)) {
        td_lost totals;
        std::memcpy(&totals, record.data(), sizeof(totals));
        lost_ = std::max<std::uint64_t>(
            lost_, std::accumulate(std::begin(totals.total), std::end(totals.total), std::uint64_t{0}));
    }
}

Result<void> Recorder::write(std::span<const std::byte> record) {
    look_at(record);
    if (writer_) return writer_->write(record);
    early_.insert(early_.end(), record.begin(), record.end());
    return {};
}

Result<void> Recorder::begin() {
    Decoder decoder;
    for (std::span<const std::byte> rest(early_); !rest.empty();) {
        td_header header;
        std::memcpy(&header, rest.data(), sizeof(header));
        const auto event = decoder.decode(rest.first(header.size));
        rest = rest.subspan(header.size);
        if (!event) continue;
        if (const auto* clock = std::get_if<ClockReading>(&*event)) {
            head_.clock = clock->anchor;
            head_.hz = clock->anchor.hz;
        } else if (const auto* fact = std::get_if<Fact>(&*event); fact && fact->netns == 0) {
            if (fact->key == "host") head_.host = fact->value;
            if (fact->key == "kernel") head_.kernel = fact->value;
            if (fact->key == "machine") head_.machine = fact->value;
            if (fact->key == "boot_id") head_.boot_id = fact->value;
            if (fact->key == "probes") head_.probes = fact->value;
        }
    }
    struct stat status {};
    if (::fstat(fd_.get(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
        ::ftruncate(fd_.get(), 0) != 0) {
        const int error = errno;
        return fail(ErrorCode::failed, fmt::format("cannot write {}: {}", path_, std::strerror(error)), error);
    }
    auto writer = recording::RecordingWriter::begin(std::move(fd_), path_, recording::to_json(head_), random_number(),
                                                    0, options_);
    if (!writer) return tl::unexpected(writer.error());
    writer_ = std::move(*writer);
    for (std::span<const std::byte> rest(early_); !rest.empty();) {
        td_header header;
        std::memcpy(&header, rest.data(), sizeof(header));
        if (auto written = writer_->write(rest.first(header.size)); !written) return written;
        rest = rest.subspan(header.size);
    }
    std::vector<std::byte>().swap(early_);
    return writer_->mark(head_.clock.mono); // a reader's consumers begin here too
}

Result<void> Recorder::mark(MonoTime now) { return writer_->mark(now); }

Result<void> Recorder::end() { return writer_ ? writer_->end() : Result<void>(); }

recording::WriterTotals Recorder::totals() const { return writer_ ? writer_->totals() : recording::WriterTotals(); }

} // namespace tcpdwell
