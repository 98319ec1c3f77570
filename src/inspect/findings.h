#pragma once
// What a scan has found so far. However much a file names, lists end somewhere; what it is judged to be does not.

#include <flambeau/error.h>
#include <flambeau/inspect.h>

#include <cstdint>
#include <set>
#include <string>

namespace flambeau::inspect {

/// Texts, each once, as many as fit into a mebibyte with all that is kept of them.
class Names {
 public:
  bool contains(const std::string& name) const { return names_.contains(name); }
  /// False when there is no room.
  bool add(const std::string& name);

 private:
  std::set<std::string> names_{};
  std::size_t room_ = 1u << 20;
};

constexpr std::size_t most_findings = 1000;

class Findings {
 public:
  /// `asked` is the file that the report is about. Both must live as long.
  Findings(ScanReport& report, const std::string& asked) : report_(report), asked_(asked) {}

  /// Each once; of those beyond `most_findings` only what is worse than all before.
  void add(ScanReport::Finding finding);
  void suspicious(const std::string& member, std::string reason);
  /// `base` is where the part that the error speaks of begins in the member.
  void unreadable(const Error& error, const std::string& member, std::uint64_t base = 0);
  void global(const std::string& name);

 private:
  ScanReport& report_;
  const std::string& asked_;
  Names globals_{};
};

}  // namespace flambeau::inspect
