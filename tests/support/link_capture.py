#!/usr/bin/env python3
"""Counts what crosses links, with packet sockets, independent of the program under test.

link_capture.py SECONDS LABEL=DEVICE[/ADDRESS]...

LABEL names the place at the far end of the link, DEVICE is our end of it. With ADDRESS the place is
that address on a device that others share (loopback). Prints `ready`; answers each line on standard
input, `report` or `slots`, with one line of JSON, and ends with that input or after SECONDS. The answer:

{"flows": [{"link", "direction": "in"|"out" seen from the place, "peer": "address:port" of the other
            end, "own": "address:port" of the place, "kind": tcp, other or what RFC 7983 and RFC 5761 see
            in a datagram's first bytes, "packets", "bytes" of UDP payload or IP packet, "first",
            "last": Unix seconds, with `slots` also "slots": {slot: packets}}],
 "missed": packets that the kernel dropped before this program saw them (0 or the rest is worthless),
 "slot": seconds of a slot}

Times are the kernel's. A burst that crosses a shared device in one piece (UDP_SEGMENT; a link of its own is
told to cut them) is counted as the datagrams that it is, where the kernel says how long they are: since
Linux 6.2. Needs CAP_NET_RAW.
"""
import ctypes
import json
import os
import selectors
import socket
import struct
import sys
import time

ETH_P_ALL = 3
PACKET_OUTGOING = 4
SOL_PACKET, PACKET_STATISTICS, PACKET_VNET_HDR = 263, 6, 15
VNET_HEADER = struct.Struct("=BBHHHH")  # flags, GSO type, header bytes, segment bytes, checksum's start and offset
GSO_UDP = 5
SO_TIMESTAMPNS = 35
SO_ATTACH_FILTER = 26
SLOT = 0.01
MAX_FLOWS = 20000


class Flow:
    def __init__(self, now):
        self.packets = self.bytes = 0
        self.first = self.last = now
        self.slots = {}

    def add(self, size, now):
        self.packets += 1
        self.bytes += size
        self.last = now
        slot = int(now / SLOT)
        self.slots[slot] = self.slots.get(slot, 0) + 1


def attach_filter(raw, address):
    """Lets the kernel drop what is neither from nor to `address`: others may be busy on a shared device."""
    (number,) = struct.unpack("!I", socket.inet_aton(address))
    program = [  # ldh [12]; jeq IPv4; ld [26]; jeq; ld [30]; jeq; ret all; ret nothing
        (0x28, 0, 0, 12), (0x15, 0, 5, 0x0800), (0x20, 0, 0, 26), (0x15, 2, 0, number),
        (0x20, 0, 0, 30), (0x15, 0, 1, number), (0x06, 0, 0, 0x40000), (0x06, 0, 0, 0),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    raw.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(code)))


def kernel():
    return tuple(int(number) for number in os.uname().release.split("-")[0].split(".")[:2])


class Link:
    def __init__(self, argument):
        self.label, where = argument.split("=", 1)
        device, _, self.address = where.partition("/")
        self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
        self.raw.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.tells_segments = bool(self.address) and kernel() >= (6, 2)
        if self.address:
            attach_filter(self.raw, self.address)
        if self.tells_segments:
            self.raw.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self.raw.bind((device, 0))
        self.missed = 0

    def count_missed(self):
        _, dropped = struct.unpack("II", self.raw.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        self.missed += dropped  # reading it sets the kernel's count to zero
        return self.missed


def kind_of(payload):
    if len(payload) < 2:
        return "other"
    first = payload[0]
    if first <= 3:
        return "stun"
    if 20 <= first <= 63:
        return "data" if first == 23 else "dtls"  # DTLS 1.2: application data is SCTP
    if 128 <= first <= 191:
        return "rtcp" if 192 <= payload[1] <= 223 else "rtp"
    return "other"


def pieces_of(payload, segment):
    """[(kind, bytes)] of the datagrams of `segment` bytes (the last may be shorter; 0: it is one) in `payload`."""
    if not segment:
        return [(kind_of(payload), len(payload))]
    cut = [payload[at:at + segment] for at in range(0, len(payload), segment)]
    return [(kind_of(piece), len(piece)) for piece in cut]


def parse(frame, segment):
    """(source, source port, destination, destination port, [(kind, bytes)]) of an IP packet, or None."""
    if len(frame) < 34 or struct.unpack("!H", frame[12:14])[0] != 0x0800:
        return None
    header = 14 + (frame[14] & 15) * 4
    total = struct.unpack("!H", frame[16:18])[0]
    source, destination = socket.inet_ntoa(frame[26:30]), socket.inet_ntoa(frame[30:34])
    protocol = frame[23]
    if protocol not in (6, 17) or len(frame) < header + 8:
        return source, 0, destination, 0, [("other", total)]
    ports = struct.unpack("!HH", frame[header:header + 4])
    if protocol == 6:
        return source, ports[0], destination, ports[1], [("tcp", total)]
    payload = frame[header + 8:14 + total]
    return source, ports[0], destination, ports[1], pieces_of(payload, segment)


def receive(link, flows):
    try:
        frame, ancillary, _, address = link.raw.recvmsg(65535, 64, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    outgoing = address[2] == PACKET_OUTGOING
    segment = 0
    if link.tells_segments:
        _, gso, _, length, _, _ = VNET_HEADER.unpack_from(frame)
        segment = length if gso == GSO_UDP else 0
        frame = frame[VNET_HEADER.size:]
    packet = parse(frame, segment)
    if packet is None:
        return True
    source, source_port, destination, destination_port, pieces = packet
    if link.address:  # a shared device shows each packet twice: count the arrival
        if outgoing or link.address not in (source, destination):
            return True
        is_in = destination == link.address
    else:
        is_in = outgoing  # what our end sends goes to the place
    own = f"{destination}:{destination_port}" if is_in else f"{source}:{source_port}"
    peer = f"{source}:{source_port}" if is_in else f"{destination}:{destination_port}"
    now = time.time()
    for level, what, data in ancillary:
        if level == socket.SOL_SOCKET and what == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("qq", data[:16])
            now = seconds + nanoseconds / 1e9
    for kind, size in pieces:
        count(link, flows, (link.label, "in" if is_in else "out", peer, own, kind), size, now)
    return True


def count(link, flows, key, size, now):
    flow = flows.get(key)
    if flow is None:
        if len(flows) >= MAX_FLOWS:
            link.missed += 1
            return
        flow = flows[key] = Flow(now)
    flow.add(size, now)


def report(links, flows, with_slots):
    rows = [
        {"link": link, "direction": direction, "peer": peer, "own": own, "kind": kind, "packets": flow.packets,
         "bytes": flow.bytes, "first": flow.first, "last": flow.last, **({"slots": flow.slots} if with_slots else {})}
        for (link, direction, peer, own, kind), flow in flows.items()
    ]
    print(json.dumps({"flows": rows, "missed": sum(link.count_missed() for link in links), "slot": SLOT}), flush=True)


def main():
    deadline = time.monotonic() + float(sys.argv[1])
    links = [Link(argument) for argument in sys.argv[2:]]
    flows = {}
    selector = selectors.DefaultSelector()
    for link in links:
        selector.register(link.raw, selectors.EVENT_READ, link)
    selector.register(sys.stdin, selectors.EVENT_READ, None)
    print("ready", flush=True)
    while time.monotonic() < deadline:
        ready = [key.data for key, _ in selector.select(timeout=1)]
        for link in links:  # before an answer everything that has arrived is counted
            while receive(link, flows):
                pass
        if None in ready:
            asked = sys.stdin.readline().strip()
            if asked == "":
                return
            report(links, flows, asked == "slots")


main()
