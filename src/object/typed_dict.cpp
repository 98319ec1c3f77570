#include "object/typed_dict.h"

#include <algorithm>

#include <flambeau/error.h>

#include "object/names.h"

namespace flambeau::object {

void DictReader::wrong_type(Ref ref, std::string_view expected) const {
  throw Error(ErrorCode::type,
              "'" + std::string(key_) + "': expected " + std::string(expected) + ", found " + object::type_name(ref));
}

const std::vector<Ref>& DictReader::items(Ref list) const {
  const auto* sequence = as<Sequence>(list);
  if (!sequence || (list.kind() != Kind::list && list.kind() != Kind::tuple)) wrong_type(list, "a list");
  return sequence->items;
}

const Dict& DictReader::dict(Ref ref) const {
  const auto* found = as<Dict>(ref);
  if (!found) wrong_type(ref, "a dict");
  return *found;
}

void DictReader::decode(Ref ref, bool& value) const {
  if (ref.kind() != Kind::boolean) wrong_type(ref, "a bool");
  value = ref.boolean_value();
}

void DictReader::decode(Ref ref, std::int64_t& value) const {
  const auto number = int_value(ref);
  if (!number) wrong_type(ref, "an int");
  value = *number;
}

void DictReader::decode(Ref ref, Number& value) const {
  const auto* tensor = as<TensorNode>(ref);
  if (const auto* number = as<Float>(ref))
    value = number->value;
  else if (const auto integer = int_value(ref))
    value = *integer;
  else if (tensor && tensor->tensor.defined() && tensor->tensor.numel() == 1)  // a capturable optimizer's rate
    value = tensor->tensor.item();
  else
    wrong_type(ref, "a number");
}

void DictReader::decode(Ref ref, std::string& value) const {
  const auto found = text(ref);
  if (!found) wrong_type(ref, "a string");
  value = *found;
}

void DictReader::decode(Ref ref, Tensor& value) const {
  const auto* node = as<TensorNode>(ref);
  if (!node && !ref.is_none()) wrong_type(ref, "a tensor");
  value = node ? node->tensor : Tensor();
}

void DictReader::decode(Ref ref, std::array<Number, 2>& pair) const {
  const auto& found = items(ref);
  if (found.size() != 2) wrong_type(ref, "two numbers");
  for (std::size_t i = 0; i < 2; ++i) decode(found[i], pair[i]);
}

void DictReader::step(std::string_view key, double& member) {
  Number number = member;
  (*this)(key, number);
  member = number;
}

void DictReader::counter(std::string_view key, std::vector<std::int64_t>& member) {
  key_ = key;
  const auto ref = get(dict_, key);
  if (!ref) return;
  const auto* counter = as<Object>(*ref);
  if (!counter) return decode(*ref, member);  // a list, as before 1.3
  const auto* args = as<Sequence>(counter->args);
  const auto* counts = args && !args->items.empty() ? as<Dict>(args->items[0]) : nullptr;
  member.clear();
  for (const auto& [element, count] : counts ? counts->items : counter->dict_items) {
    std::int64_t value = 0, times = 0;
    decode(element, value);
    decode(count, times);
    constexpr std::int64_t most = 1 << 20;
    if (times < 0 || times > most - static_cast<std::int64_t>(member.size())) wrong_type(*ref, "small counts");
    member.insert(member.end(), static_cast<std::size_t>(times), value);
  }
}

void DictWriter::operator()(std::string_view key, const Tensor& member) {
  const auto known = get(dict_, key);
  const auto* node = known ? as<TensorNode>(*known) : nullptr;
  if (!member.defined()) {
    if (known && !known->is_none())
      std::erase_if(dict_.items, [&](const Pair& item) { return text(item.first) == key; });
    return;
  }
  if (node && node->tensor.defined()) {
    const Tensor& now = node->tensor;
    if (now.storage() == member.storage() && now.dtype() == member.dtype() && now.shape() == member.shape() &&
        now.strides() == member.strides() && now.offset() == member.offset())
      return;
  }
  put(key, heap_->tensor(member));
}

void DictWriter::step(std::string_view key, double member) {
  if (holds(key, member, [&](DictReader& reader, double& now) { reader.step(key, now); })) return;
  const float count[] = {static_cast<float>(member)};
  put(key, heap_->tensor(Tensor::of<float>({}, count)));
}

void DictWriter::counter(std::string_view key, const std::vector<std::int64_t>& member) {
  if (holds(key, member, [&](DictReader& reader, std::vector<std::int64_t>& now) { reader.counter(key, now); })) return;
  std::vector<std::pair<std::int64_t, std::int64_t>> counts;
  for (const std::int64_t element : member) {
    const auto found =
        std::find_if(counts.begin(), counts.end(), [&](const auto& row) { return row.first == element; });
    if (found == counts.end())
      counts.emplace_back(element, 1);
    else
      ++found->second;
  }
  std::vector<Pair> pairs;
  pairs.reserve(counts.size());
  for (const auto& [element, count] : counts) pairs.emplace_back(heap_->integer(element), heap_->integer(count));
  put(key, heap_->object(Construction::reduce, heap_->global("collections", "Counter"),
                         heap_->tuple({heap_->dict(std::move(pairs))})));
}

void DictWriter::put(std::string_view key, Ref value) {
  auto& entries = dict_.items;
  const auto at = [&](std::string_view name) {
    return std::find_if(entries.begin(), entries.end(), [&](const Pair& item) { return text(item.first) == name; });
  };
  if (const auto known = at(key); known != entries.end())
    known->second = value;
  else
    entries.insert(at("params"), {name_string(*heap_, key), value});
}

Ref DictWriter::encode(const Number& value) const {
  return value.integer ? heap_->integer(static_cast<std::int64_t>(value.value)) : heap_->floating(value.value);
}

Ref DictWriter::encode(const std::string& value) const { return name_string(*heap_, value); }

Ref DictWriter::encode(const Value& value) const {
  return value.heap() == heap_ || !value.ref().node() ? value.ref() : copy(*heap_, value.ref());
}

Ref DictWriter::encode(const std::array<Number, 2>& pair) const {
  return heap_->tuple({encode(pair[0]), encode(pair[1])});
}

}  // namespace flambeau::object
