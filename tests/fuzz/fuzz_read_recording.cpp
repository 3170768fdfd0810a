// SPDX-License-Identifier: Apache-2.0
// Any bytes as a recording: as files, with all views of them, and from a pipe, with what a view
// does with it up to its lines. Where another head of a file stands, another file begins. Checksums
// are put right after each mutation, or hardly anything would get past them.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "event/decode.h"
#include "recording/format.h"
#include "recording/recording_source.h"
#include "tcpdwell/wire.h"
#include "track/tracker.h"
#include "whole_views.h"

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace tcpdwell::test {
namespace {

constexpr int kPipeBytes = 1 << 20;

class NullListener : public track::TrackerListener {
public:
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine&) override {}
    void on_lost(const track::LostLine&) override {}
};

/// What run_pipeline() does with a source.
void view(recording::RecordingSource& source) {
    NullListener nobody;
    track::Tracker tracker(nobody, {.max_connections = 1000});
    event::Decoder decoder;
    const auto feed = [&](std::span<const std::byte> record) {
        if (const auto event = decoder.decode(record)) tracker.on_event(*event);
    };
    while (true) {
        const auto status = source.poll(feed);
        if (!status) return;
        tracker.advance_to(source.now());
        if (*status == event::EventSource::Status::finished) break;
    }
    tracker.settle(source.now());
    tracker.finish(source.now());
    if (describe(source.damage()).size() > 1000) std::abort();
}

void view(int fd) {
    auto source = recording::RecordingSource::open({fmt::format("/proc/self/fd/{}", fd)});
    if (source) view(**source);
}

/// The files that the input stands for, two at most.
std::vector<std::string_view> files_in(std::string_view input) {
    std::string head;
    recording::put_u32(head, recording::kHeadFrame);
    const std::size_t second = input.find(head, 1);
    if (second == std::string_view::npos) return {input};
    return {input.substr(0, second), input.substr(second)};
}

/// Gives all heads of blocks their checksums.
void mend(std::uint8_t* data, std::size_t size) {
    for (std::size_t i = 0; i + recording::kBlockHeadSize <= size; ++i) {
        std::uint32_t frame = 0;
        std::memcpy(&frame, data + i, sizeof(frame));
        if (frame != recording::kBlockFrame && frame != recording::kEndFrame) continue;
        const auto crc =
            static_cast<std::uint32_t>(::crc32(0, data + i, recording::kBlockHeadSize - 4));
        std::memcpy(data + i + recording::kBlockHeadSize - 4, &crc, sizeof(crc));
    }
}

} // namespace
} // namespace tcpdwell::test

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
    size = LLVMFuzzerMutate(data, size, max_size);
    if (seed % 8 != 0) tcpdwell::test::mend(data, size);
    return size;
}

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tcpdwell;
    std::vector<test::MemoryFile> files;
    std::vector<std::string> paths;
    for (const std::string_view each : test::files_in({reinterpret_cast<const char*>(data), size}))
        paths.push_back(files.emplace_back(each).path());
    test::run_whole_views(paths);

    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
    const Fd out(ends[0]);
    Fd in(ends[1]);
    ::fcntl(in.get(), F_SETPIPE_SZ, test::kPipeBytes);
    if (::write(in.get(), data, size) != static_cast<ssize_t>(size)) std::abort();
    in.reset();
    test::view(out.get());
    return 0;
}
