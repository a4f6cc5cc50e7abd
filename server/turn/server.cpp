#include "turn/server.hpp"

#include <algorithm>
#include <utility>

#include "turn/door.hpp"

namespace meridian::turn {
namespace {

constexpr std::uint8_t kUdp = 17;
constexpr std::uint16_t kPorts = 65535 - Server::kFirstPort + 1;

// RFC 8656 section 19, RFC 8489 section 14.8.
constexpr std::uint16_t kBadRequest = 400;
constexpr std::uint16_t kForbidden = 403;
constexpr std::uint16_t kUnknownAttribute = 420;
constexpr std::uint16_t kAllocationMismatch = 437;
constexpr std::uint16_t kStaleNonce = 438;
constexpr std::uint16_t kFamilyNotSupported = 440;
constexpr std::uint16_t kWrongCredentials = 441;
constexpr std::uint16_t kTransportNotSupported = 442;
constexpr std::uint16_t kPeerFamilyMismatch = 443;
constexpr std::uint16_t kQuotaReached = 486;
constexpr std::uint16_t kInsufficientCapacity = 508;

std::uint32_t to_seconds(Duration duration) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

std::uint64_t seed_from(RandomSource& random) {
  return static_cast<std::uint64_t>(random.u32()) << 32U | random.u32();
}

bool is_request_of_ours(std::uint16_t method) {
  return method == kAllocate || method == kRefresh || method == kCreatePermission ||
         method == kChannelBind;
}

}  // namespace

Server::Server(Config config) : config_(std::move(config)), rng_(seed_from(config_.random)) {
  next_port_ = static_cast<std::uint16_t>(kFirstPort + rng_.below(kPorts));
}

Server::Outcome Server::handle(MutableBytes bytes, const ice::Tuple& client, Way way, Now now,
                               MutableBytes reply) {
  if (!bytes.empty() && bytes[0] >> 6U == 1) {
    return handle_channel_data(bytes, client, now.monotonic);
  }
  const auto message = parse(bytes);
  if (!message) {
    config_.counters.malformed.increment();
    return {};
  }
  if (message->message_class == ice::StunClass::kIndication && message->method == kSend) {
    return handle_send(*message, bytes, client, now.monotonic);
  }
  if (message->message_class != ice::StunClass::kRequest || !is_request_of_ours(message->method)) {
    return {};
  }
  return handle_request({*message, client, way, now, reply});
}

// ---- Requests -----------------------------------------------------------------------------------

Server::Outcome Server::handle_request(const Request& request) {
  const auto who = authenticate(request);
  if (!who) {
    return who.error() == kBadRequest ? refuse(request, kBadRequest, nullptr)
                                      : challenge(request, who.error());
  }
  if (request.message.unknown.count > 0) {
    return refuse(request, kUnknownAttribute, &who->key);
  }
  if (request.message.method == kAllocate) {
    return allocate(request, *who);
  }
  Allocation* allocation = find(request.client);
  if (allocation == nullptr) {
    return refuse(request, kAllocationMismatch, &who->key);
  }
  if (allocation->username != request.message.username) {
    return refuse(request, kWrongCredentials, &who->key);
  }
  switch (request.message.method) {
    case kRefresh:
      return refresh(request, *allocation);
    case kCreatePermission:
      return create_permission(request, *allocation);
    default:
      return bind_channel(request, *allocation);
  }
}

/// RFC 8489 section 9.2.4, in its order.
base::Expected<Server::Authentic, std::uint16_t> Server::authenticate(const Request& request) {
  const Message& message = request.message;
  if (!message.has_integrity()) {
    return std::unexpected(kUnauthenticated);
  }
  if (message.username.empty() || message.realm.empty() || message.nonce.empty()) {
    return std::unexpected(kBadRequest);
  }
  if (!is_good_nonce(config_.secret, message.nonce, request.client.remote, request.now.monotonic)) {
    return std::unexpected(kStaleNonce);
  }
  const auto claims = read_username(message.username);
  if (!claims || claims->worker != config_.worker || message.realm != kRealmName) {
    return std::unexpected(kUnauthenticated);
  }
  const Allocation* known = find(request.client);
  Authentic who{.claims = *claims,
                .key = known != nullptr && known->username == message.username
                           ? known->key
                           : key_for(config_.secret, message.username)};
  if (!message.verify(who.key)) {
    return std::unexpected(kUnauthenticated);
  }
  return who;
}

const SocketAddress* Server::peer_of(std::optional<std::uint8_t> family) const {
  const auto wanted = family.value_or(static_cast<std::uint8_t>(Family::kV4));
  const auto found = std::ranges::find_if(config_.peers, [wanted](const SocketAddress& peer) {
    return wanted == static_cast<std::uint8_t>(peer.ip.is_v4() ? Family::kV4 : Family::kV6);
  });
  return found == config_.peers.end() ? nullptr : &*found;
}

std::uint16_t Server::obstacle(const Request& request, const Authentic& who) const {
  const Message& message = request.message;
  if (request.now.wall >= who.claims.expires) {
    return kUnauthenticated;
  }
  if (!message.requested_transport || (message.even_port && message.has_reservation)) {
    return kBadRequest;
  }
  if (*message.requested_transport != kUdp) {
    return kTransportNotSupported;
  }
  if (peer_of(message.requested_family) == nullptr) {
    return kFamilyNotSupported;
  }
  const auto of_participant = std::ranges::count_if(allocations_, [&](const auto& entry) {
    return entry.second.participant == who.claims.participant;
  });
  if (static_cast<std::size_t>(of_participant) >= kMaxPerParticipant) {
    return kQuotaReached;
  }
  // No port is ever reserved for later.
  const bool wants_reservation = message.has_reservation || message.even_port.value_or(false);
  return wants_reservation || allocations_.size() >= kMaxAllocations ? kInsufficientCapacity : 0;
}

std::optional<std::uint16_t> Server::free_port(bool is_even) {
  // Ends: there are fewer allocations than even ports.
  for (std::size_t i = 0; i < kPorts; ++i) {
    const std::uint16_t port = next_port_;
    next_port_ = port == 65535 ? kFirstPort : static_cast<std::uint16_t>(port + 1);
    const bool is_peer =
        std::ranges::find(config_.peers, port, &SocketAddress::port) != config_.peers.end();
    if (!is_peer && (!is_even || port % 2 == 0) && !by_port_.contains(port)) {
      return port;
    }
  }
  return std::nullopt;
}

Server::Outcome Server::allocate(const Request& request, const Authentic& who) {
  const Message& message = request.message;
  if (const Allocation* known = find(request.client)) {
    // Over UDP the answer may have been lost.
    return known->transaction == message.transaction && known->username == message.username
               ? succeed(*known, request)
               : refuse(request, kAllocationMismatch, &who.key);
  }
  if (const std::uint16_t code = obstacle(request, who); code != 0) {
    return refuse(request, code, &who.key);
  }
  if (!config_.admits(who.claims.participant)) {
    return {.step = Step::kWait};
  }
  const auto port = free_port(message.even_port.has_value());
  if (!port) {
    return refuse(request, kInsufficientCapacity, &who.key);
  }
  const SocketAddress& peer = *peer_of(message.requested_family);
  const auto [entry, is_new] = allocations_.emplace(
      request.client, Allocation{.client = request.client,
                                 .way = request.way,
                                 .username = std::string(message.username),
                                 .key = who.key,
                                 .participant = who.claims.participant,
                                 .transaction = message.transaction,
                                 .relayed = {peer.ip, *port},
                                 .peer = peer,
                                 .expires = request.now.monotonic + kAllocationTime});
  by_port_.emplace(*port, &entry->second);
  config_.counters.allocated.increment();
  config_.counters.allocations.increment();
  return succeed(entry->second, request);
}

Server::Outcome Server::refresh(const Request& request, Allocation& allocation) {
  const Message& message = request.message;
  const Family family = allocation.peer.ip.is_v4() ? Family::kV4 : Family::kV6;
  if (message.requested_family && *message.requested_family != static_cast<std::uint8_t>(family)) {
    return refuse(request, kPeerFamilyMismatch, &allocation.key);
  }
  const bool is_end = message.lifetime == 0;
  allocation.expires = is_end ? Instant{} : request.now.monotonic + kAllocationTime;
  const Outcome outcome = succeed(allocation, request);
  if (is_end) {
    erase(request.client);
  }
  return outcome;
}

std::uint16_t Server::check_peer(const Allocation& allocation, const SocketAddress& peer) {
  if (peer.ip.is_v4() != allocation.peer.ip.is_v4()) {
    return kPeerFamilyMismatch;
  }
  return peer.ip == allocation.peer.ip ? 0 : kForbidden;
}

Server::Outcome Server::create_permission(const Request& request, Allocation& allocation) {
  const auto peers = request.message.peers.all();
  if (peers.empty()) {
    return refuse(request, kBadRequest, &allocation.key);
  }
  for (const SocketAddress& peer : peers) {
    if (const std::uint16_t code = check_peer(allocation, peer); code != 0) {
      return refuse(request, code, &allocation.key);
    }
  }
  allocation.permitted_until = request.now.monotonic + kPermissionTime;
  return succeed(allocation, request);
}

Server::Outcome Server::bind_channel(const Request& request, Allocation& allocation) {
  const Message& message = request.message;
  const Instant now = request.now.monotonic;
  const std::uint16_t channel = message.channel.value_or(0);
  if (message.peers.count != 1 || channel < kFirstChannel || channel > kLastChannel) {
    return refuse(request, kBadRequest, &allocation.key);
  }
  const SocketAddress& peer = message.peers.items[0];
  if (const std::uint16_t code = check_peer(allocation, peer); code != 0) {
    return refuse(request, code, &allocation.key);
  }
  if (peer != allocation.peer) {
    return refuse(request, kForbidden, &allocation.key);  // a port that isn't the media's
  }
  if (now < allocation.channel_until && allocation.channel != channel) {
    return refuse(request, kBadRequest, &allocation.key);  // the peer is bound already
  }
  allocation.channel = channel;
  allocation.channel_until = now + kChannelTime;
  allocation.permitted_until = now + kPermissionTime;
  return succeed(allocation, request);
}

// ---- Payloads -----------------------------------------------------------------------------------

Server::Outcome Server::lost() {
  config_.counters.payloads_lost.increment();
  return {};
}

Server::Outcome Server::deliver(const Allocation& allocation, MutableBytes payload) {
  return {.step = Step::kDeliver,
          .payload = payload,
          .relayed = allocation.relayed,
          .participant = allocation.participant};
}

Server::Outcome Server::handle_send(const Message& message, MutableBytes bytes,
                                    const ice::Tuple& client, Instant now) {
  const Allocation* allocation = find(client);
  if (allocation == nullptr || message.unknown.count > 0 || message.peers.count != 1 ||
      !message.data || message.peers.items[0] != allocation->peer ||
      (now >= allocation->permitted_until && now >= allocation->channel_until)) {
    return lost();
  }
  const auto offset = static_cast<std::size_t>(message.data->data() - bytes.data());
  return deliver(*allocation, bytes.subspan(offset, message.data->size()));
}

Server::Outcome Server::handle_channel_data(MutableBytes bytes, const ice::Tuple& client,
                                            Instant now) {
  const Allocation* allocation = find(client);
  if (allocation == nullptr || bytes.size() < kChannelHeaderSize) {
    return lost();
  }
  const std::size_t size = load_u16(bytes.data() + 2);
  if (load_u16(bytes.data()) != allocation->channel || now >= allocation->channel_until ||
      size > bytes.size() - kChannelHeaderSize) {
    return lost();
  }
  return deliver(*allocation, bytes.subspan(kChannelHeaderSize, size));
}

std::optional<Server::Frame> Server::frame(const SocketAddress& relayed, std::size_t size,
                                           Instant now) {
  const auto found = by_port_.find(relayed.port);
  if (found == by_port_.end() || found->second->relayed != relayed) {
    return std::nullopt;
  }
  const Allocation& allocation = *found->second;
  Frame frame{.client = allocation.client, .way = allocation.way};
  const bool has_channel = now < allocation.channel_until;
  if (has_channel) {
    store_u16(frame.header.data(), allocation.channel);
    store_u16(frame.header.data() + 2, static_cast<std::uint16_t>(size));
    frame.header_size = kChannelHeaderSize;
  } else if (now < allocation.permitted_until) {
    ice::TransactionId transaction{};
    for (std::size_t i = 0; i < transaction.size(); i += 4) {
      store_u32(transaction.data() + i, static_cast<std::uint32_t>(rng_.next()));
    }
    frame.header_size = write_data_header(allocation.peer, transaction, size, frame.header);
  } else {
    return std::nullopt;
  }
  // ChannelData in a datagram needs no padding (section 12.5).
  frame.padding = has_channel && allocation.way == Way::kDatagrams ? 0 : (4 - size % 4) % 4;
  return frame;
}

// ---- Answers ------------------------------------------------------------------------------------

Server::Outcome Server::succeed(const Allocation& allocation, const Request& request) {
  const std::uint16_t method = request.message.method;
  Writer writer(request.reply, ice::StunClass::kSuccess, method, request.message.transaction);
  if (method == kAllocate) {
    writer.address(kXorRelayedAddress, allocation.relayed);
  }
  if (method == kAllocate || method == kRefresh) {
    const Duration left = std::max(allocation.expires - request.now.monotonic, Duration::zero());
    writer.u32(kLifetime, to_seconds(left));
  }
  if (method == kAllocate) {
    writer.address(kXorMappedAddress, request.client.remote);
  }
  return {.step = Step::kReply, .reply_size = writer.finish(&allocation.key)};
}

Server::Outcome Server::refuse(const Request& request, std::uint16_t code,
                               const ice::IntegrityKey* key) {
  count(code);
  if (key == nullptr && !may_challenge(request)) {
    return {};
  }
  Writer writer(request.reply, ice::StunClass::kError, request.message.method,
                request.message.transaction);
  writer.error(code);
  if (code == kUnknownAttribute) {
    writer.unknown_attributes(request.message.unknown.all());
  }
  return {.step = Step::kReply, .reply_size = writer.finish(key)};
}

Server::Outcome Server::challenge(const Request& request, std::uint16_t code) {
  if (!request.message.has_integrity()) {
    config_.counters.challenges.increment();
  } else {
    count(code);
  }
  if (!may_challenge(request)) {
    return {};
  }
  return {
      .step = Step::kReply,
      .reply_size = write_challenge(config_.secret, request.message, code, request.client.remote,
                                    request.now.monotonic, request.reply)};
}

bool Server::may_challenge(const Request& request) {
  if (request.way == Way::kStream) {
    return true;
  }
  const Instant now = request.now.monotonic;
  if (now - challenge_second_ >= std::chrono::seconds(1)) {
    challenge_second_ = now;
    challenges_ = 0;
  }
  if (++challenges_ > kMaxChallenges) {
    config_.counters.unanswered.increment();
    return false;
  }
  return true;
}

void Server::count(std::uint16_t code) {
  Counters& counters = config_.counters;
  switch (code) {
    case kUnauthenticated:
    case kStaleNonce:
    case kWrongCredentials:
      return counters.refused_credentials.increment();
    case kForbidden:
      return counters.refused_peer.increment();
    case kQuotaReached:
      return counters.refused_quota.increment();
    case kInsufficientCapacity:
      return counters.refused_capacity.increment();
    default:
      return counters.refused_request.increment();
  }
}

// ---- Ends ---------------------------------------------------------------------------------------

Server::Allocation* Server::find(const ice::Tuple& client) {
  const auto found = allocations_.find(client);
  return found == allocations_.end() ? nullptr : &found->second;
}

void Server::erase(const ice::Tuple& client) {
  if (const auto found = allocations_.find(client); found != allocations_.end()) {
    by_port_.erase(found->second.relayed.port);
    allocations_.erase(found);
    config_.counters.allocations.decrement();
  }
}

void Server::forget(const ice::Tuple& client) {
  erase(client);
}

std::vector<ice::Tuple> Server::collect_ended(Instant now) {
  std::vector<ice::Tuple> ended;
  for (const auto& [client, allocation] : allocations_) {
    if (now >= allocation.expires || !config_.admits(allocation.participant)) {
      ended.push_back(client);
    }
  }
  for (const ice::Tuple& client : ended) {
    erase(client);
  }
  return ended;
}

}  // namespace meridian::turn
