// SPDX-License-Identifier: Apache-2.0
// A recorder that runs as root, in a folder that another user prepares or swaps: nothing outside is
// written or removed, and nothing of its history goes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "recording/segment_folder.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr uid_t kNobodyUid = 65534;
constexpr off_t kHuge = off_t{4} << 40;
constexpr std::uint64_t kMost = 1 << 20;
const std::string kLock = ".tcpdwell.lock";
const WallTime kNow{1'795'219'200s};

/// Where a name of a segment in the year 2000 sorts before, and one of 2099 behind all others.
std::string segment_name(const std::string& year) {
    return "tcpdwell-" + year + "0101T000000.000Z.tdw";
}

class HostileFolder : public testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root has anything to lose to another user";
        ASSERT_EQ(::chmod(top_.path().c_str(), 0777), 0);
        fs::create_directory(held_);
        fs::create_directory(outside_);
        std::ofstream(outside_ / "precious") << "precious";
        std::ofstream(outside_ / segment_name("2001")) << "precious";
        ::chmod(outside_.c_str(), 0700);
    }

    /// Runs `act` as a user without rights; true if it returned true.
    static bool as_nobody(const std::function<bool()>& act) {
        const pid_t child = ::fork();
        if (child == 0) {
            if (::setresgid(kNobodyUid, kNobodyUid, kNobodyUid) != 0 ||
                ::setresuid(kNobodyUid, kNobodyUid, kNobodyUid) != 0)
                ::_exit(2);
            ::_exit(act() ? 0 : 1);
        }
        int status = 0;
        return ::waitpid(child, &status, 0) == child && status == 0;
    }

    static bool sparse(const fs::path& path) {
        const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
        return fd && ::ftruncate(fd.get(), kHuge) == 0;
    }
    /// All that could be mistaken for something of the recorder's.
    [[nodiscard]] bool plant() const {
        const auto in = [&](const std::string& name) { return (held_ / name).string(); };
        const std::string precious = outside_ / "precious";
        return ::symlink(precious.c_str(), in(segment_name("2002")).c_str()) == 0 &&
               ::symlink(outside_.c_str(), in("saved-20000101T000000.000Z-x").c_str()) == 0 &&
               ::mkfifo(in(segment_name("2003")).c_str(), 0666) == 0 &&
               ::mkdir(in(segment_name("2004")).c_str(), 0777) == 0 &&
               sparse(in(segment_name("2005"))) && sparse(in(segment_name("2099"))) &&
               ::mkdir(in("saved-20010101T000000.000Z-y").c_str(), 0777) == 0 &&
               sparse(in("saved-20010101T000000.000Z-y/" + segment_name("2001")));
    }
    /// Of an earlier run: root's.
    void write_history() const {
        for (const char* year : {"2010", "2011"})
            std::ofstream(held_ / segment_name(year)) << std::string(4096, 'h');
    }
    [[nodiscard]] bool has_history() const {
        return fs::exists(held_ / segment_name("2010")) && fs::exists(held_ / segment_name("2011"));
    }
    [[nodiscard]] Result<recording::SegmentFolder> opened() const {
        return recording::SegmentFolder::open(held_,
                                              {.keep = {}, .max_bytes = kMost, .max_saved = kMost});
    }
    static void record(recording::SegmentFolder& folder, WallTime at) {
        auto file = folder.create(at);
        ASSERT_TRUE(file) << file.error().message;
        ASSERT_EQ(::write(file->fd.get(), "x", 1), 1);
        folder.begin_segment(file->name, at);
        folder.hold(1);
    }
    void expect_outside_is_untouched() const {
        for (const std::string& name : {std::string("precious"), segment_name("2001")}) {
            std::string text;
            std::ifstream(outside_ / name) >> text;
            EXPECT_EQ(text, "precious") << name;
        }
        EXPECT_EQ(std::distance(fs::directory_iterator(outside_), fs::directory_iterator()), 2);
    }

    TemporaryFolder top_;
    fs::path held_ = top_.path() / "held";
    fs::path outside_ = top_.path() / "outside";
};

TEST_F(HostileFolder, that_others_may_write_is_refused_with_the_remedy) {
    for (const mode_t mode : {0777, 0770, 0722, 01777}) {
        ASSERT_EQ(::chmod(held_.c_str(), mode), 0);
        const auto folder = opened();
        ASSERT_FALSE(folder) << mode;
        EXPECT_NE(folder.error().message.find("chmod go-w"), std::string::npos)
            << folder.error().message;
    }
    EXPECT_TRUE(fs::is_empty(held_));
}

TEST_F(HostileFolder, that_is_a_link_is_refused) {
    fs::remove(held_);
    ASSERT_TRUE(as_nobody([&] { return ::symlink(outside_.c_str(), held_.c_str()) == 0; }));
    for (const std::string& path : {held_.string(), held_.string() + "/"}) {
        const auto folder = recording::SegmentFolder::open(path, {.keep = 1h, .max_bytes = {}});
        ASSERT_FALSE(folder);
        EXPECT_NE(folder.error().message.find("symbolic link"), std::string::npos)
            << folder.error().message;
    }
    expect_outside_is_untouched();
}

TEST_F(HostileFolder, whose_contents_were_planted_costs_no_history) {
    ASSERT_EQ(::chmod(held_.c_str(), 0777), 0);
    ASSERT_TRUE(as_nobody([&] { return plant(); }));
    ASSERT_EQ(::chmod(held_.c_str(), 0755), 0);
    write_history();
    auto folder = opened();
    ASSERT_TRUE(folder) << folder.error().message;
    record(*folder, kNow);
    ASSERT_TRUE(folder->start_saving(kNow + 1s, "signal"));
    record(*folder, kNow + 2s);
    EXPECT_TRUE(has_history());
    EXPECT_TRUE(folder->is_saving());
    const auto notes = folder->take_notes();
    EXPECT_TRUE(notes.empty()) << notes.front();
    while (folder->make_room()) {} // all that it takes for its own
    EXPECT_FALSE(has_history());
    for (const char* year : {"2002", "2003", "2004", "2005", "2099"})
        EXPECT_TRUE(fs::exists(fs::symlink_status(held_ / segment_name(year)))) << year;
    expect_outside_is_untouched();
}

TEST_F(HostileFolder, with_a_sparse_file_of_our_own_costs_no_history) {
    write_history();
    ASSERT_TRUE(sparse(held_ / segment_name("2099")));
    auto folder = opened();
    ASSERT_TRUE(folder) << folder.error().message;
    record(*folder, kNow);
    EXPECT_TRUE(has_history());
}

TEST_F(HostileFolder, with_another_ones_lock_is_refused) {
    ASSERT_EQ(::chmod(held_.c_str(), 0777), 0);
    ASSERT_TRUE(as_nobody(
        [&] { return ::symlink((outside_ / "made").c_str(), (held_ / kLock).c_str()) == 0; }));
    ASSERT_EQ(::chmod(held_.c_str(), 0755), 0);
    EXPECT_FALSE(opened());
    fs::remove(held_ / kLock);
    ASSERT_EQ(::mkfifo((held_ / kLock).c_str(), 0600), 0);
    const auto folder = opened();
    ASSERT_FALSE(folder);
    EXPECT_NE(folder.error().message.find("remove"), std::string::npos) << folder.error().message;
    expect_outside_is_untouched();
}

/// With an open lock any reader could keep the recorder from starting.
TEST_F(HostileFolder, whose_lock_of_our_own_is_open_to_others_gets_it_closed) {
    ASSERT_EQ(::chmod(held_.c_str(), 0755), 0);
    const fs::path lock = held_ / kLock;
    std::ofstream(lock) << "";
    ASSERT_EQ(::chmod(lock.c_str(), 0644), 0);
    const auto folder = opened();
    ASSERT_TRUE(folder) << folder.error().message;
    EXPECT_EQ(fs::status(lock).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(HostileFolder, that_a_reader_has_locked_is_recorded_in) {
    ASSERT_EQ(::chmod(held_.c_str(), 0755), 0);
    ASSERT_TRUE(opened()); // the lock is there
    int ready[2];
    int over[2];
    ASSERT_EQ(::pipe2(ready, O_CLOEXEC) + ::pipe2(over, O_CLOEXEC), 0);
    const pid_t reader = ::fork();
    if (reader == 0) {
        ::close(over[1]);
        if (::setresuid(kNobodyUid, kNobodyUid, kNobodyUid) != 0) ::_exit(2);
        const Fd folder(::open(held_.c_str(), O_RDONLY | O_DIRECTORY));
        const Fd lock(::open((held_ / kLock).c_str(), O_RDONLY));
        const char answer = ::flock(folder.get(), LOCK_SH) == 0 && !lock ? 'y' : 'n';
        static_cast<void>(!::write(ready[1], &answer, 1));
        char end = 0;
        static_cast<void>(!::read(over[0], &end, 1));
        ::_exit(0);
    }
    char answer = 0;
    EXPECT_EQ(::read(ready[0], &answer, 1), 1);
    EXPECT_EQ(answer, 'y');
    const auto folder = opened();
    EXPECT_TRUE(folder) << folder.error().message;
    for (const int fd : {over[0], over[1], ready[0], ready[1]}) ::close(fd);
    ::waitpid(reader, nullptr, 0);
}

TEST_F(HostileFolder, that_is_swapped_is_left_for_nobody) {
    write_history();
    auto folder = opened();
    ASSERT_TRUE(folder) << folder.error().message;
    record(*folder, kNow);
    const fs::path moved = top_.path() / "moved";
    ASSERT_TRUE(as_nobody([&] {
        return ::rename(held_.c_str(), moved.c_str()) == 0 &&
               ::symlink(outside_.c_str(), held_.c_str()) == 0;
    }));
    record(*folder, kNow + 1s);
    ASSERT_TRUE(folder->start_saving(kNow + 2s, "x"));
    record(*folder, kNow + 3s);
    while (folder->make_room()) {}
    std::size_t segments = 0;
    std::size_t saved = 0;
    for (const auto& entry : fs::recursive_directory_iterator(moved)) {
        if (entry.path().extension() != ".tdw") continue;
        ++(entry.path().parent_path() == moved ? segments : saved);
    }
    EXPECT_EQ(segments, 1U);
    EXPECT_EQ(saved, 5U);
    expect_outside_is_untouched();
}

class SavedQuota : public testing::Test {
protected:
    static constexpr std::size_t kSegment = 128 << 10;
    void fill(recording::SegmentFolder& folder, WallTime at) {
        auto file = folder.create(at);
        ASSERT_TRUE(file) << file.error().message;
        const std::string text(kSegment, 'x');
        ASSERT_EQ(::write(file->fd.get(), text.data(), text.size()),
                  static_cast<ssize_t>(text.size()));
        folder.begin_segment(file->name, at);
        folder.hold(kSegment);
    }
    std::size_t saved() const {
        std::size_t count = 0;
        for (const auto& entry : fs::directory_iterator(held_))
            count += entry.path().filename().string().starts_with("saved-") ? 1 : 0;
        return count;
    }
    TemporaryFolder top_;
    fs::path held_ = top_.path() / "held";
};

TEST_F(SavedQuota, the_oldest_goes_and_it_is_said) {
    auto folder = recording::SegmentFolder::open(
        held_, {.keep = 5s, .max_bytes = {}, .max_saved = 6 * kSegment});
    ASSERT_TRUE(folder) << folder.error().message;
    std::vector<std::string> notes;
    for (int i = 0; i < 6; ++i) { // of two segments each
        fill(*folder, kNow + i * 100s);
        fill(*folder, kNow + i * 100s + 1s);
        ASSERT_TRUE(folder->start_saving(kNow + i * 100s + 2s, "x"));
        folder->stop_saving();
        for (std::string& note : folder->take_notes()) notes.push_back(std::move(note));
    }
    EXPECT_EQ(saved(), 2U) << "with the last segment of the time before, three each";
    EXPECT_EQ(notes.size(), 4U);
    for (const std::string& note : notes)
        EXPECT_NE(note.find("--max-saved"), std::string::npos) << note;
}

TEST_F(SavedQuota, what_is_too_much_alone_is_saved_in_part) {
    auto folder = recording::SegmentFolder::open(
        held_, {.keep = 1h, .max_bytes = {}, .max_saved = 4 * kSegment});
    ASSERT_TRUE(folder) << folder.error().message;
    for (int i = 0; i < 8; ++i) fill(*folder, kNow + i * 1s);
    ASSERT_TRUE(folder->start_saving(kNow + 9s, "x"));
    const fs::path where = folder->saving_to();
    EXPECT_EQ(std::distance(fs::directory_iterator(where), fs::directory_iterator()), 4);
    EXPECT_EQ(folder->take_notes().size(), 1U);
    fill(*folder, kNow + 10s); // nothing of it yet when it was counted
    fill(*folder, kNow + 11s);
    EXPECT_FALSE(folder->is_saving());
    EXPECT_EQ(folder->take_notes().size(), 1U);
    fill(*folder, kNow + 12s);
    EXPECT_TRUE(fs::exists(where));
    EXPECT_LE(std::distance(fs::directory_iterator(where), fs::directory_iterator()), 6);
}

} // namespace
} // namespace tcpdwell::test
