#include "random_tree.h"

#include <bit>
#include <limits>
#include <map>
#include <random>

namespace flambeau::interop {
namespace {

using object::as;
using object::Construction;
using object::Heap;
using object::Ref;

constexpr std::string_view words[] = {"weight",
                                      "bias",
                                      "epoch",
                                      "0",
                                      "17",
                                      "a",
                                      "b",
                                      "z",
                                      "é",
                                      "layer.0.weight",
                                      "",
                                      "ключ",
                                      "層",
                                      "🔥",
                                      "params",
                                      "name with blanks",
                                      "lone \xED\xA0\x80"};

class Maker {
 public:
  Maker(const Recipe& recipe, Heap& heap) : heap_(heap), random_(recipe.seed), old_(recipe.old), safe_(recipe.safe) {
    left_ = std::size_t{4} << below(5);
  }

  Ref value() {
    if (left_ > 0) --left_;
    const std::size_t r = below(100);
    if (!made_.empty() && r < 8) return made_[below(made_.size())];
    if (!open_.empty() && r < 9) return open_[below(open_.size())];
    Ref made;
    if (left_ == 0 || depth_ > 6 || r < 60) {
      made = leaf();
    } else {
      ++depth_;
      made = container();
      --depth_;
    }
    made_.push_back(made);
    return made;
  }
  Ref root() { return below(3) == 0 ? ordered() : dict(false); }

 private:
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_() % end); }
  bool chance(std::size_t percent) { return below(100) < percent; }

  Ref leaf() {
    switch (below(16)) {
      case 0:
        return heap_.integer(integer());
      case 1:
        return heap_.big_integer(std::string(1 + below(20), '\x55') + "\x81" + std::string(8, '\x66'));
      case 2:
        return heap_.floating(floating());
      case 3:
      case 4:
      case 5:
        return heap_.string(words[below(std::size(words))]);
      case 6:
        return chance(40) ? Ref() : Ref::boolean(chance(50));
      case 7:
        return heap_.bytes(bytes(safe_ + below(4)));
      case 8:
        return heap_.bytearray(bytes(below(4)));
      case 9:
        return torch_value();
      case 10:
        return special();
      default:
        return heap_.tensor(tensor(), false);
    }
  }

  Ref container() {
    switch (below(8)) {
      case 0: {
        const Ref list = opened(heap_.list());
        for (std::size_t i = below(6); i-- > 0;) {
          const Ref item = value();
          as<object::Sequence>(list)->items.push_back(item);
        }
        if (chance(2)) as<object::Sequence>(list)->items.resize(999 + below(3));
        open_.pop_back();
        return list;
      }
      case 1: {
        std::vector<Ref> items;
        for (std::size_t i = below(6); i-- > 0;) items.push_back(value());
        return heap_.tuple(std::move(items));
      }
      case 2: {
        std::vector<Ref> items;
        for (std::size_t i = below(5); i-- > 0;) items.push_back(heap_.integer(static_cast<std::int64_t>(i * 7)));
        return heap_.set(std::move(items), !safe_ && chance(30));
      }
      case 3:
        return ordered();
      case 4:
        return safe_ ? ordered() : space();
      default:
        return dict(false);
    }
  }

  Ref dict(bool is_ordered) {
    const Ref made = opened(is_ordered ? heap_.ordered_dict() : heap_.dict());
    std::size_t number = 0;  // keys must differ
    for (std::size_t i = below(7); i-- > 0; ++number) {
      const std::string text = std::string(words[below(std::size(words))]) + std::to_string(number);
      const auto index = static_cast<std::int64_t>(number);
      const Ref key = chance(80)   ? heap_.string(text)
                      : chance(60) ? heap_.integer(index)
                                   : heap_.tuple({heap_.string(text), heap_.integer(index)});
      const Ref item = value();
      as<object::Dict>(made)->items.emplace_back(key, item);
    }
    open_.pop_back();
    return made;
  }
  Ref ordered() {
    const Ref made = dict(true);
    if (chance(40)) {
      const Ref metadata = heap_.ordered_dict({{heap_.string(""), heap_.dict({{heap_.string("version"), value()}})}});
      as<object::Dict>(made)->state = heap_.dict({{heap_.interned("_metadata"), metadata}});
    }
    return made;
  }
  /// An argparse.Namespace.
  Ref space() {
    const Ref made = opened(heap_.object(Construction::newobj, heap_.global("argparse", "Namespace"), heap_.tuple({})));
    const Ref state = heap_.dict();
    auto& space = *as<object::Object>(made);
    space.has_state = true;
    space.state = state;
    for (std::size_t i = 0, count = 1 + below(3); i < count; ++i) {
      const Ref item = value();
      as<object::Dict>(state)->items.emplace_back(heap_.interned("field" + std::to_string(i)), item);
    }
    open_.pop_back();
    return made;
  }
  Ref opened(Ref container) {
    open_.push_back(container);
    made_.push_back(container);
    return container;
  }

  std::int64_t integer() {
    const std::uint64_t bits = random_() >> below(64);
    return static_cast<std::int64_t>(chance(50) ? bits : ~bits + 1);
  }
  double floating() {
    constexpr double odd[] = {0.0, -0.0, std::numeric_limits<double>::infinity(), 5e-324, 1.5};
    if (chance(10)) return std::numeric_limits<double>::quiet_NaN();
    return chance(50) ? odd[below(std::size(odd))]
                      : std::bit_cast<double>((random_() & ~(0x7FFull << 52)) | 1023ull << 52);
  }
  std::string bytes(std::size_t count) {
    std::string made(count, '\0');
    for (char& c : made) c = static_cast<char>(below(256));
    return made;
  }

  bool known(const DTypeInfo& dtype) const {
    if (dtype.kind == DTypeClass::shell || dtype.kind == DTypeClass::quantized) return false;
    return !old_ || !dtype.storage_class.empty();
  }
  DType dtype() {
    for (;;)
      if (const DTypeInfo& dtype = dtypes[below(dtypes.size())]; known(dtype)) return dtype.dtype;
  }
  static bool differentiable(DType dtype) {
    const bool wide = info(dtype).kind == DTypeClass::floating || info(dtype).kind == DTypeClass::complex;
    return wide && !info(dtype).storage_class.empty();
  }

  std::shared_ptr<Storage> storage() {
    if (!storages_.empty() && chance(30)) return storages_[below(storages_.size())];
    const DType kind = dtype();
    constexpr std::size_t counts[] = {1, 2, 6, 24, 60};
    auto made = Storage::zeros(counts[below(std::size(counts))] * itemsize(kind), kind);
    for (std::byte& byte : made->mutable_bytes())
      byte = static_cast<std::byte>(below(kind == DType::boolean ? 2 : 256));
    storages_.push_back(made);
    return made;
  }
  Tensor tensor() {
    if (chance(10)) return Tensor::zeros({0}, dtype());
    auto bytes = storage();
    const DType kind = bytes->dtype();
    const auto count = static_cast<std::int64_t>(bytes->nbytes() / itemsize(kind));
    Shape shape, strides;
    const auto offset = static_cast<std::int64_t>(below(static_cast<std::size_t>(count)));
    std::int64_t last = offset;
    for (std::size_t rank = below(4); rank-- > 0;) {
      const auto size = static_cast<std::int64_t>(below(4)), step = static_cast<std::int64_t>(below(7));
      if (last + (size - 1) * step >= count) continue;
      shape.push_back(size);
      strides.push_back(step);
      if (size > 0) last += (size - 1) * step;
    }
    return {std::move(bytes), kind, std::move(shape), std::move(strides), offset};
  }

  Ref torch_value() {
    switch (below(4)) {
      case 0: {
        std::vector<Ref> sizes;
        for (std::size_t i = below(4); i-- > 0;) sizes.push_back(heap_.integer(static_cast<std::int64_t>(i)));
        return heap_.object(Construction::reduce, heap_.global("torch", "Size"), heap_.tuple({heap_.tuple(sizes)}));
      }
      case 1:
        return heap_.global("torch", name(dtype()));
      case 2:
        return heap_.object(Construction::reduce, heap_.global("torch", "device"),
                            heap_.tuple({heap_.string("cuda"), heap_.integer(1)}));
      default:
        return layout("torch.strided");
    }
  }
  /// One object per layout, as in torch.
  Ref layout(std::string_view name) {
    Ref& made = layouts_[std::string(name)];
    if (!made.is_none()) return made;
    return made = heap_.object(Construction::reduce, heap_.global("torch.serialization", "_get_layout"),
                               heap_.tuple({heap_.interned(name)}));
  }

  Ref special() {
    switch (below(old_ ? 3 : 6)) {
      case 0: {
        Tensor data = tensor();
        data.set_requires_grad(differentiable(data.dtype()));
        return heap_.tensor(std::move(data), !info(dtype()).storage_class.empty());
      }
      case 1: {
        Tensor meta = Tensor::meta({2, static_cast<std::int64_t>(below(3))}, DType::float32);
        return heap_.tensor(std::move(meta));
      }
      case 2: {
        constexpr float values[] = {1, 2, 3};
        const Ref made = heap_.tensor(quantized());
        auto& node = *as<object::TensorNode>(made);
        node.quantizer = std::make_unique<object::Quantizer>();
        node.quantizer->scheme = "per_tensor_affine";
        node.quantizer->scale = values[below(3)];
        node.quantizer->zero_point = static_cast<std::int64_t>(below(9));
        return made;
      }
      case 3: {
        auto bytes = Storage::zeros(48, DType::complex64);
        Tensor made(bytes, DType::complex64, {2, 3}, {3, 1});
        made.set_conj(true);
        return heap_.tensor(std::move(made));
      }
      case 4: {
        Tensor made = Tensor::zeros({3}, DType::float64);
        made.set_neg(true);
        return heap_.tensor(std::move(made));
      }
      default: {
        constexpr std::int64_t at[] = {0, 2};
        constexpr float values[] = {1, 2};
        const Ref indices = heap_.tensor(Tensor::of<std::int64_t>({1, 2}, at));
        const Ref data = heap_.tuple({indices, heap_.tensor(Tensor::of<float>({2}, values)),
                                      heap_.object(Construction::reduce, heap_.global("torch", "Size"),
                                                   heap_.tuple({heap_.tuple({heap_.integer(4)})})),
                                      Ref::boolean(true)});
        return heap_.object(Construction::reduce, heap_.global("torch._utils", "_rebuild_sparse_tensor"),
                            heap_.tuple({layout("torch.sparse_coo"), data}));
      }
    }
  }
  Tensor quantized() {
    constexpr DType kinds[] = {DType::qint8, DType::quint8, DType::qint32};
    const DType kind = kinds[below(3)];
    auto bytes = Storage::zeros(6 * itemsize(kind), kind);
    for (std::byte& byte : bytes->mutable_bytes()) byte = static_cast<std::byte>(below(100));
    return {std::move(bytes), kind, {2, 3}, {3, 1}};
  }

  Heap& heap_;
  std::mt19937_64 random_;
  bool old_, safe_;
  std::size_t left_ = 0, depth_ = 0;
  std::vector<Ref> made_{}, open_{};
  std::vector<std::shared_ptr<Storage>> storages_{};
  std::map<std::string, Ref> layouts_{};
};

}  // namespace

Value random_tree(const Recipe& recipe) {
  auto heap = std::make_shared<Heap>();
  const Ref root = Maker(recipe, *heap).root();
  return Value(std::move(heap), root);
}

}  // namespace flambeau::interop
