// SPDX-License-Identifier: Apache-2.0
// Writes what the fuzzer begins with: make_corpus FOLDER. Small recordings, whole and damaged;
// blocks whose frames aren't compressed, so that a mutation of the file is one of the block's text;
// and texts of blocks.
#include <fcntl.h>
#include <sys/mman.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "event/encode.h"
#include "event/record.h"
#include "recording/head.h"
#include "recording/writer.h"
#include "synth/traffic.h"
#include "wire_script.h"

namespace tcpdwell::test {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::uint64_t kRun = 77;

Bytes mark(MonoTime at) {
    const td_header record = event::header_of<td_header>(
        TD_NOW, static_cast<std::uint64_t>(at.time_since_epoch().count()), 0);
    const auto bytes = event::bytes_of(record);
    return {bytes.begin(), bytes.end()};
}

std::vector<Bytes> records_of(std::uint64_t seed, std::size_t stories) {
    synth::TrafficOptions options;
    options.seed = seed;
    options.stories = stories;
    std::vector<Bytes> records{encode(event::ClockReading{synth::kTestClock}, synth::kTestClock),
                               event::fact_record(1, 0, "host", "h"),
                               event::fact_record(1, 0, "long", std::string(300, 'x')),
                               event::cgroup_record(1, 4242, "/a")};
    std::size_t reported = 0;
    for (synth::WireRecord& record : make_traffic(options).records) {
        if (reported++ % 8 == 0) records.push_back(mark(record.at));
        records.push_back(std::move(record.bytes));
    }
    return records;
}

std::string recording_of(const std::vector<Bytes>& records, std::size_t block_bytes) {
    const Fd file(::memfd_create("recording", MFD_CLOEXEC));
    recording::WriterOptions options;
    options.block_bytes = block_bytes;
    auto writer = recording::RecordingWriter::begin(
        Fd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0)), "corpus",
        recording::to_json({.host = "h", .hz = 250, .clock = synth::kTestClock}), kRun, 0, options);
    for (const Bytes& record : records)
        if (!(*writer)->write(record)) return {};
    if (!(*writer)->end()) return {};
    std::string text(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
    return ::pread(file.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size())
               ? text
               : "";
}

std::string text_of(const std::vector<Bytes>& records) {
    recording::BlockEncoder encoder;
    for (const Bytes& record : records) encoder.add(record);
    return encoder.take();
}

/// A recording of blocks that hold their texts as they are: a zstd frame (RFC 8878, section 3.1.1)
/// of one raw block.
std::string plain_recording_of(const std::vector<std::vector<Bytes>>& blocks) {
    const std::string json = "{\"mono_ns\":1000000000000,\"wall_ns\":1767225600000000000}";
    std::string text;
    recording::put_u32(text, recording::kHeadFrame);
    recording::put_u32(text,
                       static_cast<std::uint32_t>(recording::kMagicLine.size() + json.size() + 1));
    text.append(recording::kMagicLine).append(json).push_back('\n');
    recording::BlockHead head;
    head.run = kRun;
    for (const auto& records : blocks) {
        const std::string block = text_of(records);
        std::string frame;
        recording::put_u32(frame, 0xFD2FB528);
        frame += '\xa0'; // single segment, four bytes of size, no checksum
        recording::put_u32(frame, static_cast<std::uint32_t>(block.size()));
        const std::size_t start = block.size() << 3 | 1; // raw, the last one
        for (unsigned i = 0; i < 3; ++i) frame += static_cast<char>(start >> (8 * i));
        frame += block;
        head.records = static_cast<std::uint32_t>(records.size());
        head.raw_bytes = 0;
        for (const Bytes& record : records)
            head.raw_bytes += static_cast<std::uint32_t>(record.size());
        head.packed_bytes = static_cast<std::uint32_t>(frame.size());
        const recording::BlockHeadBytes bytes = encode(recording::kBlockFrame, head);
        text.append(bytes.data(), bytes.size()).append(frame);
        ++head.sequence;
    }
    head.records = head.raw_bytes = head.packed_bytes = 0;
    const recording::BlockHeadBytes end = encode(recording::kEndFrame, head);
    return text.append(end.data(), end.size());
}

int make(const std::filesystem::path& folder) {
    bool is_written = true;
    const auto put = [&](const char* name, std::string_view text) {
        std::ofstream(folder / name, std::ios::binary) << text;
        is_written =
            is_written && !text.empty() && std::filesystem::file_size(folder / name) == text.size();
    };
    std::filesystem::create_directories(folder / "read_recording");
    std::filesystem::create_directories(folder / "decode_block");
    const auto few = records_of(1, 2);
    const auto many = records_of(2, 12);
    const std::string whole = recording_of(many, 4 << 10);
    put("read_recording/whole", whole);
    put("read_recording/cut", std::string_view(whole).substr(0, whole.size() * 2 / 3));
    put("read_recording/gap", whole.substr(0, whole.size() / 3) + whole.substr(whole.size() / 2));
    put("read_recording/repeated", whole + whole.substr(whole.size() / 2));
    put("read_recording/empty", recording_of({}, 1000));
    const std::string plain = plain_recording_of({few, {many.begin(), many.begin() + 40}, few});
    put("read_recording/plain", plain);
    std::filesystem::create_directories(folder / "wire_records");
    put("wire_records/few", script_of(few));
    put("wire_records/many", script_of(many));
    std::vector<Bytes> both = few;
    for (Bytes record : few) { // the same at another host
        record[3] |= std::byte{0x80};
        both.push_back(std::move(record));
    }
    put("wire_records/both", script_of(both));
    put("read_recording/two", plain + plain);
    put("decode_block/few", text_of(few));
    put("decode_block/many", text_of(many));
    put("decode_block/long", text_of({event::fact_record(1, 0, "long", std::string(600, 'x')),
                                      mark(synth::kTestClock.mono)}));
    put("decode_block/empty", text_of({}));
    return is_written ? 0 : 1;
}

} // namespace
} // namespace tcpdwell::test

int main(int argc, char** argv) {
    if (argc == 2) return tcpdwell::test::make(argv[1]);
    std::fprintf(stderr, "usage: make_corpus FOLDER\n");
    return 2;
}
