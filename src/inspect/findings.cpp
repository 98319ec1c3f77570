#include "inspect/findings.h"

#include <algorithm>
#include <array>

#include "inspect/member.h"

namespace flambeau::inspect {
namespace {

/// Dangerous beats unreadable beats suspicious beats clean.
int weight(Verdict verdict) noexcept {
  constexpr std::array<int, 4> weights = {0, 1, 3, 2};
  return weights[static_cast<std::size_t>(verdict)];
}

}  // namespace

bool Names::add(const std::string& name) {
  constexpr std::size_t overhead = 256;  // of a text in the set, in a list and in a finding
  if (name.size() + overhead > room_) return false;
  room_ -= name.size() + overhead;
  names_.insert(name);
  return true;
}

void Findings::add(ScanReport::Finding finding) {
  const bool worse = weight(finding.verdict) > weight(report_.verdict);
  if (worse) report_.verdict = finding.verdict;
  if (report_.findings.size() >= most_findings && !worse) return;
  const bool again = std::any_of(report_.findings.begin(), report_.findings.end(), [&](const auto& other) {
    return other.verdict == finding.verdict && other.global == finding.global && other.member == finding.member &&
           other.reason == finding.reason;
  });
  if (!again) report_.findings.push_back(std::move(finding));
}

void Findings::suspicious(const std::string& member, std::string reason) {
  add({Verdict::suspicious, {}, member, {}, std::move(reason)});
}

void Findings::unreadable(const Error& error, const std::string& member, std::uint64_t base) {
  std::optional<std::uint64_t> offset = error.place().offset;
  if (offset) *offset += base;
  add({Verdict::unreadable, {}, member.empty() ? member_of(error.place(), asked_) : member, offset, error.message()});
}

void Findings::global(const std::string& name) {
  if (!globals_.contains(name) && globals_.add(name)) report_.globals.push_back(name);
}

}  // namespace flambeau::inspect
