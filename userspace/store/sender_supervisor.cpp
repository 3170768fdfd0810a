// SPDX-License-Identifier: Apache-2.0
// It has no filter of system calls: the process that sends would inherit it, so it would have to
// allow all that this one may do, and fork(2) and seccomp(2) as well. Nothing that comes from
// elsewhere is interpreted here.
#include "store/sender_supervisor.h"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/child_process.h"
#include "store/batch_name.h"
#include "store/sending_process.h"

namespace tcpdwell::store {
namespace {

/// After so long, the next end is the first again.
constexpr auto kLongLife = std::chrono::minutes(10);
/// So many crashes in a row with the same batch may be due to the batch.
constexpr std::uint64_t kManyCrashes = 3;

/// By a signal of its own doing, or an exception: whoever kills it doesn't mean the batch.
bool has_crashed(int status) {
    return WIFSIGNALED(status) ? WTERMSIG(status) != SIGKILL : WEXITSTATUS(status) != 0;
}

/// The child of the supervisor.
[[noreturn]] void run_sender(const Outbox& outbox, const SenderOptions& options,
                             const std::string& crashing, MainProcess& main,
                             pid_t supervisor) noexcept {
    exit_with([&] {
        ::prctl(PR_SET_NAME, "tcpdwell-sender");
        ::prctl(PR_SET_PDEATHSIG, SIGKILL); // two that send must not meet in one folder
        if (::getppid() != supervisor) return 0;
        options.in_child();
        return send_batches(outbox, options, crashing, main);
    });
}

class Supervisor {
public:
    Supervisor(const Outbox& outbox, const SenderOptions& options, MainProcess& main)
        : outbox_(outbox), options_(options), main_(main) {}

    int run() {
        while (true) {
            const auto began = std::chrono::steady_clock::now();
            const pid_t supervisor = ::getpid();
            const std::uint64_t sent_before = main_.page().sent_batches;
            const pid_t sender = ::fork();
            if (sender == 0) run_sender(outbox_, options_, crashing(), main_, supervisor);
            const int fork_error = errno;
            int status = 0;
            if (sender > 0) {
                while (::waitpid(sender, &status, 0) < 0 && errno == EINTR) {}
                take_back(status, main_.page().sent_batches != sent_before);
            }
            main_.page().is_busy = false;
            if (main_.is_over()) return 0;
            if (WIFEXITED(status) && WEXITSTATUS(status) == kCannotSend) return kCannotSend;
            if (std::chrono::steady_clock::now() - began >= kLongLife) failures_ = 0;
            wait_for_next(sender > 0
                              ? fmt::format("has ended ({})", end_text(status))
                              : fmt::format("can't be started ({})", std::strerror(fork_error)));
            if (main_.is_over()) return 0;
        }
    }

private:
    /// The batch that it had claimed. If each one crashes with it that has sent others, it would be
    /// in their way for ever.
    void take_back(int status, bool has_sent_others) {
        const auto claimed = outbox_.claimed();
        if (!claimed) return;
        if (has_crashed(status)) {
            if (*claimed == suspect_)
                ++crashes_;
            else if (crashes_ < kManyCrashes || !outbox_.find(suspect_))
                suspect_ = *claimed, crashes_ = 1;
            if (*claimed == suspect_ && crashes_ > kManyCrashes && has_sent_others &&
                reject(status))
                return;
        }
        outbox_.release(*claimed);
    }

    bool reject(int status) {
        const auto batch = BatchName::parse(suspect_);
        const std::string words =
            fmt::format("the process that sends has ended at each of {} tries ({}), while others "
                        "were accepted",
                        crashes_, end_text(status));
        const auto rejected = outbox_.reject(suspect_, words);
        if (!rejected || !batch) return false;
        spdlog::warn("a batch of {} rows, which is kept in {}/rejected, isn't sent: {}",
                     batch->rows, outbox_.path(), words);
        SharedPage& page = main_.page();
        ++page.rejected_batches;
        page.rejected_rows += batch->rows;
        page.removed_rows += rejected->removed_rows;
        crashes_ = 0;
        return true;
    }

    /// "": none.
    [[nodiscard]] std::string crashing() const {
        return crashes_ >= kManyCrashes ? suspect_ : std::string();
    }

    void wait_for_next(const std::string& what) {
        ++main_.page().failed_tries;
        const auto pause = main_.pause_after(++failures_, options_.restarts);
        spdlog::warn("the process that sends to {} {}; another one is started in {:.1f} s",
                     options_.server.who(), what,
                     std::chrono::duration<double>(pause.time).count());
        main_.pause(pause);
    }

    const Outbox& outbox_;
    const SenderOptions& options_;
    MainProcess& main_;
    std::uint64_t failures_ = 0;
    std::string suspect_; ///< a batch that processes crashed with
    std::uint64_t crashes_ = 0;
};

} // namespace

std::string end_text(int status) {
    return WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                               : fmt::format("exit status {}", WEXITSTATUS(status));
}

void run_supervisor(const Outbox& outbox, const SenderOptions& options, SharedPage& page, int line,
                    pid_t parent) noexcept {
    exit_with([&] {
        ::prctl(PR_SET_NAME, "tcpdwell-superv");
        // For both processes: what a terminal sends goes to the whole group, and the main process
        // decides.
        for (const int each :
             {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2})
            ::signal(each, SIG_IGN);
        ::signal(SIGCHLD, SIG_DFL); // an ignored one would make waitpid(2) fail
        MainProcess main(parent, line, page);
        if (::getppid() != parent) return 0;
        load_name_services(); // once: later they may be of another version than this program's
        options.in_supervisor();
        return Supervisor(outbox, options, main).run();
    });
}

} // namespace tcpdwell::store
