#include <fmt/format.h>

#include <flambeau/error.h>
#include <flambeau/inspect.h>

#include "command.h"
#include "input.h"
#include "json.h"
#include "terminal.h"

namespace cli {
namespace {

using flambeau::VerifyReport;

std::string place(const VerifyReport::Problem& problem) {
  std::string text;
  if (!problem.member.empty()) text += shown(problem.member) + ": ";
  if (!problem.tensor.empty()) text += "tensor '" + shown(problem.tensor) + "': ";
  return text;
}

/// Damage has an answer; a file of another kind cannot be read.
bool is_no_checkpoint(const VerifyReport& report) {
  return report.format.empty() && !report.problems.empty() &&
         report.problems.front().code == flambeau::ErrorCode::unknown_format;
}

std::string as_text(const std::string& file, const VerifyReport& report, bool finite) {
  std::string text =
      report.format.empty()
          ? shown(file) + (is_no_checkpoint(report) ? ": no checkpoint\n" : ": damaged, or no checkpoint\n")
          : fmt::format(
                "{}: {} ({}, {} tensors, {} records checked{})\n", shown(file), report.whole ? "whole" : "damaged",
                report.format, grouped(report.tensors), grouped(report.checked_records),
                report.unchecked_records ? ", " + grouped(report.unchecked_records) + " without a checksum" : "");
  for (const auto& problem : report.problems)
    text += "  " + std::string(name(problem.code)) + ": " + place(problem) + shown_text(problem.text) + "\n";
  for (const auto& tensor : report.not_finite)
    if (finite || tensor.nan)
      text +=
          fmt::format("  {}: {} NaN, {} infinite\n", shown(tensor.tensor), grouped(tensor.nan), grouped(tensor.inf));
  for (const std::string& remark : report.notes) text += "  note: " + shown_text(remark) + "\n";
  return text;
}

void add(Json& json, const std::string& file, const VerifyReport& report) {
  json.object().field("file", file).field("whole", report.whole).field("format", report.format);
  json.field("tensors", report.tensors).field("checked_records", report.checked_records);
  json.field("unchecked_records", report.unchecked_records).key("problems").array();
  for (const auto& problem : report.problems)
    json.object()
        .field("code", name(problem.code))
        .field("member", problem.member)
        .field("tensor", problem.tensor)
        .field("text", problem.text)
        .end();
  json.end().key("not_finite").array();
  for (const auto& tensor : report.not_finite)
    json.object().field("tensor", tensor.tensor).field("nan", tensor.nan).field("inf", tensor.inf).end();
  json.end().list("notes", report.notes).end();
}

}  // namespace

int verify(const Args& args) {
  Json json;
  json.object().key("files").array();
  int status = yes;
  for (const std::string& file : args.operands()) {
    try {
      const VerifyReport report = flambeau::verify(input_path(file), load_options(args, flambeau::Read::lazy));
      if (is_no_checkpoint(report)) status = wrong;
      if (!report.whole || (args.has("finite") && !report.not_finite.empty())) status = std::max<int>(status, no);
      if (args.has("json"))
        add(json, file, report);
      else
        print(as_text(file, report, args.has("finite")));
    } catch (const flambeau::Error& error) {  // the file itself cannot be had; go on with the others
      complain(error);
      if (args.has("json"))
        json.object().field("file", file).field("error", error.what()).field("code", name(error.code())).end();
      status = wrong;
    }
  }
  if (args.has("json")) print(json.end().end().text());
  return status;
}

}  // namespace cli
