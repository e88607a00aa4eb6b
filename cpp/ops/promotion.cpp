#include "ops/promotion.h"

namespace izvod {
namespace {

DType default_type = DType::Float32;

enum Kind { boolean, integer, floating };
Kind kind(DType t) { return t == DType::Bool ? boolean : is_floating(t) ? floating : integer; }

// Types of one category met so far.
struct Category {
  bool any = false;
  DType type = DType::Bool;
  void add(DType t) {
    type = any ? promote_types(type, t) : t;
    any = true;
  }
};

Category combine(Category higher, Category lower) {
  if (!higher.any) return lower;
  if (!lower.any || kind(higher.type) >= kind(lower.type)) return higher;
  return {true, promote_types(higher.type, lower.type)};
}

}  // namespace

DType default_dtype() { return default_type; }
void set_default_dtype(DType t) {
  check<TypeError>(is_floating(t), "only floating-point types are supported as the default type");
  default_type = t;
}

DType promote_types(DType a, DType b) {
  if (a == b) return a;
  if (kind(a) != kind(b)) return kind(a) > kind(b) ? a : b;
  const DType low = std::min(a, b), high = std::max(a, b);
  if (low == DType::UInt8 && high == DType::Int8) return DType::Int16;
  if (low == DType::Float16 && high == DType::BFloat16) return DType::Float32;
  return high;
}

DType result_type(std::initializer_list<const Arg*> args) {
  Category with_dims, without_dims, numbers;
  for (const Arg* a : args) {
    if (!a->is_tensor())
      numbers.add(a->scalar.is_float() ? default_dtype() : a->scalar.storage_type());
    else
      (a->dim() ? with_dims : without_dims).add(a->tensor->dtype());
  }
  return combine(combine(with_dims, without_dims), numbers).type;
}

bool can_cast(DType from, DType to) { return kind(from) <= kind(to); }

}  // namespace izvod
