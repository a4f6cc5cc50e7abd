// How usrsctp is used: one-to-one sockets of family AF_CONN, whose "address" is the association's
// key, so that no pointer of ours is in any cookie; non-blocking calls only; nothing is done inside
// its callbacks but to store what they say, since it may hold locks there.
#include "sctp/stack.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <thread>
#include <unordered_map>
#include <utility>

#include <usrsctp.h>

#include "base/check.hpp"
#include "sctp/service.hpp"

namespace meridian::sctp {
namespace {

// DTLS, UDP and IPv6 headers around a packet of this size stay below 1,280 bytes, which every path
// carries. The 12-byte common header comes on top of it.
constexpr std::uint32_t kPathMtu = 1160;
constexpr std::uint32_t kInitialRtoMs = 300;
// Above the 200 ms for which browsers may hold back a SACK.
constexpr std::uint32_t kMinRtoMs = 300;
// Backing off further would only make a client wait after a short outage.
constexpr std::uint32_t kMaxRtoMs = 2'000;
constexpr std::uint32_t kSackDelayMs = 20;
// About 40 and 60 seconds: longer than an ICE restart takes, which keeps the association.
constexpr std::uint32_t kMaxInitAttempts = 20;
constexpr std::uint32_t kMaxRetransmissions = 30;
constexpr std::uint32_t kHeartbeatMs = 10'000;
// Silence about packets that belong to no association.
constexpr std::uint32_t kBlackholeAll = 2;
// A longer gap between calls is a suspended machine, not something to catch up with.
constexpr Duration kMaxAdvance = 10s;
// After the last close the stack needs its timers once or twice to let go of everything.
constexpr int kMaxFinishAttempts = 500;

// RFC 9260 section 3.2.
constexpr std::size_t kCommonHeader = 12;
constexpr std::size_t kChunkHeader = 4;
constexpr std::uint8_t kSackChunk = 3;
constexpr std::uint8_t kHeartbeatChunk = 4;
constexpr std::uint8_t kHeartbeatAckChunk = 5;

/// Whether a packet only says that all is well: nobody waits for an answer that a short timer
/// would have to replace.
bool is_quiet(Bytes packet) {
  for (std::size_t at = kCommonHeader; at + kChunkHeader <= packet.size();) {
    const std::uint8_t type = packet[at];
    if (type != kSackChunk && type != kHeartbeatChunk && type != kHeartbeatAckChunk) {
      return false;
    }
    const std::size_t size = load_u16(&packet[at + 2]);
    at += (std::max(size, kChunkHeader) + 3) / 4 * 4;
  }
  return true;
}

AssociationKey key_of(const void* address) {
  return AssociationKey(reinterpret_cast<std::uintptr_t>(address));
}
void* address_of(AssociationKey key) {
  // Never followed: the stack's interface has no other room for a number.
  return reinterpret_cast<void*>(key.value());  // NOLINT(performance-no-int-to-ptr)
}

sockaddr_conn name_of(AssociationKey key) {
  sockaddr_conn name{};
  name.sconn_family = AF_CONN;
  name.sconn_port = htons(kPort);
  name.sconn_addr = address_of(key);
  return name;
}

template <class Value>
bool set_option(struct socket* handle, int level, int name, const Value& value) {
  return usrsctp_setsockopt(handle, level, name, &value, sizeof value) == 0;
}

bool subscribe(struct socket* handle, std::uint16_t type) {
  sctp_event event{};
  event.se_assoc_id = SCTP_ALL_ASSOC;
  event.se_type = type;
  event.se_on = 1;
  return set_option(handle, IPPROTO_SCTP, SCTP_EVENT, event);
}

bool configure_path(struct socket* handle, const sockaddr_conn* peer) {
  sctp_paddrparams path{};
  if (peer != nullptr) {
    std::memcpy(&path.spp_address, peer, sizeof *peer);
  }
  path.spp_flags = SPP_PMTUD_DISABLE;
  path.spp_pathmtu = kPathMtu;
  return set_option(handle, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, path);
}

bool configure(struct socket* handle) {
  const linger abort_on_close{.l_onoff = 1, .l_linger = 0};
  sctp_initmsg streams{};
  streams.sinit_num_ostreams = kMaxStreams;
  streams.sinit_max_instreams = kMaxStreams;
  sctp_assoc_value resets{};
  resets.assoc_id = SCTP_ALL_ASSOC;
  resets.assoc_value = SCTP_ENABLE_RESET_STREAM_REQ;
  const int on = 1;
  const int no_interleaving = 0;
  const int send_buffer = static_cast<int>(Stack::kSendBuffer);
  const int receive_buffer = static_cast<int>(Stack::kReceiveBuffer);
  return usrsctp_set_non_blocking(handle, 1) == 0 &&
         set_option(handle, SOL_SOCKET, SO_LINGER, abort_on_close) &&
         set_option(handle, SOL_SOCKET, SO_SNDBUF, send_buffer) &&
         set_option(handle, SOL_SOCKET, SO_RCVBUF, receive_buffer) &&
         set_option(handle, IPPROTO_SCTP, SCTP_NODELAY, on) &&
         set_option(handle, IPPROTO_SCTP, SCTP_EXPLICIT_EOR, on) &&
         set_option(handle, IPPROTO_SCTP, SCTP_RECVRCVINFO, on) &&
         set_option(handle, IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, no_interleaving) &&
         set_option(handle, IPPROTO_SCTP, SCTP_INITMSG, streams) &&
         set_option(handle, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, resets) &&
         configure_path(handle, nullptr) && subscribe(handle, SCTP_ASSOC_CHANGE) &&
         subscribe(handle, SCTP_STREAM_RESET_EVENT) &&
         subscribe(handle, SCTP_PARTIAL_DELIVERY_EVENT);
}

void tune() {
  usrsctp_sysctl_set_sctp_blackhole(kBlackholeAll);
  usrsctp_sysctl_set_sctp_ecn_enable(0);
  usrsctp_sysctl_set_sctp_asconf_enable(0);
  usrsctp_sysctl_set_sctp_auth_enable(0);
  usrsctp_sysctl_set_sctp_nrsack_enable(0);
  usrsctp_sysctl_set_sctp_pktdrop_enable(0);
  usrsctp_sysctl_set_sctp_pr_enable(1);
  usrsctp_sysctl_set_sctp_reconfig_enable(1);
  usrsctp_sysctl_set_sctp_nr_outgoing_streams_default(kMaxStreams);
  usrsctp_sysctl_set_sctp_nr_incoming_streams_default(kMaxStreams);
  usrsctp_sysctl_set_sctp_rto_initial_default(kInitialRtoMs);
  usrsctp_sysctl_set_sctp_rto_min_default(kMinRtoMs);
  usrsctp_sysctl_set_sctp_rto_max_default(kMaxRtoMs);
  usrsctp_sysctl_set_sctp_init_rto_max_default(kMaxRtoMs);
  usrsctp_sysctl_set_sctp_delayed_sack_time_default(kSackDelayMs);
  usrsctp_sysctl_set_sctp_init_rtx_max_default(kMaxInitAttempts);
  usrsctp_sysctl_set_sctp_assoc_rtx_max_default(kMaxRetransmissions);
  usrsctp_sysctl_set_sctp_path_rtx_max_default(kMaxRetransmissions);
  usrsctp_sysctl_set_sctp_heartbeat_interval_default(kHeartbeatMs);
  usrsctp_sysctl_set_sctp_initial_cwnd(10);
}

Received association_change(const sctp_assoc_change& change) {
  Received received;
  received.kind = Received::Kind::kDown;
  switch (change.sac_state) {
    case SCTP_COMM_UP:
      received.kind = Received::Kind::kUp;
      break;
    case SCTP_RESTART:
      received.reason = CloseReason::kRestarted;
      break;
    case SCTP_CANT_STR_ASSOC:
      received.reason = CloseReason::kTimeout;
      break;
    default:  // lost or shut down
      received.reason = change.sac_error == 0 ? CloseReason::kTimeout : CloseReason::kByPeer;
      break;
  }
  if (change.sac_state == SCTP_SHUTDOWN_COMP) {
    received.reason = CloseReason::kByPeer;
  }
  return received;
}

Received stream_reset(Bytes notification, const sctp_stream_reset_event& reset) {
  Received received;
  received.kind = Received::Kind::kOther;
  if ((reset.strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN) == 0 ||
      (reset.strreset_flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED)) != 0) {
    return received;
  }
  received.kind = Received::Kind::kStreamsReset;
  const Bytes list = notification.subspan(sizeof reset);
  for (std::size_t i = 0; i + 1 < list.size(); i += 2) {
    std::uint16_t stream = 0;  // in host order
    std::memcpy(&stream, &list[i], sizeof stream);
    received.streams.emplace_back(stream);
  }
  if (received.streams.empty()) {  // all of them
    for (std::uint16_t stream = 0; stream < kMaxStreams; ++stream) {
      received.streams.emplace_back(stream);
    }
  }
  return received;
}

/// The notification as a struct of its own, since the buffer need not be aligned for it.
template <class Struct>
bool copy_out(Bytes bytes, Struct& out) {
  if (bytes.size() < sizeof out) {
    return false;
  }
  std::memcpy(static_cast<void*>(&out), bytes.data(), sizeof out);
  return true;
}

Received read_notification(Bytes bytes) {
  Received received;
  received.kind = Received::Kind::kOther;
  sctp_notification::sctp_tlv header{};
  if (!copy_out(bytes, header)) {
    return received;
  }
  sctp_assoc_change change{};
  sctp_stream_reset_event reset{};
  if (header.sn_type == SCTP_ASSOC_CHANGE && copy_out(bytes, change)) {
    return association_change(change);
  }
  if (header.sn_type == SCTP_STREAM_RESET_EVENT && copy_out(bytes, reset)) {
    return stream_reset(bytes, reset);
  }
  if (header.sn_type == SCTP_PARTIAL_DELIVERY_EVENT) {
    received.kind = Received::Kind::kPartialAborted;
  }
  return received;
}

}  // namespace

Socket::~Socket() {
  usrsctp_close(handle_);  // sends an ABORT, since lingering is off
  usrsctp_deregister_address(address_of(key_));
}

std::optional<std::size_t> Socket::send(const Delivery& delivery, Bytes message) {
  sctp_sendv_spa options{};
  options.sendv_flags = SCTP_SEND_SNDINFO_VALID;
  options.sendv_sndinfo.snd_sid = delivery.channel.value();
  options.sendv_sndinfo.snd_ppid = htonl(static_cast<std::uint32_t>(delivery.ppid));
  // Ends the message where `message` ends; when the stack takes only a part it does not apply.
  options.sendv_sndinfo.snd_flags = SCTP_EOR;
  if (delivery.order == Order::kUnordered) {
    options.sendv_sndinfo.snd_flags |= SCTP_UNORDERED;
  }
  if (delivery.reliability != Reliability::kReliable) {
    options.sendv_flags |= SCTP_SEND_PRINFO_VALID;
    options.sendv_prinfo.pr_policy =
        delivery.reliability == Reliability::kMaxRetransmits ? SCTP_PR_SCTP_RTX : SCTP_PR_SCTP_TTL;
    options.sendv_prinfo.pr_value = delivery.reliability_value;
  }
  const ssize_t sent = usrsctp_sendv(handle_, message.data(), message.size(), nullptr, 0, &options,
                                     sizeof options, SCTP_SENDV_SPA, 0);
  if (sent >= 0) {
    return static_cast<std::size_t>(sent);
  }
  // The stack says EMSGSIZE, too, when it is full and the rest is larger than its whole buffer.
  const bool is_full = errno == EWOULDBLOCK || errno == EAGAIN || errno == EMSGSIZE;
  return is_full ? std::optional<std::size_t>(0) : std::nullopt;
}

Received Socket::receive(MutableBytes buffer) {
  sctp_rcvinfo info{};
  socklen_t info_size = sizeof info;
  unsigned int info_type = 0;
  int flags = 0;
  const ssize_t size = usrsctp_recvv(handle_, buffer.data(), buffer.size(), nullptr, nullptr, &info,
                                     &info_size, &info_type, &flags);
  Received received;
  if (size < 0) {
    if (errno == ECONNRESET || errno == ECONNABORTED || errno == ECONNREFUSED) {
      received.kind = Received::Kind::kDown;
    } else if (errno == ETIMEDOUT) {
      received.kind = Received::Kind::kDown;
      received.reason = CloseReason::kTimeout;
    }
    return received;
  }
  const Bytes bytes = buffer.first(static_cast<std::size_t>(size));
  if ((flags & MSG_NOTIFICATION) != 0) {
    return read_notification(bytes);
  }
  if (bytes.empty()) {
    return received;
  }
  received.kind = Received::Kind::kData;
  received.bytes = bytes;
  received.channel = ChannelId(info.rcv_sid);
  received.ppid = static_cast<Ppid>(ntohl(info.rcv_ppid));
  received.is_end = (flags & MSG_EOR) != 0;
  return received;
}

Socket::ResetResult Socket::reset_stream(ChannelId channel) {
  // struct sctp_reset_streams with one stream in its flexible array.
  struct alignas(sctp_reset_streams) Request {
    std::array<std::uint8_t, sizeof(sctp_reset_streams) + sizeof(std::uint16_t)> raw{};
  } request;
  sctp_reset_streams header{};
  header.srs_assoc_id = SCTP_ALL_ASSOC;
  header.srs_flags = SCTP_STREAM_RESET_OUTGOING;
  header.srs_number_streams = 1;
  const std::uint16_t stream = channel.value();
  std::memcpy(request.raw.data(), &header, sizeof header);
  std::memcpy(request.raw.data() + sizeof header, &stream, sizeof stream);
  if (usrsctp_setsockopt(handle_, IPPROTO_SCTP, SCTP_RESET_STREAMS, request.raw.data(),
                         static_cast<socklen_t>(request.raw.size())) == 0) {
    return ResetResult::kDone;
  }
  return errno == EALREADY || errno == EWOULDBLOCK || errno == EAGAIN ? ResetResult::kBusy
                                                                      : ResetResult::kFailed;
}

/// What all Stacks of the process share, and what the callbacks reach.
struct Stack::Shared {
  std::size_t users = 0;
  std::thread::id thread;
  std::uint64_t next_key = 1;
  bool is_initialized = false;
  bool is_started = false;
  Instant advanced_to;
  /// That a timer follows.
  Instant last_packet;
  std::unordered_map<AssociationKey, Stack*> owners;
};

Stack::Shared& Stack::shared() {
  static Shared instance;
  return instance;
}

int Stack::on_output(void* address, void* packet, std::size_t size, std::uint8_t, std::uint8_t) {
  const AssociationKey key = key_of(address);
  const Bytes bytes(static_cast<const std::uint8_t*>(packet), size);
  follow(bytes);
  if (const auto owner = shared().owners.find(key); owner != shared().owners.end()) {
    owner->second->output_(owner->second->context_, key, bytes);
  }
  return 0;
}

void Stack::follow(Bytes packet) {
  if (!is_quiet(packet)) {
    shared().last_packet = shared().advanced_to;
  }
}

void Stack::on_upcall(struct socket*, void* address, int) {
  const AssociationKey key = key_of(address);
  if (const auto owner = shared().owners.find(key); owner != shared().owners.end()) {
    owner->second->ready_.push_back(key);
  }
}

Stack::Stack(Output output, void* context) : output_(output), context_(context) {
  if (shared().users++ == 0) {
    shared().thread = std::this_thread::get_id();
    shared().is_started = false;
    // A stack that could not end is used again: starting it twice would lose what it holds.
    if (!std::exchange(shared().is_initialized, true)) {
      usrsctp_init_nothreads(0, &on_output, nullptr);
    }
    tune();
  }
  MERIDIAN_CHECK(shared().thread == std::this_thread::get_id());
}

Stack::~Stack() {
  std::erase_if(shared().owners, [this](const auto& entry) { return entry.second == this; });
  if (--shared().users > 0) {
    return;
  }
  for (int i = 0; i < kMaxFinishAttempts; ++i) {
    if (usrsctp_finish() == 0) {
      shared().is_initialized = false;
      return;
    }
    usrsctp_handle_timers(static_cast<std::uint32_t>(kBusy.interval / 1ms));
  }
}

AssociationKey Stack::make_key() {
  const AssociationKey key(shared().next_key++);
  shared().owners[key] = this;
  return key;
}

void Stack::forget_key(AssociationKey key) {
  shared().owners.erase(key);
}

std::unique_ptr<Socket> Stack::connect(AssociationKey key) {
  struct socket* const handle =
      usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, nullptr, nullptr, 0, nullptr);
  if (handle == nullptr) {
    return nullptr;
  }
  usrsctp_register_address(address_of(key));
  auto association = std::make_unique<Socket>(handle, key);
  sockaddr_conn name = name_of(key);
  // The stack's own type for any address starts like sockaddr_conn.
  auto* const generic = reinterpret_cast<sockaddr*>(&name);
  if (!configure(handle) || usrsctp_set_upcall(handle, &on_upcall, address_of(key)) != 0 ||
      usrsctp_bind(handle, generic, sizeof name) != 0) {
    return nullptr;
  }
  if (usrsctp_connect(handle, generic, sizeof name) != 0 && errno != EINPROGRESS) {
    return nullptr;
  }
  return configure_path(handle, &name) ? std::move(association) : nullptr;
}

void Stack::input(AssociationKey key, Bytes packet) {
  follow(packet);
  usrsctp_conninput(address_of(key), packet.data(), packet.size(), 0);
  ready_.push_back(key);
}

void Stack::advance(Instant now) {
  if (!shared().is_started) {
    shared().is_started = true;
    shared().advanced_to = now;
    shared().last_packet = now;
  }
  const Duration elapsed = now - shared().advanced_to;
  if (elapsed < kBusy.interval) {
    return;
  }
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(elapsed);
  shared().advanced_to = shared().advanced_to + milliseconds;
  usrsctp_handle_timers(
      static_cast<std::uint32_t>(std::min<Duration>(milliseconds, kMaxAdvance) / 1ms));
}

Instant Stack::next_tick() const {
  const Duration calm = shared().advanced_to - shared().last_packet;
  Duration interval = kIdleInterval;
  if (calm < kBusy.until) {
    interval = kBusy.interval;
  } else if (calm < kWaiting.until) {
    interval = kWaiting.interval;
  }
  return shared().advanced_to + interval;
}

std::vector<AssociationKey> Stack::take_ready() {
  std::vector<AssociationKey> ready = std::exchange(ready_, {});
  std::ranges::sort(ready);
  const auto repeated = std::ranges::unique(ready);
  ready.erase(repeated.begin(), repeated.end());
  return ready;
}

}  // namespace meridian::sctp
