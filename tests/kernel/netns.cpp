// SPDX-License-Identifier: Apache-2.0
// Namespaces, addresses and routes by unshare(2) and the old ioctls, which need no netlink.
#include "netns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "sockets.h"

namespace tcpdwell::test {

namespace {

sockaddr ip_address(const char* text) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    inet_pton(AF_INET, text, &in.sin_addr);
    sockaddr result{};
    std::memcpy(&result, &in, sizeof in);
    return result;
}

ifreq request_for(const char* interface) {
    ifreq request{};
    std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    return request;
}

std::string sysctl_path(std::string_view name) { return "/proc/sys/net/" + std::string(name); }

} // namespace

void enter_new_netns() {
    check(unshare(CLONE_NEWNET), "unshare(CLONE_NEWNET)");
    const Fd control(check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
    ifreq request = request_for("lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    check(ioctl(control.get(), SIOCSIFFLAGS, &request), "lo up");
}

std::uint32_t current_netns() {
    struct stat status {};
    check(stat("/proc/thread-self/ns/net", &status), "stat ns/net");
    return static_cast<std::uint32_t>(status.st_ino);
}

void add_phantom_network() {
    const Fd control(check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
    ifreq address = request_for("lo:1");
    address.ifr_addr = ip_address("10.9.0.1");
    check(ioctl(control.get(), SIOCSIFADDR, &address), "address of lo:1");
    // A shorter mask would make the whole network local to the loopback device.
    address.ifr_netmask = ip_address("255.255.255.255");
    check(ioctl(control.get(), SIOCSIFNETMASK, &address), "netmask of lo:1");
    char device[] = "lo";
    rtentry route{};
    route.rt_dst = ip_address("10.9.9.0");
    route.rt_genmask = ip_address("255.255.255.0");
    route.rt_flags = RTF_UP;
    route.rt_dev = device;
    check(ioctl(control.get(), SIOCADDRT, &route), "route to 10.9.9.0/24");
}

void write_sysctl(std::string_view name, const std::string& value) {
    const std::string path = sysctl_path(name);
    const Fd file(check(open(path.c_str(), O_WRONLY | O_CLOEXEC), path.c_str()));
    check(write(file.get(), value.data(), value.size()), path.c_str());
}

bool has_sysctl(std::string_view name) { return access(sysctl_path(name).c_str(), F_OK) == 0; }

} // namespace tcpdwell::test
