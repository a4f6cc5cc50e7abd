#!/usr/bin/env python3
"""Counts UDP datagrams on `lo` with a packet socket, independent of the program under test.

Prints `ready`, then, when standard input closes, one JSON object: for each (source address:port,
destination address:port) the number of datagrams and bytes. Only pairs with a watched address
(arguments) count. Needs root (CAP_NET_RAW).
"""
import collections
import json
import select
import socket
import struct
import sys

ETH_P_ALL = 3
PACKET_OUTGOING = 4
watched = set(sys.argv[1:])
flows = collections.defaultdict(lambda: [0, 0])
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
raw.bind(("lo", 0))
print("ready", flush=True)


def count(frame):
    if len(frame) < 42 or struct.unpack("!H", frame[12:14])[0] != 0x0800 or frame[23] != 17:
        return
    header = 14 + (frame[14] & 15) * 4
    source, destination = socket.inet_ntoa(frame[26:30]), socket.inet_ntoa(frame[30:34])
    if source not in watched and destination not in watched:
        return
    source_port, destination_port, length = struct.unpack("!HHH", frame[header:header + 6])
    flow = flows[f"{source}:{source_port} {destination}:{destination_port}"]
    flow[0] += 1
    flow[1] += length - 8


running = True
while running:
    ready, _, _ = select.select([raw, sys.stdin], [], [])
    if sys.stdin in ready:
        running = sys.stdin.readline() != ""
    while raw in ready:
        try:
            frame, address = raw.recvfrom(65535, socket.MSG_DONTWAIT)
        except BlockingIOError:
            break
        if address[2] != PACKET_OUTGOING:  # each packet passes lo twice; count the arrival
            count(frame)
print(json.dumps(flows))
