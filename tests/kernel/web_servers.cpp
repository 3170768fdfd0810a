// SPDX-License-Identifier: Apache-2.0
// Configurations, and the wait for them to take effect.
#include "web_servers.h"

#include <netinet/tcp.h>
#include <signal.h>

#include <fstream>
#include <stdexcept>

#include "sockets.h"
#include "support/moment.h"

namespace tcpdwell::test {

namespace {

constexpr auto kPatience = std::chrono::seconds(20);
constexpr std::uintmax_t kMuch = 64 << 20;

// Every path that nginx would choose otherwise belongs to the system's nginx.
constexpr const char* kNginxText = R"(
daemon off;
user root;
worker_processes 2;
pid nginx.pid;
error_log stderr;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    scgi_temp_path scgi;
    uwsgi_temp_path uwsgi;
    root files;
    reset_timedout_connection on;
    keepalive_requests 5;
    server {
        listen 127.0.0.1:8081;
        listen [::1]:8081;
        keepalive_timeout 1;
        location /slow { limit_rate 1m; }
        location /dropped { reset_timedout_connection off; return 444; }
        location /reset { return 444; }
    }
    server {
        listen 127.0.0.1:8082;
        listen [::1]:8082;
        keepalive_timeout 0;
        location /slow { limit_rate 1m; }
        location /dropped { reset_timedout_connection off; return 444; }
        location /reset { return 444; }
    }
}
)";

constexpr const char* kHaproxyText = R"(
global
    maxconn 1000
defaults
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    timeout http-keep-alive 300ms
frontend keeping
    mode http
    bind 127.0.0.1:8090
    bind [::1]:8090
    default_backend nginx
frontend closing
    mode http
    option httpclose
    bind 127.0.0.1:8091
    bind [::1]:8091
    default_backend nginx
frontend copying
    mode tcp
    bind 127.0.0.1:8092
    bind [::1]:8092
    default_backend bytes
backend nginx
    mode http
    server nginx 127.0.0.1:8081
backend bytes
    mode tcp
    server nginx [::1]:8081
)";

void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    if (!file.flush()) throw std::runtime_error("can't write " + path.string());
}

// Without a connection that somebody would count.
bool is_listening(std::uint16_t port) { return listed_state(port, 0) == TCP_LISTEN; }

void await_listening(Program& server, std::initializer_list<std::uint16_t> ports) {
    const nanoseconds deadline = monotonic_now() + kPatience;
    for (const std::uint16_t port : ports)
        for (; !is_listening(port); pause(10ms))
            if (monotonic_now() > deadline)
                throw std::runtime_error("nobody listens at port " + std::to_string(port) + ": " +
                                         server.said());
}

} // namespace

WebServers::WebServers(const std::filesystem::path& folder) {
    std::filesystem::create_directory(folder / "files");
    write(folder / "files/small", std::string(1024, 'x'));
    write(folder / "files/slow", "");
    std::filesystem::resize_file(folder / "files/slow", kMuch);
    write(folder / "nginx.conf", kNginxText);
    write(folder / "haproxy.cfg", kHaproxyText);
    nginx_.emplace(
        std::vector<std::string>{find_program("nginx"), "-p", folder, "-c", "nginx.conf"});
    await_listening(*nginx_, {kNginx, kNginxOnce});
    haproxy_.emplace(
        std::vector<std::string>{find_program("haproxy"), "-db", "-f", folder / "haproxy.cfg"});
    await_listening(*haproxy_, {kProxy, kProxyOnce, kProxyBytes});
}

std::string WebServers::stop() {
    std::string wrong;
    if (haproxy_->stop(SIGUSR1, kPatience) != 0) wrong += "haproxy: " + haproxy_->said();
    if (nginx_->stop(SIGQUIT, kPatience) != 0) wrong += "nginx: " + nginx_->said();
    return wrong;
}

} // namespace tcpdwell::test
