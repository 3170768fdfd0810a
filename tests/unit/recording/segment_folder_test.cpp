// SPDX-License-Identifier: Apache-2.0
// A folder that rolls: what it holds, what it lets go, what it never touches.
#include "recording/segment_folder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "recording/saved_folders.h"
#include "recording/writer.h"

namespace tcpdwell::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// 2026-11-21 00:00:00 UTC; segments' names are made of it.
const WallTime kBegin{1'795'219'200s};
/// Files occupy whole blocks, of this size at most on the file systems that tests run on.
constexpr std::size_t kBlock = 4096;

class SegmentFolderTest : public testing::Test {
protected:
    SegmentFolderTest()
        : path_(fs::temp_directory_path() / ("segments-" + std::to_string(::getpid()))) {
        fs::remove_all(path_);
    }
    ~SegmentFolderTest() override { fs::remove_all(path_); }

    recording::SegmentFolder opened(recording::RollOptions options) {
        auto folder = recording::SegmentFolder::open(path_, options);
        EXPECT_TRUE(folder) << folder.error().message;
        return std::move(*folder);
    }
    /// Begins a segment and fills it.
    static std::string fill(recording::SegmentFolder& folder, WallTime now, std::size_t bytes) {
        auto file = folder.create(now);
        EXPECT_TRUE(file) << file.error().message;
        folder.begin_segment(file->name, now);
        const std::string text(bytes, 'x');
        EXPECT_EQ(::write(file->fd.get(), text.data(), bytes), static_cast<ssize_t>(bytes));
        return fs::path(file->path).filename();
    }
    std::set<std::string> names(const std::string& below = "") {
        std::set<std::string> found;
        for (const auto& entry : fs::directory_iterator(path_ / below))
            if (entry.path().filename() != ".tcpdwell.lock") found.insert(entry.path().filename());
        return found;
    }

    fs::path path_;
};

TEST_F(SegmentFolderTest, what_ended_longer_ago_than_wanted_goes) {
    recording::SegmentFolder folder = opened({.keep = 80s, .max_bytes = {}});
    const std::string first = fill(folder, kBegin, 10);
    const std::string second = fill(folder, kBegin + 10s, 10);
    const std::string third =
        fill(folder, kBegin + 90s, 10); // the first has ended 80 s ago: still wanted
    EXPECT_EQ(names(), (std::set{first, second, third}));
    const std::string fourth = fill(folder, kBegin + 91s, 10);
    EXPECT_EQ(names(), (std::set{second, third, fourth}));
}

TEST_F(SegmentFolderTest, never_more_than_its_size) {
    constexpr std::uint64_t most = 8 * kBlock;
    recording::SegmentFolder folder = opened({.keep = {}, .max_bytes = most});
    for (int i = 0; i < 30; ++i) {
        fill(folder, kBegin + i * 1s, kBlock - 1);
        std::uint64_t sum = 0;
        for (const auto& entry : fs::directory_iterator(path_)) sum += entry.file_size();
        EXPECT_LE(sum, most);
        EXPECT_GE(sum, std::min((static_cast<std::uint64_t>(i) + 1) * (kBlock - 1), most / 2)) << i;
    }
}

TEST_F(SegmentFolderTest, one_that_grows_takes_the_place_of_others) {
    recording::SegmentFolder folder = opened({.keep = {}, .max_bytes = 8 * kBlock});
    const std::string first = fill(folder, kBegin, 2 * kBlock);
    const std::string second = fill(folder, kBegin + 1s, 2 * kBlock);
    const std::string third = fill(folder, kBegin + 2s, 0);
    folder.hold(4 * kBlock);
    EXPECT_EQ(names(), (std::set{first, second, third}));
    folder.hold(4 * kBlock + 1);
    EXPECT_EQ(names(), (std::set{second, third}));
    folder.hold(9 * kBlock); // itself stays
    EXPECT_EQ(names(), std::set{third});
}

TEST_F(SegmentFolderTest, a_segment_is_an_eighth_of_what_is_held) {
    const recording::SegmentFolder folder = opened({.keep = 80s, .max_bytes = 8000});
    EXPECT_FALSE(folder.is_due(9s, 999));
    EXPECT_TRUE(folder.is_due(10s, 0));
    EXPECT_TRUE(folder.is_due(0s, 1000));
}

TEST_F(SegmentFolderTest, a_name_that_is_taken_is_that_of_a_millisecond_later) {
    recording::SegmentFolder folder = opened({.keep = 80s, .max_bytes = {}});
    for (const char* name :
         {"tcpdwell-20261121T000000.000Z.tdw", "tcpdwell-20261121T000000.001Z.tdw",
          "tcpdwell-20261121T000000.002Z.tdw"})
        EXPECT_EQ(fill(folder, kBegin, 1), name);
}

TEST_F(SegmentFolderTest, segments_of_earlier_runs_are_its_own_and_other_files_are_not) {
    fs::create_directory(path_);
    fs::permissions(path_, fs::perms::owner_all);
    std::ofstream(path_ / "tcpdwell-20200101T000000.000Z.tdw") << "old";
    std::ofstream(path_ / "incident.tdw") << "somebody's";
    std::ofstream(path_ / "tcpdwell-notes") << "somebody's";
    fs::create_directory(path_ / "tcpdwell-x.tdw");
    fs::last_write_time(path_ / "tcpdwell-20200101T000000.000Z.tdw",
                        fs::file_time_type::clock::now() - 100h);
    recording::SegmentFolder folder = opened({.keep = 1h, .max_bytes = {}});
    const std::string now = fill(
        folder, std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now()), 1);
    EXPECT_EQ(names(),
              (std::set<std::string>{"incident.tdw", "tcpdwell-notes", "tcpdwell-x.tdw", now}));
}

TEST_F(SegmentFolderTest, what_is_saved_stays) {
    recording::SegmentFolder folder = opened({.keep = 8s, .max_bytes = {}});
    const std::string before = fill(folder, kBegin, 10);
    const std::string at = fill(folder, kBegin + 1s, 20);
    const auto saved = folder.start_saving(kBegin + 2s, "time_wait>20000");
    ASSERT_TRUE(saved) << saved.error().message;
    EXPECT_TRUE(folder.take_notes().empty());
    const std::string name = fs::path(folder.saving_to()).filename();
    const std::string after = fill(folder, kBegin + 3s, 30);
    folder.stop_saving();
    fill(folder, kBegin + 100s, 40);
    const std::string last = fill(folder, kBegin + 200s, 50);
    EXPECT_TRUE(names().contains(last));
    EXPECT_EQ(names(name), (std::set{before, at, after}));
    EXPECT_FALSE(names().contains(before));
    EXPECT_EQ(fs::file_size(path_ / name / after), 30U);
}

TEST_F(SegmentFolderTest, on_a_full_disk_the_oldest_makes_room) {
    recording::SegmentFolder folder = opened({.keep = 1h, .max_bytes = {}});
    const std::string first = fill(folder, kBegin, 10);
    EXPECT_FALSE(folder.make_room()); // the one under way stays
    const std::string second = fill(folder, kBegin + 1s, 10);
    EXPECT_TRUE(folder.make_room());
    EXPECT_EQ(names(), std::set{second});
    EXPECT_FALSE(folder.make_room());
}

TEST_F(SegmentFolderTest, what_cant_be_saved_keeps_nothing_else_from_being_saved) {
    recording::SegmentFolder folder = opened({.keep = 1h, .max_bytes = {}});
    const std::string first = fill(folder, kBegin, 10);
    const std::string second = fill(folder, kBegin + 1s, 10);
    const std::string third = fill(folder, kBegin + 2s, 10);
    ASSERT_TRUE(fs::remove(path_ / second));
    fs::create_symlink("/nowhere/at/all",
                       path_ /
                           second); // can't be linked across file systems, or is a link to nothing
    const auto saved = folder.start_saving(kBegin + 3s, "x");
    ASSERT_TRUE(saved);
    const auto kept = names(fs::path(folder.saving_to()).filename());
    EXPECT_TRUE(kept.contains(first));
    EXPECT_TRUE(kept.contains(third));
}

TEST_F(SegmentFolderTest, two_recorders_do_not_share_one) {
    const recording::SegmentFolder folder = opened({.keep = 1h, .max_bytes = {}});
    const auto other = recording::SegmentFolder::open(path_, {.keep = 1h, .max_bytes = {}});
    ASSERT_FALSE(other);
    EXPECT_NE(other.error().message.find("another recorder"), std::string::npos);
}

TEST_F(SegmentFolderTest, a_file_is_no_folder) {
    std::ofstream(path_) << "a recording";
    const auto folder = recording::SegmentFolder::open(path_, {.keep = 1s, .max_bytes = {}});
    ASSERT_FALSE(folder);
    EXPECT_EQ(folder.error().code, ErrorCode::usage);
}

TEST_F(SegmentFolderTest, it_must_be_writable_without_privileges) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
    fs::create_directory(path_);
    ASSERT_EQ(::chown(path_.c_str(), 12345, 12345), 0);
    const auto folder = recording::SegmentFolder::open(path_, {.keep = 1s, .max_bytes = {}});
    ASSERT_FALSE(folder);
    EXPECT_NE(folder.error().message.find("must belong to"), std::string::npos);
}

TEST(SegmentNames, have_a_beginning_and_an_end) {
    EXPECT_TRUE(recording::is_segment_name("tcpdwell-20261121T000000.000Z.tdw"));
    for (const char* other : {"tcpdwell-20261121T000000.000Z", "20261121T000000.000Z.tdw",
                              "x-tcpdwell-1.tdw", "tcpdwell-1.tdw.part", "tcpdwell.tdw", ""})
        EXPECT_FALSE(recording::is_segment_name(other)) << other;
}

TEST_F(SegmentFolderTest, recordings_of_a_folder_are_listed_in_order) {
    EXPECT_FALSE(recording::recordings_in(path_));
    fs::create_directory(path_);
    EXPECT_FALSE(recording::recordings_in(path_)) << "an empty folder";
    std::ofstream(path_ / "empty.tdw");
    fs::create_directory(path_ / "folder.tdw");
    EXPECT_FALSE(recording::recordings_in(path_)) << "nothing in it is a recording";
    for (const char* name : {"b.tdw", "a.tdw", "c.txt"})
        ASSERT_TRUE(recording::RecordingWriter::begin(
            Fd(::open((path_ / name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), name, "{}", 7,
            0, {}));
    const auto found = recording::recordings_in(path_);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->recordings, (std::vector<std::string>{path_ / "a.tdw", path_ / "b.tdw"}));
    EXPECT_EQ(found->others.size(), 2U) << "what was left by a full disk hides nothing";
    fs::resize_file(path_ / "a.tdw", fs::file_size(path_ / "a.tdw") - 1);
    const auto cut = recording::recordings_in(path_);
    ASSERT_TRUE(cut);
    EXPECT_EQ(cut->recordings, std::vector<std::string>{path_ / "b.tdw"});
    ASSERT_EQ(cut->others.size(), 3U);
    const auto within_head = std::ranges::find(cut->others, "ends within its head",
                                               &recording::FolderContents::Other::why);
    ASSERT_NE(within_head, cut->others.end());
    EXPECT_EQ(within_head->path, path_ / "a.tdw");
}

} // namespace
} // namespace tcpdwell::test
