// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/log.h"
#include "cli/view_run.h"
#include "cli/window_options.h"
#include "event/record.h"
#include "recording/anonymizer.h"
#include "recording/writer.h"
#include "run/copier.h"

namespace tcpdwell::cli {
namespace {

struct CopyOptions {
    std::vector<std::string> recordings;
    std::string output;
    run::WindowOptions window;
    bool anonymize = false;
    bool strict = false;
    bool quiet = false;
    bool verbose = false;
};

tl::unexpected<Error> cannot(std::string_view doing, const std::string& path) {
    const int error = errno;
    return fail(ErrorCode::failed,
                fmt::format("cannot {} {}: {}", doing, path, std::strerror(error)), error);
}

/// Where the copy goes: into a file beside the one that is wanted, which takes its place when all
/// has been written. A pipe or a device is written to as it is.
class CopyFile {
public:
    static Result<CopyFile> open(const std::string& path, const std::vector<std::string>& inputs) {
        if (path == "-")
            return from(Fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)), "standard output", "",
                        inputs);
        struct stat there {};
        const bool exists = ::stat(path.c_str(), &there) == 0;
        if (exists && !S_ISREG(there.st_mode))
            return from(Fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC)), path, "", inputs);
        if (exists)
            if (auto other = is_other(there, path, inputs); !other)
                return tl::unexpected(other.error());
        std::string beside = path + ".XXXXXX";
        Fd fd(::mkostemp(beside.data(),
                         O_CLOEXEC)); // mode 0600: ports and process ids must stay private
        return from(std::move(fd), path, std::move(beside), inputs);
    }
    CopyFile(CopyFile&& other) noexcept
        : fd_(std::move(other.fd_)), path_(std::move(other.path_)),
          beside_(std::exchange(other.beside_, {})) {}
    CopyFile& operator=(CopyFile&&) = delete;
    ~CopyFile() {
        if (!beside_.empty()) ::unlink(beside_.c_str());
    }

    Result<std::unique_ptr<recording::RecordingWriter>> begin(const recording::Head& head) {
        std::uint64_t run = 0;
        if (::getrandom(&run, sizeof(run), 0) != sizeof(run)) return cannot("number", path_);
        return recording::RecordingWriter::begin(std::move(fd_), path_, recording::to_json(head),
                                                 run | 1, 0, {});
    }
    Result<void> keep() {
        if (!beside_.empty() && ::rename(beside_.c_str(), path_.c_str()) != 0)
            return cannot("write", path_);
        beside_.clear();
        return {};
    }

private:
    CopyFile(Fd fd, std::string path, std::string beside)
        : fd_(std::move(fd)), path_(std::move(path)), beside_(std::move(beside)) {}

    static Result<CopyFile> from(Fd fd, std::string path, std::string beside,
                                 const std::vector<std::string>& inputs) {
        if (!fd) return cannot("write", path);
        CopyFile file(std::move(fd), std::move(path), std::move(beside));
        if (::isatty(file.fd_.get()) == 1)
            return fail(ErrorCode::usage,
                        "a recording isn't for a terminal; give a file with -o, or a pipe");
        struct stat out {};
        if (::fstat(file.fd_.get(), &out) != 0) return cannot("write", file.path_);
        if (auto other = is_other(out, file.path_, inputs); !other)
            return tl::unexpected(other.error());
        return file;
    }

    /// Whether the output isn't one of the inputs.
    static Result<void> is_other(const struct stat& out, const std::string& path,
                                 const std::vector<std::string>& inputs) {
        for (const std::string& input : inputs) {
            struct stat in {};
            const bool is_known =
                (input == "-" ? ::fstat(STDIN_FILENO, &in) : ::stat(input.c_str(), &in)) == 0;
            if (is_known && S_ISREG(out.st_mode) && in.st_dev == out.st_dev &&
                in.st_ino == out.st_ino)
                return fail(
                    ErrorCode::usage,
                    fmt::format("{} is {}, which is to be copied; give another file", path, input));
        }
        return {};
    }

    Fd fd_;
    std::string path_;
    std::string beside_; ///< the file that is written meanwhile; "": path_ itself
};

void warn(const recording::Damage& damage, std::uint64_t lost,
          const recording::Anonymizer* anonymizer) {
    if (lost > 0) spdlog::warn("events were lost when this was recorded");
    if (damage.any())
        spdlog::warn("the recording is damaged: {}; what is intact was copied", describe(damage));
    else if (damage.cut_off)
        spdlog::warn(
            "the recording has no end: it is still being written, or its writer was killed");
    if (!anonymizer) return;
    for (const auto& [kind, count] : anonymizer->not_understood())
        spdlog::warn("{} records of kind {} were left out: this version doesn't know this kind",
                     count, kind);
}

Result<int> run_copy(const CopyOptions& options) {
    start_logging(options.quiet ? -1 : options.verbose ? 1 : 0);
    const auto files = recording_files(options.recordings);
    if (!files) return tl::unexpected(files.error());
    auto source = recording::RecordingSource::open(*files);
    if (!source) return tl::unexpected(source.error());
    recording::Head head = (*source)->head();
    const auto window = options.window.resolve({head.clock, (*source)->end()});
    if (!window) return tl::unexpected(window.error());
    (*source)->set_options({0, window->since, window->until});
    std::unique_ptr<recording::Anonymizer> anonymizer;
    if (options.anonymize) {
        auto created = recording::Anonymizer::create();
        if (!created) return tl::unexpected(created.error());
        anonymizer = std::move(*created);
        head = anonymizer->anonymous(head);
    }
    head.copied = true;
    head.sequence = 0;
    if (window->since) head.clock = {*window->since, head.clock.to_wall(*window->since), 0, 0};

    auto file = CopyFile::open(options.output, *files);
    if (!file) return tl::unexpected(file.error());
    auto writer = file->begin(head);
    if (!writer) return tl::unexpected(writer.error());
    std::uint64_t lost = 0;
    std::uint64_t holes = 0;
    const auto copied =
        copy(**source, *window, [&](std::span<const std::byte> record) -> Result<void> {
            lost = std::max(lost, event::lost_in(record));
            if (event::read_header(record).kind == TD_GAP) ++holes;
            if (!anonymizer) return (*writer)->write(record);
            const auto anonymous = anonymizer->anonymous(record);
            return anonymous ? (*writer)->write(*anonymous) : Result<void>();
        });
    if (!copied && copied.error().error_number == EPIPE && options.output == "-")
        return 0; // the reader has closed the pipe
    if (!copied) return tl::unexpected(copied.error());
    if (auto ended = (*writer)->end(); !ended) return tl::unexpected(ended.error());
    if (auto kept = file->keep(); !kept) return tl::unexpected(kept.error());
    const recording::Damage damage = (*source)->damage();
    warn(damage, lost, anonymizer.get());
    spdlog::info("{} records in {} bytes", (*writer)->totals().records,
                 (*writer)->totals().file_bytes);
    return options.strict && (lost + holes > 0 || damage.any()) ? 4 : 0;
}

} // namespace

Action define_copy(CLI::App& app) {
    auto options = std::make_shared<CopyOptions>();
    app.add_option("-r,--read", options->recordings,
                   "The recordings to copy, or folders of them; several segments become one")
        ->type_name("FILE...")
        ->required();
    app.add_option("-o,--output", options->output, "File to write; - is standard output")
        ->type_name("FILE")
        ->required();
    declare_window(app, options->window);
    app.add_flag("--anonymize", options->anonymize,
                 "Replace addresses and the names of host and boot, leave out names of processes, "
                 "users and cgroups");
    app.add_flag("--strict", options->strict,
                 "Exit with status 4 if events were lost or the recording is damaged");
    app.add_flag("-q,--quiet", options->quiet, "No summary on stderr, only warnings");
    app.add_flag("-v,--verbose", options->verbose, "Print more on stderr");
    app.footer(
        "Examples:\n"
        "  tcpdwell copy -r day.tdw -o incident.tdw --since 18:04 --until 18:10\n"
        "  tcpdwell copy -r incident.tdw -o public.tdw --anonymize\n"
        "  ssh host cat run.tdw | tcpdwell copy -r - -o - --until +5m | tcpdwell report -r -\n"
        "\nRecords are copied as they are. A copy that begins later than the original is headed by "
        "a listing of the\n"
        "sockets that existed then, with their owners.\n"
        "\n--anonymize: addresses of one network stay in one network, by a random key that nobody "
        "keeps; those of\n"
        "127.0.0.0/8, ::1 and the unspecified ones stay. Kept: times, ports, process ids, sysctls, "
        "kernel release,\n"
        "numbers of namespaces and cgroups. Exit status: 0 fine, 1 failed, 2 bad usage, 4 events "
        "lost or damage\n"
        "(--strict).");
    return [options] { return run_copy(*options); };
}

} // namespace tcpdwell::cli
