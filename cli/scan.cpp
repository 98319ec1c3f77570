#include <fmt/format.h>

#include <flambeau/inspect.h>

#include "command.h"
#include "input.h"
#include "json.h"
#include "terminal.h"

namespace cli {
namespace {

using flambeau::ScanReport;
using flambeau::Verdict;

std::string as_text(const std::string& file, const ScanReport& report) {
  std::string text = fmt::format("{}: {}\n", shown(file), name(report.verdict));
  for (const auto& finding : report.findings) {
    text += fmt::format("  {}: {}", name(finding.verdict), finding.global.empty() ? "" : shown(finding.global) + ": ");
    text += shown_text(finding.reason);
    if (!finding.member.empty() || finding.offset)
      text += fmt::format(
          " ({}{})", shown(finding.member),
          finding.offset ? fmt::format("{}byte {}", finding.member.empty() ? "" : ", ", *finding.offset) : "");
    text += "\n";
  }
  return text;
}

void add(Json& json, const std::string& file, const ScanReport& report) {
  json.object().field("file", file).field("verdict", name(report.verdict)).field("format", report.format);
  json.key("findings").array();
  for (const auto& finding : report.findings) {
    json.object()
        .field("verdict", name(finding.verdict))
        .field("global", finding.global)
        .field("member", finding.member);
    json.key("offset");
    finding.offset ? json.value(*finding.offset) : json.null();
    json.field("reason", finding.reason).end();
  }
  json.end().list("globals", report.globals).end();
}

}  // namespace

int scan(const Args& args) {
  Json json;
  json.object().key("files").array();
  bool any_risk = false, any_unreadable = false;
  for (const std::string& file : args.operands()) {
    ScanReport report;
    try {
      report = flambeau::scan(input_path(file), load_options(args, flambeau::Read::lazy));
    } catch (const flambeau::Error& error) {  // the file itself cannot be had; go on with the others
      complain(error);
      report.verdict = Verdict::unreadable;
      report.findings.push_back({.verdict = Verdict::unreadable, .reason = error.what()});
    }
    any_risk |= report.verdict == Verdict::suspicious || report.verdict == Verdict::dangerous;
    any_unreadable |= report.verdict == Verdict::unreadable;
    if (args.has("json"))
      add(json, file, report);
    else
      print(as_text(file, report));
  }
  if (args.has("json")) print(json.end().end().text());
  return any_risk ? no : any_unreadable ? wrong : yes;
}

}  // namespace cli
