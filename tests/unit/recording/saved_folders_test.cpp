// SPDX-License-Identifier: Apache-2.0
// What triggers have saved: named by time and reason, and removed oldest first where it is too
// much.
#include "recording/saved_folders.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/fd.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using recording::OwnFolder;
using recording::SavedFolders;

/// 2026-11-21 00:00:00 UTC.
const WallTime kSavedAt{1'795'219'200s};

struct SavedFoldersTest : testing::Test {
    TemporaryFolder top;
    OwnFolder held = std::move(*OwnFolder::open(top.path().string()));
    std::uint64_t size = 0; ///< that each segment occupies

    std::string segment(int number) {
        const std::string name = "tcpdwell-" + std::to_string(number) + ".tdw";
        std::ofstream(top.path() / name) << std::string(64 << 10, 'x');
        const Fd fd(::open((top.path() / name).c_str(), O_RDONLY | O_CLOEXEC));
        EXPECT_EQ(::fsync(fd.get()), 0); // a file system may allocate later
        size = held.file(name)->bytes;
        return name;
    }
    /// A folder of `seconds` with these segments.
    std::string save(SavedFolders& saved, int seconds, const std::vector<std::string>& segments) {
        EXPECT_TRUE(saved.begin(held, kSavedAt + std::chrono::seconds(seconds), "x"));
        for (const std::string& each : segments) EXPECT_EQ(saved.add(held, each), "");
        return fs::path(saved.path()).filename();
    }
    [[nodiscard]] std::set<std::string> folders() const {
        std::set<std::string> found;
        for (const auto& entry : fs::directory_iterator(top.path()))
            if (entry.is_directory()) found.insert(entry.path().filename());
        return found;
    }
};

TEST_F(SavedFoldersTest, are_named_by_the_time_and_the_reason) {
    EXPECT_EQ(recording::name_stamp(kSavedAt + 3661s + 7ms), "20261121T010101.007Z");
    SavedFolders saved(1 << 30);
    EXPECT_FALSE(saved.is_saving());
    EXPECT_EQ(saved.path(), "");
    ASSERT_TRUE(saved.begin(held, kSavedAt, "close_wait > 5/s " + std::string(60, 'y')));
    EXPECT_TRUE(saved.is_saving());
    EXPECT_EQ(fs::path(saved.path()).filename(),
              "saved-20261121T000000.000Z-close_wait___5_s_" + std::string(23, 'y'));
    const auto twice = saved.begin(held, kSavedAt, "close_wait > 5/s " + std::string(60, 'y'));
    EXPECT_FALSE(twice) << "it is there";
}

TEST_F(SavedFoldersTest, have_segments_that_the_roll_removes_meanwhile) {
    SavedFolders saved(1 << 30);
    const std::string name = segment(1);
    EXPECT_EQ(saved.add(held, name), "") << "nothing is being saved";
    const std::string folder = save(saved, 0, {name, name, "tcpdwell-gone.tdw"});
    EXPECT_TRUE(held.remove(name));
    EXPECT_TRUE(fs::exists(top.path() / folder / name));
    fs::create_symlink("nowhere", top.path() / "tcpdwell-link.tdw");
    EXPECT_NE(saved.add(held, "tcpdwell-link.tdw").find("it is no file of ours"),
              std::string::npos);
    saved.end();
    EXPECT_FALSE(saved.is_saving());
}

TEST_F(SavedFoldersTest, go_oldest_first_until_the_rest_is_not_too_much) {
    const std::vector<std::string> segments{segment(1), segment(2), segment(3), segment(4)};
    SavedFolders many(1 << 30);
    const std::string second = save(many, 2, {segments[1]});
    const std::string first = save(many, 1, {segments[0]});
    const std::string third = save(many, 3, {segments[2]});
    EXPECT_TRUE(many.hold(held).empty());
    SavedFolders three(3 * size);
    EXPECT_TRUE(three.hold(held).empty()) << "just as much as may be";
    EXPECT_EQ(folders(), (std::set{first, second, third}));
    SavedFolders two(2 * size);
    const auto notes = two.hold(held);
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_EQ(notes[0], "removed " + (top.path() / first).string() +
                            " to keep what is saved below --max-saved " + std::to_string(2 * size));
    EXPECT_EQ(folders(), (std::set{second, third}));
    EXPECT_EQ(SavedFolders(2 * size - 1).hold(held).size(), 1u);
    EXPECT_EQ(folders(), std::set{third});
}

TEST_F(SavedFoldersTest, count_a_segment_once_that_two_of_them_have) {
    const std::vector<std::string> segments{segment(1), segment(2), segment(3)};
    SavedFolders saved(1 << 30);
    const std::string first = save(saved, 1, {segments[0], segments[1]});
    const std::string second = save(saved, 2, {segments[1], segments[2]});
    EXPECT_TRUE(SavedFolders(3 * size).hold(held).empty());
    // Without the first one there are two left, as the second has one of its segments too.
    EXPECT_EQ(SavedFolders(2 * size).hold(held).size(), 1u);
    EXPECT_EQ(folders(), std::set{second});
    EXPECT_EQ(SavedFolders(size).hold(held).size(), 1u);
    EXPECT_EQ(folders(), std::set<std::string>{});
}

TEST_F(SavedFoldersTest, under_way_stay_and_get_nothing_more_if_they_alone_are_too_much) {
    const std::vector<std::string> segments{segment(1), segment(2)};
    SavedFolders older(1 << 30);
    const std::string first = save(older, 1, {segments[0]});
    SavedFolders saved(size);
    const std::string second = save(saved, 2, {segments[1]});
    EXPECT_EQ(saved.hold(held).size(), 1u);
    EXPECT_EQ(folders(), std::set{second});
    EXPECT_TRUE(saved.is_saving());
    EXPECT_EQ(saved.add(held, segments[0]), "");
    const auto notes = saved.hold(held);
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_EQ(notes[0], "stops saving to " + (top.path() / second).string() + ": it alone has " +
                            std::to_string(2 * size) + " bytes, more than --max-saved " +
                            std::to_string(size));
    EXPECT_FALSE(saved.is_saving());
    EXPECT_EQ(folders(), std::set{second});
}

TEST_F(SavedFoldersTest, lose_their_segments_and_nothing_else) {
    SavedFolders saved(1 << 30);
    const std::string folder = save(saved, 1, {segment(1)});
    std::ofstream(top.path() / folder / "notes") << "kept";
    fs::create_directory(top.path() / "saved-by-hand");
    std::ofstream(top.path() / "saved-by-hand" / "notes") << "kept";
    const auto notes = SavedFolders(0).hold(held);
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_NE(notes[0].find("; what isn't a segment is left in it"), std::string::npos);
    EXPECT_TRUE(fs::exists(top.path() / folder / "notes"));
    EXPECT_FALSE(fs::exists(top.path() / folder / "tcpdwell-1.tdw"));
    EXPECT_TRUE(fs::exists(top.path() / "saved-by-hand" / "notes"));
    EXPECT_TRUE(SavedFolders(0).hold(held).empty()) << "there is nothing left to remove";
}

} // namespace
} // namespace tcpdwell::test
