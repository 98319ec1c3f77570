#include "inspect/scan_pickle.h"

#include <algorithm>
#include <map>

#include "inspect/findings.h"
#include "pickle/python2_names.h"
#include "pickle/reader.h"
#include "pickle/stream.h"
#include "torch/reader.h"

namespace flambeau::inspect {
namespace {

using object::Ref;
using torch::Standing;

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

/// From global to global, opcode by opcode and without a stack: enough for where they stand, and for what those behind
/// a break seem to be. Strings are remembered for STACK_GLOBAL.
class NameWalk {
 public:
  explicit NameWalk(std::span<const std::byte> stream) : stream_(stream, pickle::Frames::ignored) {}

  /// Goes to the next global. False, and so ever after, when none can be reached.
  bool next() {
    try {
      while (!over_) {
        stream_.next(now_);
        end_ = stream_.position();
        if (step()) return true;
      }
    } catch (const Error&) {  // the machine tells what is wrong
      over_ = true;
    }
    return false;
  }
  std::uint64_t offset() const noexcept { return now_.offset; }
  const pickle::Name& name() const noexcept { return name_; }
  /// Just after the last instruction that could be read.
  std::uint64_t end() const noexcept { return end_; }

 private:
  /// Whether the instruction is a global.
  bool step() {
    using pickle::Op;
    switch (now_.opcode->op) {
      case Op::STOP:
        over_ = true;
        return false;
      case Op::PROTO:
        protocol_ = now_.number;
        return false;
      case Op::GLOBAL:
      case Op::INST:
        name_ = {now_.bytes, now_.second};
        if (protocol_ < 3) name_ = pickle::from_python2(name_);
        return true;
      case Op::STACK_GLOBAL:
        name_ = {before_, last_};
        return true;
      case Op::SHORT_BINUNICODE:
      case Op::BINUNICODE:
      case Op::BINUNICODE8:
      case Op::SHORT_BINSTRING:
      case Op::BINSTRING:
      case Op::STRING:
      case Op::UNICODE:
        push(now_.bytes);
        return false;
      case Op::MEMOIZE:
        put(memo_.size());
        return false;
      case Op::BINPUT:
      case Op::LONG_BINPUT:
        put(static_cast<std::uint64_t>(now_.number));
        return false;
      case Op::BINGET:
      case Op::LONG_BINGET:
        if (const auto found = memo_.find(static_cast<std::uint64_t>(now_.number)); found != memo_.end())
          push(found->second);
        return false;
      default:
        return false;
    }
  }
  void push(std::string_view text) {
    before_ = last_;
    last_ = text;
  }
  void put(std::uint64_t index) {
    constexpr std::size_t most = 1u << 16;  // a hostile stream could fill memory with one byte each
    if (memo_.size() < most) memo_[index] = last_;
  }

  pickle::Stream stream_;
  pickle::Instruction now_{};
  pickle::Name name_{};
  std::string_view before_{}, last_{};  // the last two strings pushed
  std::map<std::uint64_t, std::string_view> memo_{};
  std::int64_t protocol_ = 0;
  std::uint64_t end_ = 0;
  bool over_ = false;
};

/// Names are judged as they are met, and only the first time.
class Judge {
 public:
  explicit Judge(ScannedPickle& out) : out_(out) {}

  void name(const pickle::Name& name, std::optional<std::uint64_t> offset) {
    const std::string global = std::string(name.module) + "." + std::string(name.qualname);
    if (seen_.contains(global)) return;
    const bool kept = seen_.add(global);
    if (kept) out_.globals.push_back(global);
    if (global == getattr_name)  // judged by its arguments
      getattr_offset_ = offset;
    else
      find(torch::standing(name.module, name.qualname), global, offset, kept);
  }
  void getattr(Standing standing, const std::string& path) {
    getattr_called_ = true;
    if (!seen_.contains(path)) find(standing, path, getattr_offset_, seen_.add(path));
  }
  void finish() {
    if (getattr_offset_ && !getattr_called_) find(Standing::unknown, std::string(getattr_name), getattr_offset_, true);
  }

 private:
  void find(Standing standing, const std::string& global, std::optional<std::uint64_t> offset, bool kept) {
    if (standing == Standing::allowed || standing == Standing::known) return;
    const bool dangerous = standing == Standing::dangerous;
    const bool full = !kept || out_.findings.size() >= most_findings;
    if (full && (!dangerous || danger_)) return;  // the list may end, but not before the first danger
    danger_ |= dangerous;
    out_.findings.push_back(
        {dangerous ? Verdict::dangerous : Verdict::suspicious,
         global,
         {},
         offset,
         dangerous ? "reaches code, files, processes or the network" : "needs code that is not known here"});
  }

  static constexpr std::string_view getattr_name = "builtins.getattr";

  ScannedPickle& out_;
  Names seen_{};
  std::optional<std::uint64_t> getattr_offset_{};
  bool getattr_called_ = false, danger_ = false;
};

/// The loader's meaning, with every global and getattr judged; the walk goes along and tells where they stand.
class Recorder final : public torch::Reader {
 public:
  Recorder(torch::Storages& storages, Options options, NameWalk& walk, Judge& judge)
      : Reader(storages, std::move(options)), walk_(walk), judge_(judge) {}

  void global(std::string_view module, std::string_view qualname) override {
    judge_.name({module, qualname}, walk_.next() ? std::optional(walk_.offset()) : std::nullopt);
  }
  std::optional<Ref> persistent(object::Heap& heap, Ref id) override {
    // Numbers stand for parts of tar files, which are scanned without their tensors.
    return id.kind() == Kind::tuple ? Reader::persistent(heap, id) : std::optional(Ref());
  }
  std::optional<Ref> reduce(object::Heap& heap, Ref callable, Ref args) override {
    if (!torch::is_getattr(callable)) return Reader::reduce(heap, callable, args);
    std::string path;
    const Standing standing = torch::standing_of_getattr(args, path);
    judge_.getattr(standing, path);
    return std::nullopt;
  }

 private:
  NameWalk& walk_;
  Judge& judge_;
};

}  // namespace

ScannedPickle scan_pickle(std::span<const std::byte> stream, const LoadOptions& options, const Nested& nested) {
  ScannedPickle out;
  NameWalk walk(stream);
  Judge judge(out);
  try {
    NoData storages;
    // Legacy: nobody knows here which file the stream is from, and loading it says what does not belong there.
    Recorder recorder(storages, {.limits = options.limits, .inert = true, .nested = nested, .legacy = true}, walk,
                      judge);
    object::Heap heap;
    out.end = pickle::read(stream, heap, recorder, options.limits, pickle::tight).end;
  } catch (const Error& error) {
    out.failure = error;
  }
  while (walk.next()) judge.name(walk.name(), walk.offset());
  judge.finish();
  if (out.failure) out.end = std::max(out.failure->place().offset.value_or(0), walk.end());
  return out;
}

}  // namespace flambeau::inspect
