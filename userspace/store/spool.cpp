// SPDX-License-Identifier: Apache-2.0
#include "store/spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/text.h"
#include "base/time.h"
#include "store/server_url.h"

namespace tcpdwell::store {
namespace {

constexpr std::string_view kBatchSuffix = ".json.gz";
constexpr const char* kSendingSuffix = ".sending"; // after that of a batch, as the next ones
constexpr std::string_view kPartialSuffix = ".partial";
constexpr std::string_view kWordsSuffix = ".error";
constexpr std::size_t kSequenceDigits = 23;
constexpr std::size_t kSpoolDigits = 16;
constexpr std::size_t kMostRowDigits = 10;
constexpr std::size_t kLongestErrorFile = 4096;
constexpr std::uint64_t kDiskBlock = 4096; // of most file systems: an estimate before it is written
constexpr auto kLockPatience = std::chrono::seconds(3); // a sender of before may be ending just now
constexpr recording::FolderWords kSpoolWords{
    "batches", "batches that wait to be sent need a folder", "sender", "sends"};

/// All of `text`, in digits of this base; nullopt for anything else.
std::optional<std::uint64_t> whole_number(std::string_view text, int base) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
    if (!text.ends_with(suffix)) return false;
    text.remove_suffix(suffix.size());
    return true;
}

std::string sending(const std::string& name) { return name + kSendingSuffix; }

/// Whether it waits or is being sent. The reader may rename it there and back meanwhile.
std::optional<recording::OwnFolder::File> find_batch(const recording::OwnFolder& folder,
                                                     const std::string& name) {
    for (const std::string& each : {name, sending(name), name})
        if (auto file = folder.file(each)) return file;
    return std::nullopt;
}

Result<std::string> compress(std::string_view bytes) {
    z_stream stream{};
    constexpr int kGzip = 15 + 16;
    constexpr int kMemory = 8;
    if (::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kMemory,
                       Z_DEFAULT_STRATEGY) != Z_OK)
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

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written == 0) errno = ENOSPC;
        if (written <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

Error spool_error(std::string_view what, const std::string& path) {
    const int error = errno;
    return {ErrorCode::failed, fmt::format("cannot {} {}: {}", what, path, std::strerror(error)),
            error};
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

Result<recording::OwnFolder> rejected_folder(const recording::OwnFolder& parent) {
    constexpr const char* kRejected = "rejected";
    if (auto found = recording::OwnFolder::find(parent, kRejected)) return std::move(*found);
    auto made = recording::OwnFolder::create(parent, kRejected);
    if (!made && made.error().error_number == EEXIST)
        return fail(ErrorCode::failed,
                    fmt::format("{}/{} is no folder of this user's alone; remove it", parent.path(),
                                kRejected));
    return made;
}

/// Printable, in one line, not cut within a character.
std::string words_for_file(std::string_view words) {
    std::string text = printable(words.substr(0, kLongestErrorFile));
    if (text.size() > kLongestErrorFile - 1) {
        std::size_t end = kLongestErrorFile - 1;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
        text.resize(end);
    }
    return text + "\n";
}

} // namespace

std::optional<BatchName> BatchName::parse(std::string_view text) {
    constexpr std::size_t kTableAt = kSequenceDigits + kSpoolDigits + 2;
    const std::string given(text);
    if (!take_suffix(text, kBatchSuffix) || text.size() <= kTableAt) return std::nullopt;
    const std::size_t rows_at = text.rfind('-') + 1;
    if (rows_at <= kTableAt || text.size() - rows_at > kMostRowDigits) return std::nullopt;
    const auto sequence = whole_number(text.substr(0, kSequenceDigits), 10);
    const auto spool = whole_number(text.substr(kSequenceDigits + 1, kSpoolDigits), 16);
    const auto rows = whole_number(text.substr(rows_at), 10);
    if (!sequence || !spool || !rows || *rows == 0 ||
        *sequence > static_cast<std::uint64_t>(kLatest.count()))
        return std::nullopt;
    BatchName name{*sequence, *spool, std::string(text.substr(kTableAt, rows_at - 1 - kTableAt)),
                   *rows};
    if (!is_sql_identifier(name.table) || name.text() != given) return std::nullopt;
    return name;
}

std::string BatchName::id() const {
    return fmt::format("{:0{}}-{:0{}x}-{}-{}", sequence, kSequenceDigits, spool, kSpoolDigits,
                       table, rows);
}

std::string BatchName::text() const { return id().append(kBatchSuffix); }

// --- the reading end

Result<std::vector<std::string>> Outbox::names() const {
    auto all = folder_->names();
    if (!all) return tl::unexpected(all.error());
    std::vector<std::string> found;
    for (std::string& each : *all) {
        std::string_view name = each;
        take_suffix(name, kSendingSuffix);
        if (BatchName::parse(name) && folder_->file(each)) found.emplace_back(name);
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

Result<bool> Outbox::claim(const std::string& name) const {
    if (folder_->rename(name, *folder_, sending(name))) return true;
    if (errno != ENOENT) return tl::unexpected(spool_error("rename", path() + "/" + name));
    return folder_->file(sending(name)).has_value();
}

Result<std::string> Outbox::read(const std::string& name) const {
    const std::string path = folder_->path() + "/" + sending(name);
    const Fd fd = folder_->open_file(sending(name));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return tl::unexpected(spool_error("read", path));
    const auto length = static_cast<std::uint64_t>(status.st_size);
    if (length > ::compressBound(Spool::kLargestBatch))
        return fail(ErrorCode::failed, fmt::format("{} is too long to be a batch of ours", path),
                    EFBIG);
    std::string bytes(length, '\0');
    std::size_t got = 0;
    while (got < bytes.size()) {
        const ssize_t n = ::read(fd.get(), bytes.data() + got, bytes.size() - got);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return tl::unexpected(spool_error("read", path));
        if (n == 0) break;
        got += static_cast<std::size_t>(n);
    }
    bytes.resize(got);
    return bytes;
}

void Outbox::release(const std::string& name) const {
    static_cast<void>(folder_->rename(sending(name), *folder_, name));
}

void Outbox::remove(const std::string& name) const { folder_->remove(sending(name)); }

Result<Outbox::Rejected> Outbox::reject(const std::string& name, std::string_view words) const {
    const std::string beside = std::string(name).append(kWordsSuffix);
    rejected_->remove(beside); // of a try that came to no end
    if (const Fd fd = rejected_->create_file(beside)) {
        // Without the words the batch is still worth keeping.
        static_cast<void>(write_all(fd.get(), words_for_file(words)));
        static_cast<void>(::fsync(fd.get()));
    }
    if (!folder_->rename(sending(name), *rejected_, name))
        return tl::unexpected(spool_error("move", path() + "/" + sending(name)));
    static_cast<void>(rejected_->sync());
    return make_room();
}

Outbox::Rejected Outbox::make_room() const {
    struct Kept {
        std::string name;
        std::uint64_t rows;
        std::uint64_t bytes;
    };
    std::vector<Kept> kept;
    std::uint64_t sum = 0;
    auto names = rejected_->names();
    if (!names) return {};
    for (const std::string& each : *names) {
        std::string_view name = each;
        const bool is_words = take_suffix(name, kWordsSuffix);
        const auto parsed = BatchName::parse(name);
        const auto file = rejected_->file(each);
        if (!parsed || !file) continue;
        if (is_words && !rejected_->file(std::string(name))) {
            rejected_->remove(each);
            continue;
        }
        sum += file->bytes;
        kept.push_back({std::string(name), is_words ? 0 : parsed->rows, file->bytes});
    }
    std::sort(kept.begin(), kept.end(),
              [](const Kept& a, const Kept& b) { return a.name < b.name; });
    Rejected done;
    for (std::size_t i = 0; i < kept.size();) {
        if (sum <= max_rejected_bytes_) break;
        const std::string& oldest = kept[i].name;
        for (; i < kept.size() && kept[i].name == oldest; ++i) { // the batch and the words
            sum -= kept[i].bytes;
            done.removed_rows += kept[i].rows;
        }
        rejected_->remove(oldest);
        rejected_->remove(std::string(oldest).append(kWordsSuffix));
        ++done.removed_batches;
    }
    return done;
}

// --- the writing end

Spool::Spool(Outbox outbox, Fd lock, std::uint64_t max_bytes)
    : folder_(outbox.folder_), outbox_(std::move(outbox)), lock_(std::move(lock)),
      max_bytes_(max_bytes) {}

Result<Spool> Spool::open(const std::string& path, std::uint64_t max_bytes) {
    auto folder = recording::OwnFolder::open(path, kSpoolWords);
    if (!folder) return tl::unexpected(folder.error());
    auto lock = lock_patiently(*folder);
    if (!lock) return tl::unexpected(lock.error());
    auto rejected = rejected_folder(*folder);
    if (!rejected) return tl::unexpected(rejected.error());
    Spool spool(Outbox(std::make_shared<const recording::OwnFolder>(std::move(*folder)),
                       std::make_shared<const recording::OwnFolder>(std::move(*rejected)),
                       max_bytes / kRejectedShare),
                std::move(*lock), max_bytes);
    if (::getrandom(&spool.random_, sizeof(spool.random_), 0) != sizeof(spool.random_))
        return fail(ErrorCode::failed, fmt::format("getrandom: {}", std::strerror(errno)), errno);
    if (auto looked = spool.look_around(); !looked) return tl::unexpected(looked.error());
    return spool;
}

/// What an earlier process has left.
Result<void> Spool::look_around() {
    auto all = folder_->names();
    if (!all) return tl::unexpected(all.error());
    for (const std::string& each : *all) {
        std::string_view name = each;
        if (take_suffix(name, kPartialSuffix) && BatchName::parse(name) && folder_->file(each))
            folder_->remove(each);
        else if (take_suffix(name, kSendingSuffix) && BatchName::parse(name) && folder_->file(each))
            outbox_.release(std::string(name));
    }
    auto batches = outbox_.names();
    if (!batches) return tl::unexpected(batches.error());
    for (const std::string& name : *batches) {
        const auto parsed = BatchName::parse(name);
        const auto file = find_batch(*folder_, name);
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
    while (!waiting_.empty() && !find_batch(*folder_, waiting_.front().name)) {
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
        const bool is_ours = folder_->remove(it->name);
        if (!is_ours && find_batch(*folder_, it->name)) {
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
        const Fd fd = folder_->create_file(partial);
        if (!fd) return tl::unexpected(spool_error("create", shown));
        struct stat status {};
        if (!write_all(fd.get(), bytes) || ::fsync(fd.get()) != 0 ||
            ::fstat(fd.get(), &status) != 0)
            error = spool_error("write", shown);
        occupied = static_cast<std::uint64_t>(status.st_blocks) * 512;
    }
    if (!error && !folder_->rename(partial, *folder_, name)) error = spool_error("rename", shown);
    if (error) {
        folder_->remove(partial);
        return tl::unexpected(*error);
    }
    // It is there, whatever this says; after a loss of power it may be missing.
    if (!folder_->sync()) spdlog::debug("{}", spool_error("write", path()).message);
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
    forget_sent();
    return {waiting_.size(), bytes_, rows_, dropped_batches_, dropped_rows_};
}

} // namespace tcpdwell::store
