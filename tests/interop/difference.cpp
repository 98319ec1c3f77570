#include <algorithm>
#include <bit>
#include <unordered_map>

#include <fmt/format.h>

#include "random_tree.h"

namespace flambeau::interop {
namespace {

using object::as;
using object::Ref;

class Walk {
 public:
  std::string run(Ref a, Ref b) {
    need(a, b, "root");
    while (found_.empty() && !todo_.empty()) {
      const Pending next = std::move(todo_.back());
      todo_.pop_back();
      pair(next.a, next.b, next.where);
    }
    return found_;
  }

 private:
  struct Pending {
    Ref a, b;
    std::string where;
  };
  void need(Ref a, Ref b, std::string where) { todo_.push_back({a, b, std::move(where)}); }
  void fail(const std::string& where, const std::string& what) {
    if (found_.empty()) found_ = where + ": " + what;
  }
  template <class T>
  void same(const T& a, const T& b, const std::string& where, std::string_view what) {
    if (!(a == b)) fail(where, std::string(what));
  }

  // Whether both have been met before, and as partners.
  bool met(const void* a, const void* b, const std::string& where) {
    const auto left = left_.find(a), right = right_.find(b);
    if (left == left_.end() && right == right_.end()) {
      left_.emplace(a, b);
      right_.emplace(b, a);
      return false;
    }
    if (left == left_.end() || right == right_.end() || left->second != b || right->second != a)
      fail(where, "is shared with something else");
    return true;
  }

  void pair(Ref a, Ref b, const std::string& where) {
    if (a.kind() != b.kind()) return fail(where, fmt::format("{} became {}", name(a.kind()), name(b.kind())));
    switch (a.kind()) {
      case Kind::none:
        return;
      case Kind::boolean:
        return same(a, b, where, "boolean");
      case Kind::integer:
        return same(object::int_value(a), object::int_value(b), where, "integer");
      case Kind::big_integer:
        return same(as<object::BigInteger>(a)->bytes, as<object::BigInteger>(b)->bytes, where, "big integer");
      case Kind::floating:
        return same(std::bit_cast<std::uint64_t>(as<object::Float>(a)->value),
                    std::bit_cast<std::uint64_t>(as<object::Float>(b)->value), where, "float");
      case Kind::string:
        return same(object::text(a), object::text(b), where, "string");
      case Kind::bytes:
        return same(as<object::Bytes>(a)->data, as<object::Bytes>(b)->data, where, "bytes");
      case Kind::global:
        return same(object::global_name(a), object::global_name(b), where, "global");
      default:
        if (a.kind() == Kind::tuple && as<object::Sequence>(a)->items.empty()) break;
        if (met(a.node(), b.node(), where)) return;
    }
    switch (a.kind()) {
      case Kind::bytearray:
        return same(as<object::Bytes>(a)->data, as<object::Bytes>(b)->data, where, "bytearray");
      case Kind::tuple:
      case Kind::list:
        return items(as<object::Sequence>(a)->items, as<object::Sequence>(b)->items, where);
      case Kind::set:
      case Kind::frozenset:  // of integers alone
        return same(sorted(*as<object::Sequence>(a)), sorted(*as<object::Sequence>(b)), where, "set");
      case Kind::dict:
        same(as<object::Dict>(a)->ordered, as<object::Dict>(b)->ordered, where, "dict and OrderedDict");
        need(as<object::Dict>(a)->state, as<object::Dict>(b)->state, where + ".<state>");
        return pairs(as<object::Dict>(a)->items, as<object::Dict>(b)->items, where);
      case Kind::tensor:
        return tensor(*as<object::TensorNode>(a), *as<object::TensorNode>(b), where);
      case Kind::object:
        return thing(*as<object::Object>(a), *as<object::Object>(b), where);
      default:
        return fail(where, "a kind that the recipes do not make");
    }
  }

  void items(const std::vector<Ref>& a, const std::vector<Ref>& b, const std::string& where) {
    if (a.size() != b.size()) return fail(where, fmt::format("{} items became {}", a.size(), b.size()));
    for (std::size_t i = 0; i < a.size(); ++i) need(a[i], b[i], fmt::format("{}.{}", where, i));
  }
  void pairs(const std::vector<object::Pair>& a, const std::vector<object::Pair>& b, const std::string& where) {
    if (a.size() != b.size()) return fail(where, fmt::format("{} entries became {}", a.size(), b.size()));
    for (std::size_t i = 0; i < a.size(); ++i) {
      need(a[i].first, b[i].first, fmt::format("{}.<key {}>", where, i));
      need(a[i].second, b[i].second, fmt::format("{}.<value {}>", where, i));
    }
  }
  static std::vector<std::int64_t> sorted(const object::Sequence& set) {
    std::vector<std::int64_t> values;
    for (const Ref item : set.items) values.push_back(object::int_value(item).value_or(-1));
    std::sort(values.begin(), values.end());
    return values;
  }

  void tensor(const object::TensorNode& a, const object::TensorNode& b, const std::string& where) {
    const Tensor &x = a.tensor, &y = b.tensor;
    if (x.dtype() != y.dtype()) fail(where, fmt::format("{} became {}", name(x.dtype()), name(y.dtype())));
    same(a.parameter, b.parameter, where, "parameter");
    same(x.shape(), y.shape(), where, "shape");
    same(x.strides(), y.strides(), where, "strides");
    same(x.offset(), y.offset(), where, "offset");
    same(x.requires_grad(), y.requires_grad(), where, "requires_grad");
    same(x.is_conj(), y.is_conj(), where, "conj");
    same(x.is_neg(), y.is_neg(), where, "neg");
    same(x.is_meta(), y.is_meta(), where, "meta");
    same(a.quantizer != nullptr, b.quantizer != nullptr, where, "quantizer");
    need(a.type, b.type, where + ".<type>");
    need(a.attributes, b.attributes, where + ".<attributes>");
    if (a.quantizer && b.quantizer) {
      same(a.quantizer->scale, b.quantizer->scale, where, "scale");
      same(a.quantizer->zero_point, b.quantizer->zero_point, where, "zero point");
    }
    if (!found_.empty() || x.is_meta()) return;
    if (met(x.storage().get(), y.storage().get(), where + ".<storage>")) return;
    if (!std::ranges::equal(x.storage()->bytes(), y.storage()->bytes())) fail(where, "storage bytes");
  }

  void thing(const object::Object& a, const object::Object& b, const std::string& where) {
    same(a.construction, b.construction, where, "construction");
    need(a.callable, b.callable, where + ".<callable>");
    need(a.args, b.args, where + ".<arguments>");
    need(a.state, b.state, where + ".<state>");
    items(a.list_items, b.list_items, where);
    pairs(a.dict_items, b.dict_items, where);
  }

  std::vector<Pending> todo_{};
  std::unordered_map<const void*, const void*> left_{}, right_{};
  std::string found_{};
};

}  // namespace

std::string difference(const Value& a, const Value& b) { return Walk().run(a.ref(), b.ref()); }

}  // namespace flambeau::interop
