#pragma once
// How reports name a place.

#include <string>

#include <flambeau/error.h>

namespace flambeau::inspect {

/// The record, and before it the file where that is not the one that was asked about (a shard, a file inside).
inline std::string member_of(const Place& place, const std::string& asked) {
  if (place.file.empty() || place.file == asked) return place.member;
  return place.member.empty() ? place.file : place.file + ": " + place.member;
}

}  // namespace flambeau::inspect
