// SPDX-License-Identifier: Apache-2.0
// Command lines, and the page's way to answer.
#include "browser.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>
#include <vector>

#include "support/program.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kLimit = 60s;

std::string contents(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::filesystem::path& file, const std::string& text) {
    std::ofstream out(file, std::ios::binary);
    out << text;
    if (!out.flush()) throw std::runtime_error("can't write " + file.string());
}

std::string from_hex(const std::string& digits) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    return bytes;
}

/// Runs Chromium on folder/`file` with `options`; what it prints. It has a fresh profile, and no
/// reason to use the network.
std::string chromium(const std::filesystem::path& folder, const std::string& file, const View& view,
                     const std::vector<std::string>& options) {
    std::vector<std::string> words = {
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--hide-scrollbars", "--disable-dev-shm-usage",
        "--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir=" + (folder / "profile").string(),
        "--window-size=" + std::to_string(view.width) + "," + std::to_string(view.height),
        // 0 is dark, 1 is light: blink's mojom::PreferredColorScheme
        std::string("--blink-settings=preferredColorScheme=") + (view.dark ? "0" : "1")};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back("file://" + (folder / file).string());
    Program::Setting setting;
    setting.before_exec = [] {
        setpgid(0, 0); // Chromium's other processes are of its group
        dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    };
    Program browser(words, setting);
    const pid_t group = browser.pid();
    const int status = browser.wait(kLimit);
    kill(-group, SIGKILL); // should any be left
    if (status == 127)
        throw std::runtime_error("chromium can't be run; scripts/install-deps test installs it. " +
                                 browser.said());
    if (status != 0)
        throw std::runtime_error("chromium failed, or took longer than a minute: " +
                                 browser.said());
    return browser.printed();
}

/// `page` with `script` at its end, which the page's policy allows by its hash like the page's own.
std::string with_script(std::string page, const std::string& script) {
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, reinterpret_cast<const unsigned char*>(script.data()), script.size());
    char base64[sodium_base64_ENCODED_LEN(sizeof hash, sodium_base64_VARIANT_ORIGINAL)];
    sodium_bin2base64(base64, sizeof base64, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
    const std::string end = "</body>", policy = "script-src ";
    const std::size_t at = page.rfind(end);
    const std::size_t allowed = page.find(policy);
    if (at == std::string::npos) throw std::runtime_error("the page has no </body>");
    if (allowed == std::string::npos) throw std::runtime_error("the page has no policy");
    page.insert(at, "<script>" + script + "</script>");
    page.insert(allowed + policy.size(), "'sha256-" + std::string(base64) + "' ");
    return page;
}

} // namespace

nlohmann::json evaluate_in(const std::string& page, const std::string& script, const View& view) {
    const std::string probe =
        "(async () => {" + script +
        "})().then((value) => ({ value }), (error) => ({ error: String(error) }))"
        ".then((answer) => parent.postMessage(JSON.stringify(answer), '*'));";
    // The page is looked at in a frame, as a window can't be as narrow as a telephone. Its answer
    // travels as an attribute, in hexadecimal digits, which the dump can't alter. The dump waits
    // for virtual time to run out, and so for the script.
    const std::string around = "<!doctype html><script>addEventListener('message', (event) => {"
                               "const bytes = new TextEncoder().encode(event.data);"
                               "document.documentElement.dataset.answer = Array.from(bytes, (b) => "
                               "b.toString(16).padStart(2, '0')).join('');"
                               "});</script><iframe style='border: 0; width: " +
                               std::to_string(view.width) +
                               "px; height: " + std::to_string(view.height) + "px' src='page.html" +
                               (view.fragment.empty() ? "" : "#" + view.fragment) + "'></iframe>";
    const TemporaryFolder folder;
    write(folder.path() / "page.html", with_script(page, probe));
    write(folder.path() / "around.html", around);
    const std::string dump =
        chromium(folder.path(), "around.html", view, {"--virtual-time-budget=5000", "--dump-dom"});
    const std::string attribute = "data-answer=\"";
    const std::size_t begin = dump.find(attribute);
    if (begin == std::string::npos)
        throw std::runtime_error("no answer from the page: " + dump.substr(0, 2000));
    const std::size_t from = begin + attribute.size();
    const nlohmann::json answer =
        nlohmann::json::parse(from_hex(dump.substr(from, dump.find('"', from) - from)));
    if (answer.contains("error"))
        throw std::runtime_error("the test's script failed: " + answer["error"].get<std::string>());
    return answer.value("value", nlohmann::json());
}

Printed print_page(const std::string& page) {
    const TemporaryFolder folder;
    write(folder.path() / "page.html", page);
    const auto start = Clock::now();
    const std::filesystem::path pdf = folder.path() / "page.pdf";
    chromium(folder.path(), "page.html", {},
             {"--no-pdf-header-footer", "--print-to-pdf=" + pdf.string()});
    return {contents(pdf), Clock::now() - start};
}

int page_count(const std::string& pdf) {
    const std::regex page("/Type\\s*/Page[^s]");
    return static_cast<int>(
        std::distance(std::sregex_iterator(pdf.begin(), pdf.end(), page), std::sregex_iterator()));
}

} // namespace tcpdwell::test
