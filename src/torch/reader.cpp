#include "torch/reader.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/checked.h"
#include "torch/rebuild.h"

namespace flambeau::torch {
namespace {

/// Text of a str, or of bytes that a Python 2 file holds in its place.
std::optional<std::string_view> text_or_bytes(object::Ref ref) noexcept {
  if (const auto text = object::text(ref)) return text;
  if (ref.kind() == Kind::bytes) return std::string_view(static_cast<object::Bytes*>(ref.node())->data);
  return std::nullopt;
}

[[noreturn]] void corrupt(const std::string& text) { throw Error(ErrorCode::corrupt, text); }

std::uint64_t count(object::Ref ref, const char* what) {
  const auto value = object::int_value(ref);
  if (!value) corrupt(fmt::format("persistent id: {} is a {}, expected an integer", what, name(ref.kind())));
  if (*value < 0) corrupt(fmt::format("persistent id: {} is {}, it must not be negative", what, *value));
  return static_cast<std::uint64_t>(*value);
}

}  // namespace

std::optional<DType> dtype_of_storage_class(std::string_view name) noexcept {
  if (const auto dot = name.rfind('.'); dot != std::string_view::npos) name.remove_prefix(dot + 1);
  if (name == "UntypedStorage" || name == "_UntypedStorage" || name == "TypedStorage" || name == "_TypedStorage")
    return DType::uint8;
  for (const DTypeInfo& info : dtypes)
    if (!info.storage_class.empty() && info.storage_class == name) return info.dtype;
  return dtype_of_libtorch_class(name);
}

/// libtorch writes the name of its scalar type, which is torch's dtype but for case.
std::optional<DType> dtype_of_libtorch_class(std::string_view name) noexcept {
  constexpr std::string_view suffix = "Storage";
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  if (name == "ComplexHalf") return DType::complex32;
  const auto same = [](char upper, char lower) { return (upper >= 'A' && upper <= 'Z' ? upper + 32 : upper) == lower; };
  for (const DTypeInfo& info : dtypes)
    if (info.storage_class.empty() && std::ranges::equal(name, info.name, same)) return info.dtype;
  return std::nullopt;
}

std::shared_ptr<Storage> Storages::view(const StorageId& root, std::uint64_t, std::uint64_t) {
  corrupt(fmt::format("storage '{}': this container has no storage views", root.key));
}

Reader::Reader(Storages& storages, Options options) : storages_(storages), options_(std::move(options)) {}
Reader::~Reader() = default;

Standing Reader::standing_of(std::string_view module, std::string_view qualname) {
  std::string key;
  key.reserve(module.size() + qualname.size() + 1);
  key.append(module).append(1, '\n').append(qualname);
  const auto found = standings_.find(key);
  if (found != standings_.end()) return found->second;
  return standings_.emplace(std::move(key), standing(module, qualname)).first->second;
}

void Reader::global(std::string_view module, std::string_view qualname) {
  if (standing_of(module, qualname) != Standing::dangerous) return;
  if (!options_.inert) refuse_dangerous(module, qualname);
  dangerous_ = true;
}

std::optional<object::Ref> Reader::persistent(object::Heap& heap, object::Ref id) {
  if (id.kind() != Kind::tuple) corrupt(fmt::format("persistent id is a {}, expected a tuple", name(id.kind())));
  const auto& items = object::as<object::Sequence>(id)->items;
  const auto kind = items.empty() ? std::nullopt : text_or_bytes(items[0]);
  if (kind == "storage") return storage_of(heap, *object::as<object::Sequence>(id));
  // ('module', class, source file, source text): the value is the class.
  if (options_.legacy && kind == "module" && items.size() >= 2 && items[1].kind() == Kind::global) return items[1];
  corrupt(fmt::format("persistent id: expected 'storage', found '{}'", kind.value_or("something else")));
}

object::Ref Reader::storage_of(object::Heap& heap, const object::Sequence& tuple) {
  const auto& items = tuple.items;
  if (items.size() != 5 && items.size() != 6)
    corrupt(fmt::format("persistent id of a storage has {} items, expected 5 or 6", items.size()));
  if ((items.size() == 6) != options_.legacy)
    note(fmt::format("persistent ids of {} items, as torch refuses them in this container", items.size()));
  const auto* const storage_class = object::as<object::Global>(items[1]);
  if (storage_class == nullptr) corrupt(fmt::format("persistent id: the storage class is a {}", name(items[1].kind())));
  const auto dtype = dtype_of(*storage_class);
  if (!dtype || !storage_class->module.starts_with("torch"))
    corrupt(fmt::format("persistent id: '{}.{}' is no storage class", storage_class->module, storage_class->qualname));
  auto key = text_or_bytes(items[2]);
  if (const auto number = key ? std::nullopt : object::int_value(items[2]))
    key = object::text(heap.string(std::to_string(*number)));
  if (!key) corrupt(fmt::format("persistent id: the storage key is a {}, expected a string", name(items[2].kind())));
  const std::uint64_t numel = count(items[4], "numel");
  std::uint64_t nbytes = 0;
  if (!base::checked_mul<std::uint64_t>(numel, itemsize(*dtype), nbytes) || nbytes > std::uint64_t{INT64_MAX})
    corrupt(fmt::format("storage '{}': {} elements of {} bytes overflow", *key, numel, itemsize(*dtype)));

  Known& known = known_storage(
      heap, {*key, storage_class->qualname, *dtype, numel, nbytes, text_or_bytes(items[3]).value_or("cpu")});
  if (items.size() == 5 || items[5].is_none()) return known.node;

  const auto* const view = items[5].kind() == Kind::tuple ? object::as<object::Sequence>(items[5]) : nullptr;
  const auto view_key = view != nullptr && view->items.size() == 3 ? text_or_bytes(view->items[0]) : std::nullopt;
  if (!view_key) corrupt(fmt::format("storage '{}': the view is no (key, offset, size) tuple", known.id.key));
  if (const auto found = views_.find(*view_key); found != views_.end()) return found->second;
  const std::uint64_t offset = count(view->items[1], "view offset"), size = count(view->items[2], "view size");
  if (!base::inside(offset, size, known.id.numel))
    corrupt(fmt::format("storage '{}': view '{}' ends at element {} + {}, the storage holds {}", known.id.key,
                        *view_key, offset, size, known.id.numel));
  const std::uint64_t width = itemsize(known.id.dtype);
  auto storage = storages_.view(known.id, offset * width, size * width);
  storage->set_location(std::string(known.id.location));
  const object::Ref node = heap.storage(std::move(storage), std::string(known.id.storage_class));
  views_.emplace(*view_key, node);
  return node;
}

std::optional<DType> Reader::dtype_of(const object::Global& storage_class) {
  if (last_class_ != &storage_class) {
    last_class_ = &storage_class;
    last_dtype_ = dtype_of_storage_class(storage_class.qualname);
  }
  return last_dtype_;
}

Reader::Known& Reader::known_storage(object::Heap& heap, const StorageId& id) {
  const auto [found, fresh] = keys_.try_emplace(id.key);
  Known& known = found->second;
  if (fresh) {
    auto storage = storages_.open(id);
    storage->set_location(std::string(id.location));
    known = {id, heap.storage(std::move(storage), std::string(id.storage_class))};
    return known;
  }
  // torch takes the first id of a key and ignores what later ones say; a file that contradicts itself is damaged.
  if (known.id.numel == 0 && id.numel == 0) {
    // An empty storage is nobody's: torch opens one for each id, or takes one for all, whatever their dtypes.
    if (options_.share_empty && known.id.storage_class == id.storage_class) return known;
    auto storage = options_.share_empty ? object::as<object::StorageNode>(known.node)->storage : storages_.open(id);
    storage->set_location(std::string(id.location));
    known = {id, heap.storage(std::move(storage), std::string(id.storage_class))};
    return known;
  }
  if (known.id.dtype != id.dtype)
    corrupt(fmt::format("storage '{}' is {} here and {} before", id.key, id.storage_class, known.id.storage_class));
  if (known.id.numel != id.numel)
    corrupt(fmt::format("storage '{}' holds {} elements here and {} before", id.key, id.numel, known.id.numel));
  return known;
}

std::string_view Reader::key_of(const Storage& storage) const {
  const auto names = [&](object::Ref node) { return object::as<object::StorageNode>(node)->storage.get() == &storage; };
  for (const auto& [key, node] : views_)
    if (names(node)) return key;
  for (const auto& [key, known] : keys_)
    if (names(known.node)) return key;
  return {};
}

void Reader::note(std::string text) {
  constexpr std::size_t most_notes = 16;
  if (notes_.size() < most_notes && std::ranges::find(notes_, text) == notes_.end()) notes_.push_back(std::move(text));
}

void Reader::append_notes(std::vector<std::string>& notes) const {
  if (dangerous_) notes.emplace_back("names dangerous globals: looked at only");
  if (hooked_ > 0) notes.push_back(fmt::format("backward hooks of {} tensors are left out", hooked_));
  notes.insert(notes.end(), notes_.begin(), notes_.end());
}

std::optional<object::Ref> Reader::reduce(object::Heap& heap, object::Ref callable, object::Ref args) {
  if (is_getattr(callable)) {
    std::string named;
    if (standing_of_getattr(args, named) == Standing::dangerous) {
      if (!options_.inert)
        throw Error(ErrorCode::forbidden,
                    fmt::format("the file asks for '{}', which reaches code, files, processes or the network", named));
      dangerous_ = true;
    }
    return std::nullopt;
  }
  return Rebuild{*this, heap, callable}.call(args);
}

std::optional<object::Ref> Reader::newobj(object::Heap& heap, object::Ref cls, object::Ref args) {
  return Rebuild{*this, heap}.construct(cls, args);
}

bool Reader::build(object::Heap& heap, object::Ref target, object::Ref state) {
  return Rebuild{*this, heap}.set_state(target, state);
}

}  // namespace flambeau::torch
