// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_copy.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/counted.h"
#include "base/log.h"
#include "base/pending_file.h"
#include "cli/output_file.h"
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
    IfExists if_exists = IfExists::refuse;
    bool anonymize = false;
    bool strict = false;
    bool quiet = false;
    bool verbose = false;
};

/// Where the copy goes; it takes the place of what is there when all has been written.
Result<PendingFile> open_copy(const CopyOptions& options, const std::vector<std::string>& inputs) {
    if (auto other = check_is_no_input(options.output, inputs); !other)
        return tl::unexpected(other.error());
    auto file = PendingFile::open(options.output, options.if_exists);
    if (file && ::isatty(file->fd()) == 1)
        return fail(ErrorCode::usage,
                    "a recording isn't for a terminal; give a file with -o, or a pipe");
    return file;
}

Result<std::unique_ptr<recording::RecordingWriter>> begin_copy(PendingFile& file,
                                                               const recording::Head& head) {
    std::uint64_t run = 0;
    if (::getrandom(&run, sizeof(run), 0) != sizeof(run)) {
        const int error = errno;
        return fail(ErrorCode::failed,
                    fmt::format("cannot number {}: {}", file.name(), std::strerror(error)), error);
    }
    return recording::RecordingWriter::begin(file.take_fd(), file.name(), recording::to_json(head),
                                             run | 1, 0, {});
}

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
        spdlog::warn("left out: {} of kind {}, which this version doesn't know",
                     counted(count, "record"), kind);
}

Result<int> run_copy(const CopyOptions& options) {
    start_logging(options.quiet ? -1 : options.verbose ? 1 : 0);
    const auto files = recording_files(options.recordings);
    if (!files) return tl::unexpected(files.error());
    auto source = recording::RecordingSource::open(*files);
    if (!source) return tl::unexpected(source.error());
    recording::Head head = (*source)->head();
    const auto window = options.window.resolve({head.clock, (*source)->end()}, wall_now());
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

    auto file = open_copy(options, *files);
    if (!file) return tl::unexpected(file.error());
    auto writer = begin_copy(*file, head);
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
    if (auto published = file->publish(); !published) return tl::unexpected(published.error());
    const recording::Damage damage = (*source)->damage();
    if (*copied > 0)
        spdlog::warn("{} from before the copied part dropped for want of room: facts, paths of "
                     "cgroups, or events of more than {} network namespaces",
                     counted(*copied, "record"), event::Decoder::kMostNamespaces);
    warn(damage, lost, anonymizer.get());
    spdlog::info("{} in {} bytes", counted((*writer)->totals().records, "record"),
                 (*writer)->totals().file_bytes);
    return options.strict && (lost + holes + *copied > 0 || damage.any()) ? 4 : 0;
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
    declare_force(app, options->if_exists);
    declare_window(app, options->window);
    app.add_flag("--anonymize", options->anonymize,
                 "Replace addresses and the names of host, boot and processes, leave out threads, "
                 "users and cgroups");
    app.add_flag("--strict", options->strict,
                 "Exit with status 4 if events were lost or the recording is damaged");
    app.add_flag("-q,--quiet", options->quiet, "No summary on stderr, only warnings");
    app.add_flag("-v,--verbose", options->verbose, "Print more on stderr");
    app.footer(
        "Examples:\n"
        "  tcpdwell copy -r day.tdw -o incident.tdw --since 18:04 --until 18:10\n"
        "  tcpdwell copy -r incident.tdw -o public.tdw --anonymize\n"
        "  ssh host cat run.tdw | tcpdwell copy -r - -o - --until +5m \\\n"
        "      | tcpdwell report -r -\n"
        "\nRecords are copied as they are. A copy that begins later than the original is headed by "
        "a listing of the "
        "sockets that existed then, with their owners.\n"
        "\n--anonymize: addresses of one network stay in one network, by a random key that nobody "
        "keeps; those of 127.0.0.0/8, ::1 and the unspecified ones stay. Kept: times, ports, "
        "process ids, sysctls, kernel release, numbers of namespaces and cgroups.\n"
        "Exit status: 0 fine, 1 failed, 2 bad usage, 4 events lost or damage (--strict).");
    return [options] { return run_copy(*options); };
}

} // namespace tcpdwell::cli
