// SPDX-License-Identifier: Apache-2.0
// Any records in a sound recording, or in two of two hosts, with all views of them.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "recording/head.h"
#include "recording/writer.h"
#include "whole_views.h"
#include "wire_script.h"

namespace tcpdwell::test {
namespace {

std::unique_ptr<recording::RecordingWriter> write_to(int fd, const char* boot_id) {
    recording::Head head;
    head.host = boot_id;
    head.boot_id = boot_id;
    head.hz = 250;
    head.clock = {MonoTime(Nanoseconds(kScriptBegin)), WallTime(Nanoseconds(1767225600000000000)),
                  0, 0};
    recording::WriterOptions options;
    options.level = 1;
    options.block_bytes = 4 << 10;
    auto writer = recording::RecordingWriter::begin(Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)), "fuzz",
                                                    to_json(head), 77, 0, options);
    if (!writer) std::abort();
    return std::move(*writer);
}

} // namespace
} // namespace tcpdwell::test

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tcpdwell;
    const test::MemoryFile here("");
    const test::MemoryFile there("");
    const auto first = test::write_to(here.fd.get(), "a");
    const auto second = test::write_to(there.fd.get(), "b");
    bool has_second = false;
    test::for_each_in_script({data, size}, [&](std::span<const std::byte> record) {
        const bool is_second = (event::read_header(record).flags & 0x80) != 0;
        has_second = has_second || is_second;
        if (!(is_second ? second : first)->write(record)) std::abort();
    });
    if (!first->end() || !second->end()) std::abort();
    std::vector<std::string> paths{here.path()};
    if (has_second) paths.push_back(there.path());
    test::run_whole_views(paths);
    return 0;
}
