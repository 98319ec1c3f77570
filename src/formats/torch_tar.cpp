#include "formats/torch_tar.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <charconv>
#include <map>

#include "archive/tar.h"
#include "base/checked.h"
#include "formats/graph.h"

namespace flambeau::formats::torch_tar {
namespace {

using object::Ref;
using object::Sequence;

[[noreturn]] void corrupt(const std::string& text) { throw Error(ErrorCode::corrupt, text); }

/// One member, read from its start to its end: pickles and little-endian numbers in turn.
class Member {
 public:
  Member(const archive::TarReader& tar, const std::shared_ptr<const bytes::Source>& source, const char* name,
         const LoadOptions& options)
      : options_(options) {
    const archive::TarReader::Member* const member = tar.find(name);
    if (member == nullptr) corrupt(fmt::format("the archive has no member '{}'", name));
    part_ = bytes::part(source, member->data_offset, member->size);
  }
  Pickled pickle() {
    Pickled pickled = read_pickle_at(*part_, at_, options_);
    at_ = pickled.end;
    return pickled;
  }
  std::int64_t number(int bytes) {
    std::byte raw[8];
    part_->read(at_, std::span(raw).first(static_cast<std::size_t>(bytes)));
    at_ += static_cast<std::uint64_t>(bytes);
    std::uint64_t value = 0;
    for (int i = bytes; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(raw[i]);
    return bytes == 4 ? static_cast<std::int32_t>(value) : static_cast<std::int64_t>(value);
  }
  void skip(std::uint64_t bytes) {
    if (bytes > left()) throw Error(ErrorCode::truncated, fmt::format("{} bytes are left, {} needed", left(), bytes));
    at_ += bytes;
  }
  std::uint64_t left() const noexcept { return part_->size() - at_; }
  std::uint64_t at() const noexcept { return at_; }
  const std::shared_ptr<const bytes::Source>& source() const noexcept { return part_; }

 private:
  const LoadOptions& options_;
  std::shared_ptr<const bytes::Source> part_;
  std::uint64_t at_ = 0;
};

std::int64_t integer(Ref ref, const char* what) {
  const auto value = object::int_value(ref);
  if (!value) corrupt(fmt::format("{} is a {}, expected an integer", what, name(ref.kind())));
  return *value;
}

const std::vector<Ref>& items(Ref ref, std::size_t count, const char* what) {
  const auto* const sequence = object::as<Sequence>(ref);
  if (sequence == nullptr || sequence->items.size() != count)
    corrupt(fmt::format("{} is no sequence of {} items", what, count));
  return sequence->items;
}

/// Ids are numbers of tensors and storages, as text or integers; a tuple stands for a class.
class TarMeaning final : public torch::Reader {
 public:
  TarMeaning(torch::Storages& storages, Options options, const std::map<std::int64_t, Ref>& numbered)
      : Reader(storages, std::move(options)), numbered_(numbered) {}
  std::optional<Ref> persistent(object::Heap&, Ref id) override {
    if (const auto* const tuple = object::as<Sequence>(id); tuple != nullptr && !tuple->items.empty())
      return tuple->items[0];
    std::optional<std::int64_t> number = object::int_value(id);
    if (const auto text = object::text(id); text && !text->empty()) {
      std::int64_t parsed = 0;
      const auto result = std::from_chars(text->data(), text->data() + text->size(), parsed);
      if (result.ec == std::errc{} && result.ptr == text->data() + text->size()) number = parsed;
    }
    const auto found = number ? numbered_.find(*number) : numbered_.end();
    if (found == numbered_.end())
      corrupt(number ? fmt::format("nothing has the number {}", *number) : "a persistent id is no number");
    return found->second;
  }

 private:
  const std::map<std::int64_t, Ref>& numbered_;
};

class TarFile {
 public:
  TarFile(const Input& input, const LoadOptions& options, object::Heap& heap)
      : source_(input.source),
        tar_(input.source, options.limits),
        options_(options),
        heap_(heap),
        depth_(input.depth) {}

  Ref read(Checkpoint::Container& about) {
    in("storages", [this](Member& member) { read_storages(member); });
    in("tensors", [this](Member& member) { read_tensors(member); });
    Ref root;
    in("pickle", [&](Member& member) {
      NoStorages none;
      TarMeaning meaning(none, reader_options(options_, depth_), numbered_);
      std::string buffer;
      if (member.left() > options_.limits.max_pickle_bytes)
        throw Error(ErrorCode::limit, fmt::format("a pickle of {} bytes, max_pickle_bytes is {}", member.left(),
                                                  options_.limits.max_pickle_bytes));
      const auto result =
          pickle::read(piece(*member.source(), 0, member.left(), buffer), heap_, meaning, options_.limits);
      about.pickle_protocol = result.protocol;
      meaning.append_notes(about.notes);
      root = result.root;
      copies_.run();
      meaning.finish();
    });
    return root;
  }

 private:
  template <class Work>
  void in(const char* name, Work&& work) {
    Member member(tar_, source_, name, options_);
    try {
      work(member);
    } catch (const Error& error) {
      throw error.at({{}, name});
    }
  }

  void read_storages(Member& member) {
    const std::int64_t count = integer(member.pickle().result.root, "the number of storages");
    for (std::int64_t i = 0; i < count; ++i) {
      const Pickled pickled = member.pickle();
      const auto& fields = items(pickled.result.root, 3, "a storage");
      const std::int64_t key = integer(fields[0], "a storage's key");
      const std::string storage_class = object::global_name(fields[2]);
      const auto dtype = torch::dtype_of_storage_class(storage_class);
      if (!dtype) corrupt(fmt::format("'{}' is no storage class", storage_class));
      const std::int64_t numel = member.number(8);
      std::uint64_t nbytes = 0;
      if (numel < 0 || !base::checked_mul<std::uint64_t>(static_cast<std::uint64_t>(numel), itemsize(*dtype), nbytes))
        corrupt(fmt::format("storage {} holds {} elements", key, numel));
      if (nbytes > member.left())
        throw Error(ErrorCode::truncated,
                    fmt::format("storage {} needs {} bytes, {} are left", key, nbytes, member.left()));
      Root root{member.source(), member.at(),   static_cast<std::uint64_t>(numel),
                *dtype,          storage_class, std::string(object::text(fields[1]).value_or("cpu"))};
      member.skip(nbytes);
      numbered_[key] = storage(root, 0, root.numel, fmt::format("storage {}", key));
      roots_.insert_or_assign(key, std::move(root));
    }
    const Pickled views = member.pickle();
    if (views.result.root.kind() != Kind::list) corrupt("the list of storage views is no list");
    for (const Ref view : object::as<Sequence>(views.result.root)->items) {
      const auto& fields = items(view, 4, "a storage view");
      const std::int64_t target = integer(fields[0], "a view's key"), root_key = integer(fields[1], "a view's root");
      const std::int64_t offset = integer(fields[2], "a view's offset"), numel = integer(fields[3], "a view's size");
      const auto root = roots_.find(root_key);
      if (root == roots_.end())
        corrupt(fmt::format("view {} looks at storage {}, which is not there", target, root_key));
      if (offset < 0 || numel < 0 ||
          !base::inside(static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(numel), root->second.numel))
        corrupt(fmt::format("view {}: elements {} + {} of a storage of {}", target, offset, numel, root->second.numel));
      numbered_[target] = storage(root->second, static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(numel),
                                  fmt::format("storage {}", target));
    }
  }

  void read_tensors(Member& member) {
    const std::int64_t count = integer(member.pickle().result.root, "the number of tensors");
    for (std::int64_t i = 0; i < count; ++i) {
      const Pickled pickled = member.pickle();
      const auto& fields = items(pickled.result.root, 3, "a tensor");
      const std::int64_t key = integer(fields[0], "a tensor's key"),
                         storage_key = integer(fields[1], "a tensor's storage");
      const auto found = numbered_.find(storage_key);
      const auto* const node = found != numbered_.end() ? object::as<object::StorageNode>(found->second) : nullptr;
      if (node == nullptr) corrupt(fmt::format("tensor {} looks at storage {}, which is not there", key, storage_key));
      const std::int64_t rank = member.number(4);
      if (rank < 0 || static_cast<std::uint64_t>(rank) > options_.limits.max_tensor_rank)
        throw Error(ErrorCode::limit, fmt::format("tensor {} has {} dimensions, max_tensor_rank is {}", key, rank,
                                                  options_.limits.max_tensor_rank));
      member.skip(4);  // the writer meant the rank to be 8 bytes
      Shape shape, strides;
      for (std::int64_t d = 0; d < rank; ++d) shape.push_back(member.number(8));
      for (std::int64_t d = 0; d < rank; ++d) strides.push_back(member.number(8));
      const std::int64_t offset = member.number(8);
      try {
        numbered_[key] =
            heap_.tensor(Tensor(node->storage, node->storage->dtype(), std::move(shape), std::move(strides), offset));
      } catch (const Error& error) {
        throw Error(error.code(), fmt::format("tensor {}: {}", key, error.message()), error.place());
      }
    }
  }

  struct Root {
    std::shared_ptr<const bytes::Source> source;
    std::uint64_t offset, numel;
    DType dtype;
    std::string storage_class, location;
  };
  Ref storage(const Root& root, std::uint64_t first, std::uint64_t numel, std::string name) {
    const std::uint64_t width = itemsize(root.dtype);
    auto slice = bytes::slice(root.source, root.offset + first * width, numel * width, std::move(name), nullptr);
    auto made = make_storage(std::move(slice), numel * width, root.dtype, options_, copies_);
    made->set_location(root.location);
    return heap_.storage(std::move(made), root.storage_class.substr(root.storage_class.rfind('.') + 1));
  }

  std::shared_ptr<const bytes::Source> source_;
  archive::TarReader tar_;
  const LoadOptions& options_;
  object::Heap& heap_;
  unsigned depth_;
  Copies copies_;
  std::map<std::int64_t, Root> roots_;
  std::map<std::int64_t, Ref> numbered_;
};

}  // namespace

bool sniff(const Input& input) { return input.source && archive::looks_like_tar(std::as_bytes(std::span(input.head))); }

Checkpoint read(const Input& input, const LoadOptions& options) {
  auto heap = std::make_shared<object::Heap>();
  Checkpoint::Container about;
  about.format = "torch-tar";
  const Ref root = TarFile(input, options, *heap).read(about);
  Checkpoint checkpoint(Value(std::move(heap), root));
  checkpoint.container() = std::move(about);
  return checkpoint;
}

}  // namespace flambeau::formats::torch_tar
