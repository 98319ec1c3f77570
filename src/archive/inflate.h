#pragma once
// Deflated records as storage sources.

#include <memory>

#include "archive/zip.h"

namespace flambeau::archive {

/// The inflated payload of `entry`, whose sizes have passed the limits. Threads may share it. Reading throws
/// Error(corrupt) when the stream is broken or has another length than stated, Error(checksum) when the CRC differs.
std::shared_ptr<const StorageSource> inflated(std::shared_ptr<const bytes::Source> source, const Entry& entry);

}  // namespace flambeau::archive
