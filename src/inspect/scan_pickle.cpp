#include "inspect/scan_pickle.h"

#include <algorithm>
#include <map>
#include <set>

#include "pickle/python2_names.h"
#include "pickle/reader.h"
#include "pickle/stream.h"
#include "torch/reader.h"

namespace flambeau::inspect {
namespace {

using object::Ref;
using torch::Standing;

constexpr std::size_t most_findings = 1000;

struct Named {
  std::string module, qualname;
};

/// Storages whose bytes are never read.
class NoData final : public torch::Storages {
 public:
  std::shared_ptr<Storage> open(const torch::StorageId& id) override { return promised(id.nbytes, id.dtype); }
  std::shared_ptr<Storage> view(const torch::StorageId& root, std::uint64_t, std::uint64_t nbytes) override {
    return promised(nbytes, root.dtype);
  }

 private:
  class Nothing final : public StorageSource {
   public:
    std::span<const std::byte> view() const noexcept override { return {}; }
    bool recorded_crc(std::uint32_t&) const noexcept override { return false; }
    Place place() const override { return {}; }
    void read(std::uint64_t, std::span<std::byte>) const override {
      throw Error(ErrorCode::internal, "a scan read tensor data");
    }
  };
  static std::shared_ptr<Storage> promised(std::uint64_t nbytes, DType dtype) {
    return Storage::from(std::make_shared<Nothing>(), nbytes, dtype);
  }
};

/// The loader's meaning, with every global and getattr written down.
class Recorder final : public torch::Reader {
 public:
  Recorder(torch::Storages& storages, Options options) : Reader(storages, std::move(options)) {}

  void global(std::string_view module, std::string_view qualname) override {
    named.push_back({std::string(module), std::string(qualname)});
  }
  std::optional<Ref> persistent(object::Heap& heap, Ref id) override {
    // Numbers stand for parts of tar files, which are scanned without their tensors.
    return id.kind() == Kind::tuple ? Reader::persistent(heap, id) : std::optional(Ref());
  }
  std::optional<Ref> reduce(object::Heap& heap, Ref callable, Ref args) override {
    if (!torch::is_getattr(callable)) return Reader::reduce(heap, callable, args);
    std::string path;
    const Standing standing = torch::standing_of_getattr(args, path);
    getattrs.push_back({std::move(path), standing});
    return std::nullopt;
  }

  struct Getattr {
    std::string path;
    Standing standing;
  };
  std::vector<Named> named;
  std::vector<Getattr> getattrs;
};

/// Where globals stand in a stream, and what their names seem to be: the machine knows better as far as it comes.
struct Spot {
  std::uint64_t offset;
  Named name;
};

/// Opcode by opcode, without a stack: enough for offsets, and for names behind a break. Strings are remembered for
/// STACK_GLOBAL.
std::vector<Spot> places_of_globals(std::span<const std::byte> stream, std::uint64_t& end) {
  std::vector<Spot> places;
  std::map<std::uint64_t, std::string_view> memo;
  std::string_view before, last;  // the last two strings pushed
  const auto push = [&](std::string_view text) {
    before = last;
    last = text;
  };
  pickle::Stream instructions(stream);
  std::uint64_t base = 0;  // where `instructions` begins
  // Python's own machines have disagreed about frames: behind a broken one the walk goes on as if there were none.
  const auto next = [&] {
    while (true) {
      try {
        pickle::Instruction instruction;
        instructions.next(instruction);
        instruction.offset += base;
        return instruction;
      } catch (const Error& error) {
        const std::uint64_t at = base + error.place().offset.value_or(0);
        constexpr auto frame = std::byte{0x95};
        constexpr std::uint64_t frame_bytes = 9;
        const bool opens = at < stream.size() && stream[at] == frame;
        const std::uint64_t from = opens ? at + frame_bytes : at;
        // An argument that crosses a frame's end reads on; the same place twice is another error.
        if (error.message().find("frame") == std::string::npos || from <= base || from >= stream.size()) throw;
        base = from;
        instructions = pickle::Stream(stream.subspan(from));
      }
    }
  };
  int protocol = 0;
  try {
    while (true) {
      const pickle::Instruction instruction = next();
      end = base + instructions.position();
      switch (instruction.opcode->op) {
        case pickle::Op::STOP:
          return places;
        case pickle::Op::PROTO:
          protocol = static_cast<int>(instruction.number);
          break;
        case pickle::Op::GLOBAL:
        case pickle::Op::INST: {
          pickle::Name name{instruction.bytes, instruction.second};
          if (protocol < 3) name = pickle::from_python2(name);
          places.push_back({instruction.offset, {std::string(name.module), std::string(name.qualname)}});
          break;
        }
        case pickle::Op::STACK_GLOBAL:
          places.push_back({instruction.offset, {std::string(before), std::string(last)}});
          break;
        case pickle::Op::SHORT_BINUNICODE:
        case pickle::Op::BINUNICODE:
        case pickle::Op::BINUNICODE8:
        case pickle::Op::SHORT_BINSTRING:
        case pickle::Op::BINSTRING:
        case pickle::Op::STRING:
        case pickle::Op::UNICODE:
          push(instruction.bytes);
          break;
        case pickle::Op::MEMOIZE:
          memo.emplace(memo.size(), last);
          break;
        case pickle::Op::BINPUT:
        case pickle::Op::LONG_BINPUT:
          memo[static_cast<std::uint64_t>(instruction.number)] = last;
          break;
        case pickle::Op::BINGET:
        case pickle::Op::LONG_BINGET:
          if (const auto found = memo.find(static_cast<std::uint64_t>(instruction.number)); found != memo.end())
            push(found->second);
          break;
        default:
          break;
      }
    }
  } catch (const Error&) {
    return places;  // the machine tells what is wrong
  }
}

class Judge {
 public:
  explicit Judge(ScannedPickle& out) : out_(out) {}

  void add(const Named& name, std::optional<std::uint64_t> offset) {
    const std::string global = name.module + "." + name.qualname;
    if (!seen_.insert(global).second) return;
    out_.globals.push_back(global);
    if (name.module == "builtins" && name.qualname == "getattr") {  // judged by its arguments
      getattr_offset_ = offset;
      return;
    }
    find(torch::standing(name.module, name.qualname), global, offset);
  }

  void add(const std::vector<Recorder::Getattr>& getattrs) {
    for (const auto& getattr : getattrs)
      if (seen_.insert(getattr.path).second) find(getattr.standing, getattr.path, getattr_offset_);
    if (getattrs.empty() && getattr_offset_) find(Standing::unknown, "builtins.getattr", getattr_offset_);
  }

 private:
  void find(Standing standing, const std::string& global, std::optional<std::uint64_t> offset) {
    if (standing == Standing::allowed || standing == Standing::known || out_.findings.size() >= most_findings) return;
    const bool dangerous = standing == Standing::dangerous;
    out_.findings.push_back(
        {dangerous ? Verdict::dangerous : Verdict::suspicious,
         global,
         {},
         offset,
         dangerous ? "reaches code, files, processes or the network" : "needs code that is not known here"});
  }

  ScannedPickle& out_;
  std::set<std::string> seen_;
  std::optional<std::uint64_t> getattr_offset_{};
};

}  // namespace

ScannedPickle scan_pickle(std::span<const std::byte> stream, const LoadOptions& options, const Nested& nested) {
  ScannedPickle out;
  NoData storages;
  Recorder recorder(storages, {options.limits, true, nested});
  try {
    object::Heap heap;
    out.end = pickle::read(stream, heap, recorder, options.limits, pickle::tight).end;
  } catch (const Error& error) {
    out.failure = error;
    out.end = error.place().offset.value_or(0);
  }

  std::uint64_t walked = 0;
  const std::vector<Spot> places = places_of_globals(stream, walked);
  Judge judge(out);
  for (std::size_t i = 0; i < std::max(places.size(), recorder.named.size()); ++i) {
    const bool known = i < recorder.named.size();
    const auto offset = i < places.size() ? std::optional(places[i].offset) : std::nullopt;
    judge.add(known ? recorder.named[i] : places[i].name, offset);
  }
  judge.add(recorder.getattrs);
  if (out.failure) out.end = std::max(out.end, walked);
  return out;
}

}  // namespace flambeau::inspect
