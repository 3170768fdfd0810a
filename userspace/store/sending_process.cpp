// SPDX-License-Identifier: Apache-2.0
#include "store/sending_process.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "base/log.h"
#include "store/batch_name.h"

namespace tcpdwell::store {
namespace {

std::string_view advice_for(SendTrouble trouble, ServerKind kind) {
    if (kind == ServerKind::otlp)
        return trouble == SendTrouble::other_service
                   ? "; is this the URL of a receiver of OTLP over HTTP?"
                   : "";
    switch (trouble) {
    case SendTrouble::credentials:
        return "; give a user that may insert: in the URL, or CLICKHOUSE_USER and "
               "CLICKHOUSE_PASSWORD";
    case SendTrouble::no_table:
        return "; create the tables: tcpdwell export --schema | clickhouse-client -n";
    case SendTrouble::other_service: return "; is this the URL of ClickHouse's HTTP interface?";
    default: return "";
    }
}

/// A batch that the server has refused as often isn't the next any more.
constexpr std::uint64_t kSuspicious = 8;

class SendingProcess {
public:
    SendingProcess(Outbox outbox, const SenderOptions& options, const std::string& crashing,
                   MainProcess& main)
        : outbox_(std::move(outbox)), options_(options), main_(main),
          page_(main.page()), suspect_{.name = crashing, .crashes = !crashing.empty()} {
        options_.client.is_stopped = [this] { return main_.is_over(); };
    }

    int run() {
        auto client = Client::open(options_.server, options_.client);
        if (!client) {
            print_error(client.error().message);
            return kCannotSend;
        }
        while (!main_.is_over()) {
            if (queue_.empty() && !look_around()) continue;
            const std::string name = take_next();
            page_.is_busy = true;
            const SendAnswer answer = send(*client, name);
            page_.is_busy = false;
            main_.report_progress();
            if (answer.outcome != SendOutcome::not_now) continue;
            if (answer.trouble == SendTrouble::no_table) leave_table_out(name);
            note_failure(answer.trouble, answer.words);
            if (answer.trouble != SendTrouble::no_table || queue_.empty())
                back_off(answer.retry_after);
        }
        return 0;
    }

private:
    /// False after waiting: there was nothing to do.
    bool look_around() {
        const auto names = outbox_.names();
        if (!names) {
            note_failure(SendTrouble::unreadable, names.error().message);
            back_off();
            return false;
        }
        queue_.assign(names->begin(), names->end());
        if (std::find(queue_.begin(), queue_.end(), suspect_.name) == queue_.end()) suspect_ = {};
        // Of what the spool has dropped meanwhile, nobody knows whether it has a table now.
        std::erase_if(missing_, [this](const std::string& table) {
            return std::ranges::none_of(queue_, [&](const std::string& name) {
                const auto batch = BatchName::parse(name);
                return batch && batch->table == table;
            });
        });
        if (!queue_.empty()) return true;
        main_.report_progress();
        main_.wait(std::nullopt);
        return false;
    }

    /// The oldest; or another one, to see whether it is the oldest alone that fails.
    std::string take_next() {
        auto next = queue_.begin();
        if (*next == suspect_.name && suspect_.is_suspicious() && !suspect_.others_pass &&
            queue_.size() > 1)
            next += static_cast<std::ptrdiff_t>(1 + failures_ % (queue_.size() - 1));
        std::string name = std::move(*next);
        queue_.erase(next);
        return name;
    }

    /// An error of the server's own at each try, while others are accepted: it is the batch's after
    /// all, and would be in the way of all others for ever.
    bool is_beyond_doubt(const std::string& name, const SendAnswer& answer) {
        if (!answer.may_be_batch) return false;
        if (name == suspect_.name)
            ++suspect_.tries;
        else if (!suspect_.is_suspicious())
            suspect_ = {.name = name, .tries = 1};
        return name == suspect_.name && suspect_.others_pass && suspect_.tries >= kSuspicious;
    }
    void note_accepted(const std::string& name) {
        if (name == suspect_.name) suspect_ = {};
        if (!suspect_.is_suspicious()) return;
        suspect_.others_pass = true;
        queue_.clear(); // once more, at once: the server may have recovered meanwhile
    }

    static SendAnswer unreadable(const Error& error) {
        return {SendOutcome::not_now, SendTrouble::unreadable, error.message, false};
    }

    /// Refused: it has been set aside, or was dropped meanwhile.
    SendAnswer send(Client& client, const std::string& name) {
        const auto parsed = BatchName::parse(name);
        const auto is_claimed = outbox_.claim(name);
        if (!is_claimed) return unreadable(is_claimed.error());
        if (!*is_claimed || !parsed)
            return {SendOutcome::refused, SendTrouble::none, "", false}; // gone
        const auto bytes = outbox_.read(name);
        if (!bytes) {
            const int error = bytes.error().error_number;
            if (error == EFBIG || error == EIO) // about this file alone
                return reject(name, *parsed, bytes.error().message);
            outbox_.release(name);
            return unreadable(bytes.error());
        }
        SendAnswer answer = client.insert(parsed->table, parsed->id(), *bytes);
        if (answer.outcome == SendOutcome::not_now) {
            if (is_beyond_doubt(name, answer))
                return reject(name, *parsed,
                              fmt::format("{} (at each of {} tries, while others were accepted)",
                                          answer.words, suspect_.tries));
            outbox_.release(name);
            return answer;
        }
        end_trouble(parsed->table);
        if (answer.outcome == SendOutcome::refused) return reject(name, *parsed, answer.words);
        outbox_.remove(name);
        const std::uint64_t rejected = std::min<std::uint64_t>(answer.rejected_rows, parsed->rows);
        ++page_.sent_batches;
        page_.sent_rows += parsed->rows - rejected;
        if (rejected != 0)
            note_rejected_rows(rejected, parsed->rows, answer.words);
        else if (options_.server.kind == ServerKind::otlp && !answer.words.empty())
            note_warning(answer.words);
        note_accepted(name);
        return answer;
    }

    SendAnswer reject(const std::string& name, const BatchName& batch, const std::string& words) {
        const auto rejected = outbox_.reject(name, words);
        if (!rejected) {
            outbox_.release(name);
            return unreadable(rejected.error());
        }
        if (page_.rejected_batches++ == 0)
            spdlog::warn("{} refuses a batch of {} rows, which is kept in "
                         "{}/rejected, as all later ones will be: {}",
                         options_.server.who(), batch.rows, outbox_.path(), shortened(words));
        page_.rejected_rows += batch.rows;
        page_.removed_rows += rejected->removed_rows;
        return {SendOutcome::refused, SendTrouble::none, "", false};
    }

    /// Which ones they are isn't said, and none of them is to be sent again (OTLP, "Partial
    /// success").
    void note_rejected_rows(std::uint64_t rejected, std::uint64_t all, const std::string& words) {
        if (page_.rejected_rows.fetch_add(rejected) == 0)
            spdlog::warn("{} takes a batch without {} of its {} rows, which are lost, as others "
                         "may be: {}",
                         options_.server.who(), rejected, all, shortened(words));
    }

    /// Of a batch that it has accepted, all of it; a hundred a minute would say no more than one.
    void note_warning(const std::string& words) {
        if (!std::exchange(has_warned_, true))
            spdlog::warn("{} accepts what is sent, and says: {}", options_.server.who(),
                         shortened(words));
    }

    static std::string_view shortened(std::string_view words) {
        constexpr std::size_t kInTheLog = 500;
        return words.substr(0, kInTheLog);
    }

    /// Batches of other tables needn't wait for one that isn't there yet, as after an upgrade.
    void leave_table_out(const std::string& name) {
        const auto batch = BatchName::parse(name);
        if (!batch) return;
        missing_.insert(batch->table);
        std::erase_if(queue_, [&](const std::string& other) {
            const auto parsed = BatchName::parse(other);
            return parsed && parsed->table == batch->table;
        });
    }

    void note_failure(SendTrouble trouble, const std::string& words) {
        if (trouble == SendTrouble::stopped) return; // the end has come
        ++page_.failed_tries;
        page_.trouble = trouble;
        if (said_[trouble])
            spdlog::debug("{}", words);
        else if (trouble == SendTrouble::unreadable)
            spdlog::warn("{}; nothing is sent until it can be read", words);
        else
            spdlog::warn("cannot send to {}: {}{}; rows wait in {}", options_.server.who(),
                         shortened(words), advice_for(trouble, options_.server.kind),
                         outbox_.path());
        said_[trouble] = true;
    }
    void back_off(Nanoseconds retry_after = {}) {
        queue_.clear(); // the oldest comes first again, unless it is dropped meanwhile
        if (!main_.is_over())
            main_.pause(main_.pause_after(++failures_, options_.back_off, retry_after));
    }

    /// The server has answered for that table.
    void end_trouble(const std::string& table) {
        missing_.erase(table);
        failures_ = 0;
        page_.trouble = missing_.empty() ? SendTrouble::none : SendTrouble::no_table;
        EnumArray<SendTrouble, bool> goes_on;
        goes_on[SendTrouble::no_table] = !missing_.empty();
        if (std::equal(said_.begin(), said_.end(), goes_on.begin())) return;
        said_ = goes_on;
        const auto names = outbox_.names();
        spdlog::warn("{} answers again; {} batches wait", options_.server.who(),
                     names && !names->empty() ? names->size() - 1 : 0); // without this one
    }

    /// The oldest batch, if the server answers it with an error of its own; or one that processes
    /// before this one crashed with.
    struct Suspect {
        std::string name;
        std::uint64_t tries = 0;
        bool crashes = false;
        bool others_pass = false; // one was accepted since

        [[nodiscard]] bool is_suspicious() const { return crashes || tries >= kSuspicious; }
    };

    Outbox outbox_;
    SenderOptions options_;
    MainProcess& main_;
    SharedPage& page_;
    std::deque<std::string> queue_;
    Suspect suspect_;
    std::set<std::string> missing_; // tables that the server lacks
    std::uint64_t failures_ = 0;
    EnumArray<SendTrouble, bool> said_;
    bool has_warned_ = false; // by the server, of what it accepts
};

} // namespace

// A module that is missing here is missing in the C library too.
void load_name_services() {
#ifndef TCPDWELL_STATIC
    std::ifstream file("/etc/nsswitch.conf");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line.substr(0, line.find('#')));
        std::string word;
        if (!(words >> word) || word != "hosts:") continue;
        while (words >> word)
            if (std::all_of(word.begin(), word.end(), [](char c) {
                    return (c >= 'a' && c <= 'z') || c == '_' || c == '4' || c == '6';
                }))
                ::dlopen(fmt::format("libnss_{}.so.2", word).c_str(), RTLD_NOW | RTLD_GLOBAL);
    }
#endif
}

int send_batches(Outbox outbox, const SenderOptions& options, const std::string& crashing,
                 MainProcess& main) {
    return SendingProcess(std::move(outbox), options, crashing, main).run();
}

} // namespace tcpdwell::store
