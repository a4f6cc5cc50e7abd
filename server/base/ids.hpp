#pragma once

#include <cstdint>

#include "base/strong.hpp"

namespace meridian {

/// Operator-defined place, e.g. `uk-london`.
using RegionId = base::StrongString<struct RegionIdTag>;
/// Who hosts meetings; owns API keys and a routing policy.
using AccountId = base::StrongString<struct AccountIdTag>;
/// Numbered version of an account's routing policy. Epochs only grow; 0 is "no policy seen".
using PolicyEpoch = base::StrongInt<struct PolicyEpochTag, std::uint64_t>;

/// Index of a worker in its node, 0-based, stable for the life of the process.
using WorkerIndex = base::StrongInt<struct WorkerIndexTag, std::uint16_t>;
/// Node-local numbers that the control thread assigns; never reused within a process. 0 means none.
using RoomNumber = base::StrongInt<struct RoomNumberTag, std::uint64_t>;
using TransportId = base::StrongInt<struct TransportIdTag, std::uint32_t>;
using PublicationId = base::StrongInt<struct PublicationIdTag, std::uint32_t>;
using SubscriptionId = base::StrongInt<struct SubscriptionIdTag, std::uint32_t>;

}  // namespace meridian
