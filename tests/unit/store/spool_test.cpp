// SPDX-License-Identifier: Apache-2.0
// Batches on disk: what is there after each step, whoever ended in between.
#include "store/spool.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "batches.h"
#include "store/batch_name.h"
#include "support/check.h"
#include "support/moment.h"

namespace tcpdwell::test {
namespace {

namespace fs = std::filesystem;

class SpoolTest : public testing::Test {
protected:
    std::vector<std::string> files() const { return files_in(path_); }
    std::vector<std::string> rejected() const { return files_in(fs::path(path_) / "rejected"); }
    static void add(store::Spool& spool, std::uint64_t rows = 1, const std::string& lines = "{}\n",
                    const std::string& table = "ends") {
        const auto added = spool.add(table, rows, lines);
        ASSERT_TRUE(added) << added.error().message;
    }
    static std::string taken(const store::Outbox& outbox, const std::string& name) {
        EXPECT_TRUE(outbox.claim(name).value_or(false)) << name;
        const auto bytes = outbox.read(name);
        EXPECT_TRUE(bytes) << bytes.error().message;
        return bytes.value_or("");
    }

    TemporaryFolder folder_;
    std::string path_ = folder_.path() / "spool";
    LogFile log_;
};

TEST_F(SpoolTest, has_a_compressed_file_for_each_batch_in_order) {
    auto spool = opened(path_);
    for (std::uint64_t i = 1; i <= 200; ++i)
        add(spool, i, "{\"row\":" + std::to_string(i) + "}\n", i % 2 == 0 ? "ends" : "minutes");
    const auto names = spool.outbox().names();
    ASSERT_TRUE(names);
    ASSERT_EQ(names->size(), 200U);
    EXPECT_EQ(*names, files());
    for (std::uint64_t i = 1; i <= 200; ++i) {
        const auto name = store::BatchName::parse((*names)[i - 1]);
        ASSERT_TRUE(name) << (*names)[i - 1];
        EXPECT_EQ(name->rows, i);
        EXPECT_EQ(name->table, i % 2 == 0 ? "ends" : "minutes");
        EXPECT_EQ(uncompressed(taken(spool.outbox(), (*names)[i - 1])),
                  "{\"row\":" + std::to_string(i) + "}\n");
    }
    struct stat status {};
    ASSERT_EQ(::stat((path_ + "/" + files().front()).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(SpoolTest, names_are_unlike_those_of_any_other_spool) {
    auto spool = opened(path_);
    auto other = opened(folder_.path() / "other");
    add(spool);
    add(other);
    const auto mine = store::BatchName::parse(files().front());
    const auto its = store::BatchName::parse(files_in(folder_.path() / "other").front());
    ASSERT_TRUE(mine && its);
    EXPECT_NE(mine->spool, its->spool);
}

TEST_F(SpoolTest, counts_what_waits) {
    auto spool = opened(path_);
    EXPECT_EQ(spool.counts().batches, 0U);
    add(spool, 5);
    add(spool, 7, noise(10000));
    auto counts = spool.counts();
    EXPECT_EQ(counts.batches, 2U);
    EXPECT_EQ(counts.rows, 12U);
    std::uint64_t blocks = 0;
    for (const std::string& each : files()) {
        struct stat status {};
        ASSERT_EQ(::stat((path_ + "/" + each).c_str(), &status), 0);
        blocks += static_cast<std::uint64_t>(status.st_blocks) * 512;
    }
    EXPECT_EQ(counts.bytes, blocks);
    EXPECT_GT(counts.bytes, 10000U);

    const std::string first = files().front();
    taken(spool.outbox(), first);
    EXPECT_EQ(spool.counts().rows, 12U) << "being sent isn't sent";
    spool.outbox().release(first);
    EXPECT_EQ(spool.counts().rows, 12U);
    taken(spool.outbox(), first);
    spool.outbox().remove(first);
    counts = spool.counts();
    EXPECT_EQ(counts.batches, 1U);
    EXPECT_EQ(counts.rows, 7U);
    EXPECT_EQ(counts.dropped_rows, 0U);
}

TEST_F(SpoolTest, keeps_batches_for_the_next_process) {
    std::vector<std::string> before;
    {
        auto spool = opened(path_);
        add(spool, 3);
        add(spool, 4);
        before = files();
        taken(spool.outbox(), before.front()); // and is killed
    }
    EXPECT_NE(files(), before);
    auto spool = opened(path_);
    EXPECT_EQ(files(), before) << "waits again, under its name";
    EXPECT_EQ(spool.counts().rows, 7U);
    add(spool, 5);
    const auto now = files();
    ASSERT_EQ(now.size(), 3U);
    EXPECT_TRUE(std::equal(before.begin(), before.end(), now.begin())) << "those of before first";
}

TEST_F(SpoolTest, names_grow_where_the_clock_has_been_set_back) {
    { auto spool = opened(path_); }
    const std::string later = "00003000000000000000000-9f3ac04b5d1e2c77-ends-5.json.gz"; // 2065
    std::ofstream(path_ + "/" + later) << "x";
    auto spool = opened(path_);
    add(spool);
    add(spool);
    ASSERT_EQ(files().size(), 3U);
    EXPECT_EQ(files().front(), later);
    EXPECT_EQ(files().back().substr(0, 23), "00003000000000000000002");
}

TEST_F(SpoolTest, removes_what_was_never_finished) {
    { auto spool = opened(path_); }
    const std::string name = "00001764458012345678901-9f3ac04b5d1e2c77-ends-5000.json.gz";
    std::ofstream(path_ + "/" + name + ".partial") << "half";
    std::ofstream(path_ + "/notes.partial") << "somebody's own";
    auto spool = opened(path_);
    EXPECT_EQ(files(), std::vector<std::string>{"notes.partial"});
    EXPECT_EQ(spool.counts().batches, 0U);
}

TEST_F(SpoolTest, is_one_process_s_own) {
    const auto spool = opened(path_);
    const auto second = store::Spool::open(path_, 1 << 20);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("another sender is at work in " + path_),
              std::string::npos)
        << second.error().message;
}

TEST_F(SpoolTest, waits_a_moment_for_a_process_that_is_ending) {
    auto spool = std::make_unique<store::Spool>(opened(path_));
    std::thread ending([&] {
        pause(300ms);
        spool.reset();
    });
    EXPECT_TRUE(store::Spool::open(path_, 1 << 20));
    ending.join();
}

TEST_F(SpoolTest, needs_a_folder_that_others_cant_write) {
    fs::create_directory(path_);
    fs::permissions(path_, fs::perms(0777));
    auto spool = store::Spool::open(path_, 1 << 20);
    ASSERT_FALSE(spool);
    EXPECT_NE(spool.error().message.find("could replace batches"), std::string::npos)
        << spool.error().message;
    fs::remove(path_);
    fs::create_symlink(folder_.path(), path_);
    EXPECT_FALSE(store::Spool::open(path_, 1 << 20));
    fs::remove(path_);
    std::ofstream(path_) << "x";
    spool = store::Spool::open(path_, 1 << 20);
    ASSERT_FALSE(spool);
    EXPECT_NE(spool.error().message.find("batches that wait to be sent need a folder"),
              std::string::npos);
}

TEST_F(SpoolTest, refuses_a_place_for_rejected_batches_that_is_none) {
    fs::create_directories(folder_.path() / "elsewhere");
    fs::create_directory(path_);
    fs::permissions(path_, fs::perms(0700));
    fs::create_symlink(folder_.path() / "elsewhere", path_ + "/rejected");
    const auto spool = store::Spool::open(path_, 1 << 20);
    ASSERT_FALSE(spool);
    EXPECT_NE(spool.error().message.find("remove it"), std::string::npos);
}

TEST_F(SpoolTest, takes_no_batch_that_is_none) {
    auto spool = opened(path_);
    EXPECT_FALSE(spool.add("ends", 0, "{}\n"));
    EXPECT_FALSE(spool.add("ends", 1, ""));
    EXPECT_FALSE(spool.add("", 1, "{}\n"));
    EXPECT_FALSE(spool.add("../ends", 1, "{}\n"));
    EXPECT_FALSE(spool.add("a-b", 1, "{}\n"));
    EXPECT_FALSE(spool.add("ends", 1, std::string(store::Spool::kLargestBatch + 1, 'x')));
    EXPECT_TRUE(files().empty());
    EXPECT_EQ(spool.counts().dropped_rows, 0U);
}

// Whoever looks into the folder at any moment finds whole batches; after kill -9 too.
TEST_F(SpoolTest, has_whole_batches_alone_whenever_it_is_killed) {
    const std::string lines = noise(300000);
    for (int round = 0; round < 12; ++round) {
        const pid_t child = check(::fork(), "fork");
        if (child == 0) {
            auto spool = store::Spool::open(path_, 100 << 20);
            while (spool && spool->add("ends", 1, lines)) {}
            ::_exit(1);
        }
        pause(std::chrono::milliseconds(30 + 17 * round));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        auto spool = opened(path_, 100 << 20);
        const auto names = spool.outbox().names();
        ASSERT_TRUE(names);
        EXPECT_EQ(*names, files());
        for (const std::string& name : *names) {
            EXPECT_EQ(uncompressed(taken(spool.outbox(), name)), lines);
            spool.outbox().remove(name);
        }
        EXPECT_TRUE(files().empty());
    }
}

// --- batches that were refused

TEST_F(SpoolTest, keeps_what_was_refused_with_the_words_of_the_server) {
    auto spool = opened(path_);
    add(spool, 5, "{\"a\":1}\n");
    const std::string name = files().front();
    const std::string bytes = taken(spool.outbox(), name);
    const auto done =
        spool.outbox().reject(name, "Code: 27. \x1b[31mno\n" + std::string(5000, 'e'));
    ASSERT_TRUE(done);
    EXPECT_EQ(done->removed_rows, 0U);
    EXPECT_TRUE(files().empty());
    EXPECT_EQ(rejected(), (std::vector<std::string>{name, name + ".error"}));
    EXPECT_EQ(file_text(path_ + "/rejected/" + name), bytes);
    const std::string words = file_text(path_ + "/rejected/" + name + ".error");
    EXPECT_EQ(words.find("Code: 27. \\x1b[31mno\\x0a"), 0U) << words.substr(0, 60);
    EXPECT_LE(words.size(), 4096U);
    EXPECT_EQ(spool.counts().rows, 0U);
    EXPECT_EQ(spool.counts().dropped_rows, 0U);
}

TEST_F(SpoolTest, removes_the_oldest_of_those_refused_when_they_take_too_much) {
    auto spool = opened(path_, 8 * 64 << 10); // 64 KiB of rejected ones
    std::vector<std::string> names;
    std::uint64_t removed = 0;
    for (unsigned i = 0; i < 5; ++i) {
        add(spool, 10 + i, noise(16000, i));
        names.push_back(files().front());
        taken(spool.outbox(), names.back());
        const auto done = spool.outbox().reject(names.back(), "no");
        ASSERT_TRUE(done);
        removed += done->removed_rows;
    }
    // 16 KiB and 4 KiB for each: three of them.
    EXPECT_EQ(rejected(),
              (std::vector<std::string>{names[2], names[2] + ".error", names[3],
                                        names[3] + ".error", names[4], names[4] + ".error"}));
    EXPECT_EQ(removed, 10U + 11U);
}

TEST_F(SpoolTest, a_name_twice_among_the_refused_is_the_same_batch) {
    auto spool = opened(path_);
    add(spool);
    const std::string name = files().front();
    std::ofstream(path_ + "/rejected/" + name + ".error") << "of a process that was killed";
    taken(spool.outbox(), name);
    ASSERT_TRUE(spool.outbox().reject(name, "no"));
    EXPECT_EQ(file_text(path_ + "/rejected/" + name + ".error"), "no\n");
}

} // namespace
} // namespace tcpdwell::test
