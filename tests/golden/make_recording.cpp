// SPDX-License-Identifier: Apache-2.0
// Writes the recording that stands for a version of the format, once, when the version is new:
//
//   make_recording FILE
//
// Every kind of record is in it, and all that a block can hold: records reported by differences,
// records that are too long for that, records of a kind that isn't known yet. It doesn't write over
// a file: old ones are to stay as they are.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "event/encode.h"
#include "event/record.h"
#include "golden_run.h"
#include "recording/head.h"
#include "recording/writer.h"

namespace tcpdwell::test {
namespace {

using recording::RecordingWriter;

constexpr std::uint32_t kNetns = 4026531840;
constexpr std::uint64_t kBegin = 1'000'000'000'000; ///< kTestClock.mono
constexpr std::uint8_t kFutureKind = 200;

using Bytes = std::vector<std::byte>;

template <class T>
Bytes bytes_of_record(const T& record) {
    const auto bytes = event::bytes_of(record);
    return {bytes.begin(), bytes.end()};
}

td_tuple tuple_of(std::uint8_t last, std::uint16_t local, std::uint16_t remote) {
    td_tuple tuple{};
    for (auto* address : {tuple.local_addr, tuple.remote_addr}) address[10] = address[11] = 0xff;
    const std::uint8_t ours[] = {192, 0, 2, 1};
    const std::uint8_t theirs[] = {198, 51, 100, last};
    std::memcpy(tuple.local_addr + 12, ours, 4);
    std::memcpy(tuple.remote_addr + 12, theirs, 4);
    tuple.local_port = local;
    tuple.remote_port = remote;
    tuple.family = AF_INET;
    return tuple;
}

td_socket listed(std::uint64_t sock, std::uint8_t state, std::uint8_t flags) {
    td_socket record{};
    record.h = event::header_of<td_socket>(TD_SOCKET, kBegin, kNetns);
    record.sock = sock;
    record.cookie = sock & 0xfff;
    record.tuple = tuple_of(static_cast<std::uint8_t>(sock >> 8 & 0xff), 443, 50'000);
    record.state = state;
    record.flags = flags;
    record.task.uid = 33;
    record.task.cgroup = 4242;
    return record;
}

/// The state of the host before tracing began.
std::vector<Bytes> opening() {
    std::vector<Bytes> records;
    for (const auto& [key, value] :
         {std::pair("version", "0.1.0"), std::pair("host", "golden"), std::pair("kernel", "6.18.0"),
          std::pair("machine", "x86_64"),
          std::pair("probes", "set_state timer request reset accept connect")})
        records.push_back(event::fact_record(kBegin, 0, key, value));
    records.push_back(event::fact_record(kBegin, kNetns, "net.ipv4.tcp_fin_timeout", "60"));
    records.push_back(event::fact_record(kBegin, 0, "long", std::string(600, 'x')));
    records.push_back(event::cgroup_record(kBegin, 4242, "/system.slice/app.service"));
    records.push_back(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock));

    td_snapshot bracket{
        event::header_of<td_snapshot>(TD_SNAPSHOT, kBegin, kNetns), TD_SNAPSHOT_BEGIN, 0, {}};
    records.push_back(bytes_of_record(bracket));
    td_socket full = listed(0xffff888000010100, 1, 0);
    full.inode = 1234;
    td_socket mini = listed(0xffff888000010200, 6, TD_SOCKET_MINI);
    mini.expires = synth::kTestClock.jiffies + 250 * 40;
    mini.entry_stamp = static_cast<std::uint32_t>(kBegin / 1'000'000 - 20'000);
    td_socket request = listed(0xffff888000010300, 3, TD_SOCKET_REQUEST);
    request.listener = 0xffff888000010400;
    for (const td_socket& record : {full, mini, request})
        records.push_back(bytes_of_record(record));
    bracket.op = TD_SNAPSHOT_END;
    bracket.complete = 1;
    records.push_back(bytes_of_record(bracket));

    td_owner owner{};
    owner.h = event::header_of<td_owner>(TD_OWNER, kBegin, kNetns);
    owner.sock = full.sock;
    owner.cookie = full.cookie;
    owner.task = {4242, 33, 777, "nginx"};
    owner.how = TD_OWNER_HOLDS;
    records.push_back(bytes_of_record(owner));
    return records;
}

/// What a later version may add: a kind of its own, and fields behind those of a kind that there
/// is.
std::vector<Bytes> from_the_future(std::uint64_t at) {
    Bytes unknown(40, std::byte{0x5a});
    const td_header header{40, kFutureKind, 0, kNetns, at};
    std::memcpy(unknown.data(), &header, sizeof(header));
    Bytes longer = bytes_of_record(td_lost{{72, TD_LOST, 0, 0, at}, {0, 0, 3, 0, 0, 0}});
    longer.resize(72, std::byte{7});
    return {unknown, longer};
}

/// What a segment reports again for readers that begin with it.
Bytes repeated(std::uint64_t at) {
    Bytes record = event::cgroup_record(at, 4242, "/system.slice/app.service");
    record[offsetof(td_header, flags)] = std::byte{TD_REPEATED};
    return record;
}

/// The records in the order in which they are reported, with marks between them.
bool write_all(recording::RecordingWriter& writer) {
    constexpr std::size_t often = 7; // so many records between marks
    MonoTime now = synth::kTestClock.mono;
    for (const Bytes& record : opening())
        if (!writer.write(record)) return false;
    std::size_t reported = 0;
    const auto& story = short_story().records;
    for (const synth::WireRecord& record : story) {
        if (reported++ % often == 0 && !writer.mark(now = record.at - Nanoseconds(1))) return false;
        if (!writer.write(record.bytes)) return false;
        if (reported != story.size() / 2) continue;
        const auto at = static_cast<std::uint64_t>(record.at.time_since_epoch().count());
        for (const Bytes& other : from_the_future(at))
            if (!writer.write(other)) return false;
        if (!writer.write(repeated(at))) return false;
    }
    return writer.mark(story.back().at + std::chrono::seconds(1)) && writer.end();
}

int make(const char* path) {
    Fd fd(::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (fd.get() < 0) {
        std::perror(path);
        return 1;
    }
    recording::Head head;
    head.tool = "tcpdwell 0.1.0";
    head.host = "golden";
    head.kernel = "6.18.0";
    head.machine = "x86_64";
    head.boot_id = "00000000-1111-2222-3333-444444444444";
    head.filter = "--port 443";
    head.probes = "set_state timer request reset accept connect";
    head.hz = synth::kTestClock.hz;
    head.clock = synth::kTestClock;
    recording::WriterOptions options;
    options.block_bytes = 8 << 10; // several blocks
    auto writer = recording::RecordingWriter::begin(std::move(fd), path, to_json(head),
                                                    0x0123456789abcdef, 0, options);
    if (writer && write_all(**writer)) return 0;
    std::fprintf(stderr, "%s can't be written\n", path);
    return 1;
}

} // namespace
} // namespace tcpdwell::test

int main(int argc, char** argv) {
    if (argc == 2) return tcpdwell::test::make(argv[1]);
    std::fprintf(stderr, "usage: make_recording FILE\n");
    return 2;
}
