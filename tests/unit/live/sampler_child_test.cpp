// SPDX-License-Identifier: Apache-2.0
// The sampler's end of the pipes: requests that can't be end it, and nothing else.
#include "live/sampler_child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/child_process.h"
#include "event/decode.h"
#include "event/record.h"
#include "host/netns.h"
#include "in_child.h"
#include "live/sampler.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

constexpr auto kSnapshot = static_cast<std::uint64_t>(live::SamplerRequest::snapshot);
constexpr auto kCounters = static_cast<std::uint64_t>(live::SamplerRequest::counters);
constexpr auto kWaiting = static_cast<std::uint64_t>(live::SamplerRequest::waiting);
constexpr auto kContainers = static_cast<std::uint64_t>(live::SamplerRequest::containers);
constexpr auto kSweep = static_cast<std::uint64_t>(live::SamplerRequest::sweep);

class CountingLister final : public live::SocketLister {
public:
    explicit CountingLister(int& sweeps) : sweeps_(sweeps) {}
    Result<void> list(const event::RecordSink&) override { return {}; }
    Result<void> list_waiting(std::uint64_t, const event::RecordSink& sink) override {
        for (td_socket each : waiting) sink(event::bytes_of(each));
        return {};
    }
    Result<void> sweep(std::uint64_t, const event::RecordSink&) override {
        ++sweeps_;
        return {};
    }

    std::vector<td_socket> waiting;

private:
    int& sweeps_;
};

struct Served {
    int status;
    int sweeps = 0;
};

/// What comes of these words, after which the pipe is closed.
Served serve(const std::vector<std::uint64_t>& words) {
    std::array<int, 2> requests{};
    std::array<int, 2> replies{};
    EXPECT_EQ(::pipe2(requests.data(), O_CLOEXEC) + ::pipe2(replies.data(), O_CLOEXEC), 0);
    const Fd reader(replies[0]);
    {
        const Fd writer(requests[1]);
        const auto bytes = static_cast<ssize_t>(words.size() * sizeof(std::uint64_t));
        EXPECT_EQ(::write(writer.get(), words.data(), static_cast<std::size_t>(bytes)), bytes);
    }
    Served served{};
    served.status = live::run_sampler(std::make_unique<CountingLister>(served.sweeps), {}, "",
                                      Fd(requests[0]), Fd(replies[1]));
    return served;
}

TEST(SamplerChild, ServesUntilThePipeIsClosed) {
    EXPECT_EQ(serve({}).status, 0);
    EXPECT_EQ(serve({kSweep, 1, 7}).status, 0) << "a sweep of no namespace";
    EXPECT_EQ(serve({kCounters, 0}).status, 0);
    EXPECT_EQ(serve({kWaiting, 2, 250, 0}).status, 0);
    EXPECT_EQ(serve({kSweep, 2}).status, 0) << "closed within a request";
}

TEST(SamplerChild, EndsAtARequestThatCantBe) {
    EXPECT_EQ(serve({kSnapshot, std::uint64_t{1} << 61}).status, 1);
    EXPECT_EQ(serve({kSweep, live::kMostRequestWords + 1}).status, 1);
    EXPECT_EQ(serve({kSweep, 0}).status, 1) << "without the time";
    EXPECT_EQ(serve({kWaiting, 1, 250}).status, 1) << "without what is wanted";
    EXPECT_EQ(serve({kContainers, 8, 1, 2, 3, 4, 5, 6, 7, 8}).status, 1) << "a part of one";
    EXPECT_EQ(serve({99, 0}).status, 1);
}

TEST(SamplerChild, ReadsTheCountersOfTheNamespacesThatAreWanted) {
    const std::uint32_t own = host::own_netns_inode().value();
    std::array<int, 2> requests{};
    std::array<int, 2> replies{};
    ASSERT_EQ(::pipe2(requests.data(), O_CLOEXEC) + ::pipe2(replies.data(), O_CLOEXEC), 0);
    const Fd reader(replies[0]);
    {
        const Fd writer(requests[1]);
        const std::array<std::uint64_t, 4> words{kSnapshot, 0, kCounters, 0};
        ASSERT_EQ(::write(writer.get(), words.data(), sizeof(words)), ssize_t{sizeof(words)});
    }
    int sweeps = 0;
    ASSERT_EQ(live::run_sampler(std::make_unique<CountingLister>(sweeps), {own}, "",
                                Fd(requests[0]), Fd(replies[1])),
              0);
    std::vector<std::byte> bytes(1 << 16);
    const ssize_t got = ::read(reader.get(), bytes.data(), bytes.size());
    ASSERT_GT(got, 0);
    event::Decoder decoder;
    int readings = 0;
    int snapshots = 0;
    event::for_each_record({bytes.data(), static_cast<std::size_t>(got)}, [&](auto record) {
        if (event::read_header(record).kind == TD_SNAPSHOT) ++snapshots;
        if (event::read_header(record).kind != TD_COUNTERS) return;
        const auto event = decoder.decode(record);
        ASSERT_TRUE(event);
        const auto& counters = std::get<event::KernelCounters>(*event);
        EXPECT_EQ(counters.netns, own);
        EXPECT_GT(counters.counters.size(), 10u);
        ++readings;
    });
    if (snapshots == 0) GTEST_SKIP() << "needs CAP_SYS_ADMIN";
    EXPECT_EQ(readings, 2) << "with a snapshot, and alone";
}

TEST(SamplerChild, DescribesTheContainersThatAreWanted) {
    const TemporaryFolder root;
    const std::string id(64, 'a');
    const std::string folder = root.path().string() + "/var/lib/docker/containers/" + id;
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/config.v2.json") << R"({"Name":"/web-1"})";
    std::array<int, 2> requests{};
    std::array<int, 2> replies{};
    ASSERT_EQ(::pipe2(requests.data(), O_CLOEXEC) + ::pipe2(replies.data(), O_CLOEXEC), 0);
    const Fd reader(replies[0]);
    {
        const Fd writer(requests[1]);
        std::vector<std::uint64_t> words{kContainers, 2 * live::kContainerWords};
        for (const char digit : {'a', 'b'}) {
            words.push_back(static_cast<std::uint64_t>(digit)); // the cgroup
            words.resize(words.size() + 8);
            std::memset(&words[words.size() - 8], digit, 64);
        }
        const auto size = static_cast<ssize_t>(words.size() * sizeof(words[0]));
        ASSERT_EQ(::write(writer.get(), words.data(), static_cast<std::size_t>(size)), size);
    }
    int sweeps = 0;
    ASSERT_EQ(live::run_sampler(std::make_unique<CountingLister>(sweeps), {}, root.path(),
                                Fd(requests[0]), Fd(replies[1])),
              0);
    std::vector<std::byte> bytes(1 << 12);
    const ssize_t got = ::read(reader.get(), bytes.data(), bytes.size());
    ASSERT_GT(got, 0);
    event::Decoder decoder;
    std::map<std::uint64_t, std::string> texts;
    event::for_each_record({bytes.data(), static_cast<std::size_t>(got)}, [&](auto record) {
        const auto event = decoder.decode(record);
        if (const auto* container = event ? std::get_if<event::ContainerName>(&*event) : nullptr)
            texts[container->cgroup] = container->text;
    });
    EXPECT_EQ(texts, (std::map<std::uint64_t, std::string>{{'a', "web-1"}, {'b', "bbbbbbbbbbbb"}}));
}

TEST(SamplerChild, NamesContainersWhoseFilesComeLater) {
    const TemporaryFolder root;
    std::array<int, 2> requests{};
    std::array<int, 2> replies{};
    ASSERT_EQ(::pipe2(requests.data(), O_CLOEXEC) + ::pipe2(replies.data(), O_CLOEXEC), 0);
    const Fd reader(replies[0]);
    Fd writer(requests[1]);
    int sweeps = 0;
    std::thread sampler([&] {
        // No namespace has this number: no counters are read.
        EXPECT_EQ(live::run_sampler(std::make_unique<CountingLister>(sweeps), {1}, root.path(),
                                    Fd(requests[0]), Fd(replies[1])),
                  0);
    });
    event::Decoder decoder;
    std::vector<std::string> names;
    const auto ask = [&](std::span<const std::uint64_t> words) {
        EXPECT_EQ(::write(writer.get(), words.data(), words.size_bytes()),
                  static_cast<ssize_t>(words.size_bytes()));
        for (bool is_done = false; !is_done;) {
            std::array<std::byte, 1 << 12> bytes; // the answers are shorter than what is atomic
            const ssize_t got = ::read(reader.get(), bytes.data(), bytes.size());
            ASSERT_GT(got, 0);
            event::for_each_record({bytes.data(), static_cast<std::size_t>(got)}, [&](auto record) {
                is_done = is_done || event::read_header(record).kind == live::kSamplerDoneKind;
                const auto event = decoder.decode(record);
                if (const auto* container =
                        event ? std::get_if<event::ContainerName>(&*event) : nullptr)
                    names.push_back(container->text);
            });
        }
    };
    std::vector<std::uint64_t> words{kContainers, live::kContainerWords, 'c'};
    words.resize(words.size() + 8);
    std::memset(&words[3], 'c', 64);
    const std::array<std::uint64_t, 2> counters{kCounters, 0};
    ask(words);
    ask(counters);
    const auto folder = root.path() / "var/lib/docker/containers" / std::string(64, 'c');
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "config.v2.json") << R"({"Name":"/late"})";
    ask(counters);
    ask(counters);
    writer.reset();
    sampler.join();
    EXPECT_EQ(names, (std::vector<std::string>{"cccccccccccc", "late"}));
}

TEST(SamplerChild, FindsTheHoldersOfWhatWaits) {
    const std::uint32_t own = host::own_netns_inode().value();
    std::array<int, 2> requests{};
    std::array<int, 2> replies{};
    ASSERT_EQ(::pipe2(requests.data(), O_CLOEXEC) + ::pipe2(replies.data(), O_CLOEXEC), 0);
    const Fd reader(replies[0]);
    {
        const Fd writer(requests[1]);
        const std::array<std::uint64_t, 4> words{kWaiting, 2, 250, 1};
        ASSERT_EQ(::write(writer.get(), words.data(), sizeof(words)), ssize_t{sizeof(words)});
    }
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    struct stat status {};
    ASSERT_EQ(::fstat(socket.get(), &status), 0);
    td_socket listed{};
    listed.h = event::header_of<td_socket>(TD_SOCKET, 1, own);
    listed.sock = 0x1000;
    listed.inode = status.st_ino;
    int sweeps = 0;
    auto lister = std::make_unique<CountingLister>(sweeps);
    lister->waiting = {listed};
    ASSERT_EQ(live::run_sampler(std::move(lister), {own}, "", Fd(requests[0]), Fd(replies[1])), 0);
    std::vector<std::byte> bytes(1 << 16);
    const ssize_t got = ::read(reader.get(), bytes.data(), bytes.size());
    ASSERT_GT(got, 0);
    event::Decoder decoder;
    std::optional<event::HoldersFound> found;
    event::for_each_record({bytes.data(), static_cast<std::size_t>(got)}, [&](auto record) {
        if (event::read_header(record).kind == TD_HOLDERS)
            found = std::get<event::HoldersFound>(decoder.decode(record).value());
    });
    if (!found) GTEST_SKIP() << "needs CAP_SYS_ADMIN";
    EXPECT_EQ(found->sock, 0x1000u);
    ASSERT_EQ(found->processes.size(), 1u);
    EXPECT_EQ(found->processes[0].pid, static_cast<std::uint32_t>(::getpid()));
}

// As a file that is removed unless it has been published.
struct Precious {
    explicit Precious(int to) : fd(to) {}
    Precious(const Precious&) = delete;
    Precious& operator=(const Precious&) = delete;
    ~Precious() { static_cast<void>(!::write(fd, "x", 1)); }
    int fd;
};

TEST(SamplerChild, UnwindsNothingOfItsParents) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    EXPECT_TRUE(holds_in_child([&] {
        const pid_t child = ::fork();
        try {
            if (child != 0) {
                int status = 0;
                ::waitpid(child, &status, 0);
                return WIFEXITED(status) && WEXITSTATUS(status) == 1;
            }
            const Precious precious(ends[1]);
            exit_with([]() -> int { throw std::runtime_error("out of memory, say"); });
        } catch (...) {
            return true;
        }
    }));
    ::close(ends[1]);
    char byte = 0;
    EXPECT_EQ(::read(ends[0], &byte, 1), 0);
    ::close(ends[0]);
}

} // namespace
} // namespace tcpdwell::test
