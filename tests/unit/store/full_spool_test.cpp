// SPDX-License-Identifier: Apache-2.0
// A spool that is full, a disk that is full, and names and files in the folder that nobody made.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child_process.h"
#include "batches.h"
#include "store/batch_name.h"
#include "support/check.h"

namespace tcpdwell::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kPage = 4096;

class FullSpool : public testing::Test {
protected:
    std::vector<std::string> files() const { return files_in(path_); }
    /// Occupies `pages` pages.
    static void add(store::Spool& spool, std::uint64_t rows, std::size_t pages = 1) {
        const auto added = spool.add("ends", rows, noise(pages * kPage - 1000));
        ASSERT_TRUE(added) << added.error().message;
    }
    std::vector<std::uint64_t> rows_there() const {
        std::vector<std::uint64_t> rows;
        for (const std::string& each : files())
            if (const auto name = store::BatchName::parse(each)) rows.push_back(name->rows);
        return rows;
    }

    TemporaryFolder folder_;
    std::string path_ = folder_.path() / "spool";
    LogFile log_;
};

TEST_F(FullSpool, drops_the_oldest_and_counts_them) {
    auto spool = opened(path_, 4 * kPage);
    for (std::uint64_t i = 1; i <= 4; ++i) add(spool, i);
    EXPECT_EQ(spool.counts().dropped_rows, 0U);
    EXPECT_EQ(log_.text(), "");
    add(spool, 5);
    add(spool, 6);
    EXPECT_EQ(rows_there(), (std::vector<std::uint64_t>{3, 4, 5, 6}));
    auto counts = spool.counts();
    EXPECT_EQ(counts.dropped_rows, 1U + 2U);
    EXPECT_EQ(counts.dropped_batches, 2U);
    EXPECT_EQ(counts.batches, 4U);
    EXPECT_EQ(counts.bytes, 4 * kPage);
    add(spool, 7, 3); // takes the room of three
    EXPECT_EQ(rows_there(), (std::vector<std::uint64_t>{6, 7}));
    EXPECT_EQ(spool.counts().dropped_rows, 1U + 2U + 3U + 4U + 5U);
    EXPECT_EQ(log_.count("is full"), 1U) << "said once: " << log_.text();
}

TEST_F(FullSpool, says_when_there_is_room_again) {
    auto spool = opened(path_, 8 * kPage);
    for (std::uint64_t i = 1; i <= 9; ++i) add(spool, i);
    EXPECT_EQ(log_.count("is full"), 1U);
    for (int sent = 0; sent < 4; ++sent) {
        const std::string oldest = files().front();
        ASSERT_TRUE(spool.outbox().claim(oldest).value_or(false));
        spool.outbox().remove(oldest);
    }
    add(spool, 10);
    EXPECT_EQ(log_.count("has room again; 1 rows have been dropped"), 1U) << log_.text();
    for (std::uint64_t i = 1; i <= 9; ++i) add(spool, i);
    EXPECT_EQ(log_.count("is full"), 2U);
}

TEST_F(FullSpool, doesnt_drop_what_is_being_sent) {
    auto spool = opened(path_, 3 * kPage);
    for (std::uint64_t i = 1; i <= 3; ++i) add(spool, i);
    const std::string oldest = files().front();
    ASSERT_TRUE(spool.outbox().claim(oldest).value_or(false));
    add(spool, 4);
    EXPECT_EQ(spool.counts().dropped_rows, 2U) << "the second, as the first is under way";
    spool.outbox().remove(oldest);
    EXPECT_EQ(rows_there(), (std::vector<std::uint64_t>{3, 4}));
    EXPECT_EQ(spool.counts().dropped_rows, 2U) << "what was sent isn't dropped too";
    EXPECT_EQ(spool.counts().rows, 7U);
    add(spool, 5);
    EXPECT_EQ(spool.counts().dropped_rows, 2U);
}

TEST_F(FullSpool, drops_what_doesnt_fit_at_all) {
    auto spool = opened(path_, 2 * kPage);
    add(spool, 1);
    add(spool, 9, 3);
    EXPECT_EQ(spool.counts().dropped_rows, 1U + 9U);
    EXPECT_TRUE(files().empty());
    EXPECT_EQ(log_.count("is full"), 1U);
    auto none = opened(folder_.path() / "none", 0);
    add(none, 3);
    EXPECT_EQ(none.counts().dropped_rows, 3U);
}

TEST_F(FullSpool, makes_room_for_a_smaller_limit_than_before) {
    {
        auto spool = opened(path_, 9 * kPage);
        for (std::uint64_t i = 1; i <= 9; ++i) add(spool, i);
    }
    auto spool = opened(path_, 3 * kPage);
    add(spool, 10);
    EXPECT_EQ(rows_there(), (std::vector<std::uint64_t>{8, 9, 10}));
    EXPECT_EQ(spool.counts().dropped_rows, 28U);
}

TEST_F(FullSpool, drops_what_cant_be_written_until_it_can) {
    auto spool = opened(path_);
    add(spool, 1);
    auto* const old_handler = ::signal(SIGXFSZ, SIG_IGN);
    rlimit old{};
    ::getrlimit(RLIMIT_FSIZE, &old);
    const rlimit limit{kPage, old.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    const auto big = spool.add("ends", 20, noise(5 * kPage));
    const auto bigger = spool.add("ends", 300, noise(9 * kPage));
    ::setrlimit(RLIMIT_FSIZE, &old);
    ::signal(SIGXFSZ, old_handler);
    EXPECT_TRUE(big) << "the caller goes on";
    EXPECT_TRUE(bigger);
    EXPECT_EQ(rows_there(), std::vector<std::uint64_t>{1});
    EXPECT_EQ(files().size(), 1U) << "nothing half is left";
    EXPECT_EQ(spool.counts().dropped_rows, 320U);
    EXPECT_EQ(log_.count("rows are dropped until it can be written again"), 1U) << log_.text();
    add(spool, 2);
    EXPECT_EQ(log_.count("can be written again; 320 rows have been dropped"), 1U);
    EXPECT_EQ(rows_there(), (std::vector<std::uint64_t>{1, 2}));
}

/// 0, or which step failed.
int fill_disk(const std::string& disk) {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k,mode=700") != 0)
        return 77;
    auto spool = store::Spool::open(disk + "/spool", 1 << 20);
    if (!spool) return 2;
    for (std::uint64_t i = 0; i < 40; ++i)
        if (!spool->add("ends", 1, noise(3000))) return 3;
    const auto full = spool->counts();
    if (full.batches + full.dropped_rows != 40 || full.dropped_rows < 20) return 4;
    const auto outbox = spool->outbox();
    const auto names = outbox.names();
    if (full.batches < 10 || !names || names->size() != full.batches) return 5;
    for (const std::string& name : *names) {
        if (!outbox.claim(name).value_or(false)) return 6;
        if (uncompressed(outbox.read(name).value_or("")) != noise(3000)) return 7;
        // A batch can be set aside, with no room for words.
        if (!outbox.reject(name, "no")) return 8;
    }
    return spool->counts().batches == 0 ? 0 : 9;
}

// A file system of 64 KiB, in a mount namespace of a child's own.
TEST_F(FullSpool, survives_a_disk_that_is_full) {
    const std::string disk = folder_.path() / "disk";
    fs::create_directory(disk);
    const pid_t child = check(::fork(), "fork");
    if (child == 0) exit_with([&] { return fill_disk(disk); });
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no rights for a mount";
    EXPECT_EQ(status, 0) << WEXITSTATUS(status);
    EXPECT_EQ(log_.count("No space left on device"), 1U) << log_.text();
}

// --- what others may have put there

TEST_F(FullSpool, leaves_alone_what_is_none_of_its_batches) {
    { auto spool = opened(path_, 2 * kPage); }
    const std::string name = "00001764458012345678901-9f3ac04b5d1e2c77-ends-5000.json.gz";
    const std::string next = "00001764458012345678902-9f3ac04b5d1e2c77-ends-5000.json.gz";
    const std::string precious = folder_.path() / "precious";
    std::ofstream(precious) << "data";
    fs::create_symlink(precious, path_ + "/" + name);
    fs::create_symlink(precious, path_ + "/" + name + ".sending");
    fs::create_symlink(precious, path_ + "/" + name + ".partial");
    fs::create_directory(path_ + "/" + next);
    ASSERT_EQ(
        ::mkfifo((path_ + "/00001764458012345678903-9f3ac04b5d1e2c77-a-1.json.gz").c_str(), 0600),
        0);
    std::ofstream(path_ + "/README") << "mine";
    std::ofstream(path_ + "/x-ends-5.json.gz") << "mine";
    auto spool = opened(path_, 2 * kPage);
    EXPECT_EQ(spool.counts().batches, 0U);
    EXPECT_TRUE(spool.outbox().names()->empty());
    for (std::uint64_t i = 1; i <= 4; ++i) add(spool, i);
    EXPECT_EQ(spool.counts().dropped_rows, 1U + 2U);
    EXPECT_EQ(spool.outbox().names()->size(), 2U);
    EXPECT_EQ(file_text(precious), "data");
    EXPECT_TRUE(fs::is_symlink(path_ + "/" + name));
    EXPECT_TRUE(fs::is_symlink(path_ + "/" + name + ".partial"));
    EXPECT_TRUE(fs::is_directory(path_ + "/" + next));
    EXPECT_EQ(file_text(path_ + "/README"), "mine");
    EXPECT_TRUE(fs::exists(path_ + "/x-ends-5.json.gz"));
}

TEST_F(FullSpool, counts_blocks_and_reads_no_more_than_a_batch) {
    { auto spool = opened(path_); }
    const std::string name = "00001764458012345678901-9f3ac04b5d1e2c77-ends-5000.json.gz";
    std::ofstream(path_ + "/" + name) << "x";
    fs::resize_file(path_ + "/" + name, std::uintmax_t{1} << 40); // all of it a hole
    auto spool = opened(path_);
    EXPECT_EQ(spool.counts().rows, 5000U);
    EXPECT_EQ(spool.counts().bytes, kPage);
    ASSERT_TRUE(spool.outbox().claim(name).value_or(false));
    const auto bytes = spool.outbox().read(name);
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().error_number, EFBIG);
    EXPECT_NE(bytes.error().message.find("too long"), std::string::npos);
}

TEST_F(FullSpool, tolerates_that_files_vanish) {
    auto spool = opened(path_, 3 * kPage);
    for (std::uint64_t i = 1; i <= 3; ++i) add(spool, i);
    const auto names = files();
    fs::remove(path_ + "/" + names[0]);
    fs::remove(path_ + "/" + names[1]);
    EXPECT_FALSE(spool.outbox().claim(names[0]).value_or(true));
    EXPECT_EQ(spool.counts().rows, 3U);
    add(spool, 4, 2);
    EXPECT_EQ(spool.counts().dropped_rows, 0U);
    EXPECT_EQ(rows_there(), (std::vector<std::uint64_t>{3, 4}));
}

TEST_F(FullSpool, counts_as_dropped_what_it_drops_itself) {
    auto spool = opened(path_, 3 * kPage);
    for (std::uint64_t i = 1; i <= 3; ++i) add(spool, i);
    fs::remove(path_ + "/" + files()[1]); // by another process, after the oldest was looked at
    add(spool, 4, 2);
    EXPECT_EQ(spool.counts().dropped_rows, 1U);
    EXPECT_EQ(rows_there(), (std::vector<std::uint64_t>{3, 4}));
    EXPECT_EQ(spool.counts().rows, 7U);
}

} // namespace
} // namespace tcpdwell::test
