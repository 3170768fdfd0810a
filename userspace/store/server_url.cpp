// SPDX-License-Identifier: Apache-2.0
#include "store/server_url.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>

#include "base/text.h"

namespace tcpdwell::store {
namespace {

constexpr std::uint16_t kPlainPort = 8123;
constexpr std::uint16_t kEncryptedPort = 8443;
constexpr std::size_t kLongestIdentifier = 64;

using ParsedUrl = std::unique_ptr<CURLU, decltype(&::curl_url_cleanup)>;

tl::unexpected<Error> no_server_url(std::string_view why) {
    return fail(ErrorCode::usage,
                fmt::format("{}; ClickHouse's URL looks like http://HOST:8123/DATABASE or "
                            "https://USER:PASSWORD@HOST:8443/DATABASE",
                            why));
}

std::optional<std::string> url_part(const ParsedUrl& url, CURLUPart part, unsigned flags = 0) {
    char* text = nullptr;
    if (::curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return std::nullopt;
    const std::unique_ptr<char, decltype(&::curl_free)> owner(text, &::curl_free);
    return std::string(text);
}

/// Printable ASCII without what ends a line or a header.
bool is_header_text(const std::string& text) {
    return std::all_of(text.begin(), text.end(),
                       [](unsigned char c) { return c >= 0x20 && c != 0x7F; });
}

} // namespace

bool is_sql_identifier(const std::string& name) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !name.empty() && name.size() <= kLongestIdentifier && is_letter(name.front()) &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

Result<ServerUrl> ServerUrl::parse(const std::string& url) {
    const ParsedUrl parsed(::curl_url(), &::curl_url_cleanup);
    // The password is never shown, and so nothing of what stands before an @ is.
    const std::size_t at = url.rfind('@');
    const std::string shown = printable(at == std::string::npos ? url : "..." + url.substr(at));
    if (!parsed || url.find('\0') != std::string::npos ||
        ::curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
            CURLUE_OK)
        return no_server_url(fmt::format("'{}' is no URL", shown));
    const auto scheme = url_part(parsed, CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https")
        return no_server_url(fmt::format("'{}' is neither http nor https", shown));
    if (url_part(parsed, CURLUPART_QUERY) || url_part(parsed, CURLUPART_FRAGMENT))
        return no_server_url(fmt::format("'{}' has something after the database", shown));
    ServerUrl server;
    server.is_encrypted = scheme == "https";
    server.host = url_part(parsed, CURLUPART_HOST).value_or("");
    if (server.host.size() > 2 && server.host.front() == '[')
        server.host = server.host.substr(1, server.host.size() - 2);
    if (const auto zone = url_part(parsed, CURLUPART_ZONEID)) server.host += "%25" + *zone;
    server.port = server.is_encrypted ? kEncryptedPort : kPlainPort;
    if (const auto port = url_part(parsed, CURLUPART_PORT))
        std::from_chars(port->data(), port->data() + port->size(), server.port);
    server.database = url_part(parsed, CURLUPART_PATH).value_or("/").substr(1);
    server.user = url_part(parsed, CURLUPART_USER, CURLU_URLDECODE).value_or("");
    server.password = url_part(parsed, CURLUPART_PASSWORD, CURLU_URLDECODE).value_or("");
    if (server.host.empty()) return no_server_url(fmt::format("'{}' names no host", shown));
    if (server.port == 0) return no_server_url(fmt::format("'{}' has no port that can be", shown));
    if (server.database.empty()) return no_server_url(fmt::format("'{}' names no database", shown));
    if (!is_sql_identifier(server.database))
        return no_server_url(fmt::format("'{}' is no name of a database: letters, digits and "
                                         "underscores, at most {}",
                                         printable(server.database), kLongestIdentifier));
    // libcurl decodes none that has some.
    if ((server.user.empty() && !url_part(parsed, CURLUPART_USER).value_or("").empty()) ||
        (server.password.empty() && !url_part(parsed, CURLUPART_PASSWORD).value_or("").empty()))
        return no_server_url("user and password may have no control characters");
    return server;
}

Result<ServerUrl> ServerUrl::from_user(const std::string& url) {
    auto server = parse(url);
    if (!server || !server->user.empty()) return server;
    if (const char* user = std::getenv("CLICKHOUSE_USER")) server->user = user;
    if (const char* password = std::getenv("CLICKHOUSE_PASSWORD")) server->password = password;
    if (!is_header_text(server->user) || !is_header_text(server->password))
        return fail(ErrorCode::usage,
                    "CLICKHOUSE_USER and CLICKHOUSE_PASSWORD may have no control characters");
    return server;
}

std::string ServerUrl::address() const {
    const bool needs_brackets = host.find(':') != std::string::npos;
    return fmt::format("{}://{}{}{}:{}", is_encrypted ? "https" : "http", needs_brackets ? "[" : "",
                       host, needs_brackets ? "]" : "", port);
}

std::string ServerUrl::text() const { return address() + "/" + database; }

} // namespace tcpdwell::store
