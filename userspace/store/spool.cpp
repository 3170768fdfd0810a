// SPDX-License-Identifier: Apache-2.0
#include "store/spool.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>

#include "base/text.h"
#include "base/time.h"
#include "store/batch_name.h"
#include "store/spool_file.h"

namespace tcpdwell::store {
namespace {

constexpr std::uint64_t kDiskBlock = 4096; // of most file systems: an estimate before it is written
constexpr auto kLockPatience = std::chrono::seconds(3); // a sender of before may be ending just now
constexpr recording::FolderWords kSpoolWords{
    "batches", "batches that wait to be sent need a folder", "sender", "sends"};

Result<std::string> compress(std::string_view bytes) {
    z_stream stream{};
    constexpr int kGzip = 15 + 16;
    // A third of the default level's time for a sixth more bytes, in a process that has events to
    // read.
    constexpr int kFast = 1;
    constexpr int kMemory = 8;
    if (::deflateInit2(&stream, kFast, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
        return fail(ErrorCode::failed, "zlib: no memory");
    std::string compressed(::deflateBound(&stream, bytes.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data())); // only read
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
    stream.avail_out = static_cast<uInt>(compressed.size());
    const bool is_whole = ::deflate(&stream, Z_FINISH) == Z_STREAM_END;
    compressed.resize(stream.total_out);
    ::deflateEnd(&stream);
    if (!is_whole) return fail(ErrorCode::failed, "zlib: cannot compress");
    return compressed;
}

Result<Fd> lock_patiently(const recording::OwnFolder& folder) {
    const auto end = std::chrono::steady_clock::now() + kLockPatience;
    while (true) {
        auto lock = folder.lock();
        if (lock || lock.error().error_number != EWOULDBLOCK ||
            std::chrono::steady_clock::now() >= end)
            return lock;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

} // namespace

Spool::Spool(Outbox outbox, Fd lock, std::uint64_t max_bytes)
    : outbox_(std::move(outbox)), lock_(std::move(lock)), max_bytes_(max_bytes) {}

Result<Spool> Spool::open(const std::string& path, std::uint64_t max_bytes) {
    auto folder = recording::OwnFolder::open(path, kSpoolWords);
    if (!folder) return tl::unexpected(folder.error());
    auto lock = lock_patiently(*folder);
    if (!lock) return tl::unexpected(lock.error());
    auto outbox = Outbox::open(std::move(*folder), max_bytes / kRejectedShare);
    if (!outbox) return tl::unexpected(outbox.error());
    Spool spool(std::move(*outbox), std::move(*lock), max_bytes);
    if (::getrandom(&spool.random_, sizeof(spool.random_), 0) != sizeof(spool.random_))
        return fail(ErrorCode::failed, fmt::format("getrandom: {}", std::strerror(errno)), errno);
    if (auto looked = spool.look_around(); !looked) return tl::unexpected(looked.error());
    return spool;
}

/// What an earlier process has left.
Result<void> Spool::look_around() {
    if (auto tidied = outbox_.tidy(); !tidied) return tidied;
    auto batches = outbox_.names();
    if (!batches) return tl::unexpected(batches.error());
    for (const std::string& name : *batches) {
        const auto parsed = BatchName::parse(name);
        const auto file = outbox_.find(name);
        if (!parsed || !file) continue;
        last_sequence_ = std::max(last_sequence_, parsed->sequence);
        note({name, parsed->rows, file->bytes});
    }
    return {};
}

void Spool::note(Waiting batch) {
    bytes_ += batch.bytes;
    rows_ += batch.rows;
    waiting_.push_back(std::move(batch));
}

void Spool::forget_sent() {
    while (!waiting_.empty() && !outbox_.find(waiting_.front().name)) {
        bytes_ -= waiting_.front().bytes;
        rows_ -= waiting_.front().rows;
        waiting_.pop_front();
    }
}

void Spool::drop(std::uint64_t rows) {
    ++dropped_batches_;
    dropped_rows_ += rows;
}

/// Whether there is room for so many bytes now. A batch that is being sent stays.
bool Spool::make_room(std::uint64_t bytes) {
    forget_sent();
    const std::uint64_t spare = max_bytes_ / 4; // so that this isn't said again with each batch
    if (is_full_ && bytes_ + bytes + spare <= max_bytes_) {
        is_full_ = false;
        spdlog::warn("{} has room again; {} rows have been dropped", path(), dropped_rows_);
    }
    for (auto it = waiting_.begin(); it != waiting_.end() && bytes_ + bytes > max_bytes_;) {
        const bool is_ours = outbox_.folder().remove(it->name);
        if (!is_ours && outbox_.find(it->name)) {
            ++it;
            continue;
        }
        if (is_ours) drop(it->rows);
        bytes_ -= it->bytes;
        rows_ -= it->rows;
        it = waiting_.erase(it);
        if (!is_ours || is_full_) continue;
        is_full_ = true;
        spdlog::warn("{} is full ({} bytes): the oldest rows are dropped until others have been "
                     "sent",
                     path(), max_bytes_);
    }
    return bytes_ + bytes <= max_bytes_;
}

/// The bytes that it occupies.
Result<std::uint64_t> Spool::write(const std::string& name, std::string_view bytes) {
    const std::string partial = std::string(name).append(kPartialSuffix);
    const std::string shown = path() + "/" + partial;
    std::optional<Error> error;
    std::uint64_t occupied = 0;
    {
        const Fd fd = outbox_.folder().create_file(partial);
        if (!fd) return tl::unexpected(file_error("create", shown));
        struct stat status {};
        if (!write_all(fd.get(), bytes) || ::fsync(fd.get()) != 0 ||
            ::fstat(fd.get(), &status) != 0)
            error = file_error("write", shown);
        occupied = static_cast<std::uint64_t>(status.st_blocks) * 512;
    }
    // Two names for a moment: a process that records may link and remove files, but not rename
    // them.
    if (!error && !outbox_.folder().link(partial, outbox_.folder(), name))
        error = file_error("link", shown);
    outbox_.folder().remove(partial);
    if (error) return tl::unexpected(*error);
    // It is there, whatever this says; after a loss of power it may be missing.
    if (!outbox_.folder().sync()) spdlog::debug("{}", file_error("write", path()).message);
    return occupied;
}

Result<void> Spool::add(std::string_view table, std::uint64_t rows, std::string_view json_lines) {
    const auto now = static_cast<std::uint64_t>(
        std::clamp(wall_now().time_since_epoch(), Nanoseconds(0), kLatest).count());
    const BatchName name{std::max(now, last_sequence_ + 1), random_, std::string(table), rows};
    const std::string text = name.text();
    if (json_lines.empty() || json_lines.size() > kLargestBatch || !BatchName::parse(text))
        return fail(ErrorCode::failed,
                    fmt::format("{} bytes in {} rows of '{}' are no batch that can be sent (at "
                                "most {} bytes)",
                                json_lines.size(), rows, printable(table), kLargestBatch));
    last_sequence_ = name.sequence;
    const auto compressed = compress(json_lines);
    if (!compressed) return tl::unexpected(compressed.error());
    const std::uint64_t estimate = (compressed->size() + kDiskBlock - 1) / kDiskBlock * kDiskBlock;
    if (!make_room(estimate)) {
        drop(rows);
        if (!is_full_)
            spdlog::warn("{} has no room ({} bytes) for a batch of {} bytes: it is dropped", path(),
                         max_bytes_, estimate);
        is_full_ = true;
        return {};
    }
    const auto occupied = write(text, *compressed);
    if (!occupied) {
        drop(rows);
        if (!is_failing_)
            spdlog::warn("{}: rows are dropped until it can be written again",
                         occupied.error().message);
        is_failing_ = true;
        return {};
    }
    if (is_failing_)
        spdlog::warn("{} can be written again; {} rows have been dropped", path(), dropped_rows_);
    is_failing_ = false;
    note({text, rows, *occupied});
    return {};
}

SpoolCounts Spool::counts() {
    // All: the reader may have left out a batch that the server doesn't take.
    std::erase_if(waiting_, [this](const Waiting& each) {
        const bool is_gone = !outbox_.find(each.name);
        if (is_gone) bytes_ -= each.bytes;
        if (is_gone) rows_ -= each.rows;
        return is_gone;
    });
    return {waiting_.size(), bytes_, rows_, dropped_batches_, dropped_rows_};
}

} // namespace tcpdwell::store
