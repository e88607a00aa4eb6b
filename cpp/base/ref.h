#pragma once
#include <cstdint>
#include <utility>

namespace izvod {

// Note [One lock]
// Tensors, storages and graph nodes are counted without atomic instructions: an atomic increment
// costs about as much as a whole small kernel. That is sound because all bookkeeping happens while
// the caller holds one lock (under Python: the GIL); kernels, which run in many threads and with
// the lock released, see raw memory only and never touch a count.
template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  explicit Ref(T* p) : p_(p) {
    if (p_) ++p_->refs;
  }
  Ref(const Ref& o) : p_(o.p_) {
    if (p_) ++p_->refs;
  }
  Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  template <class U>
  Ref(Ref<U>&& o) noexcept : p_(o.release()) {}
  ~Ref() { reset(); }
  Ref& operator=(Ref o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }

  // Takes over a count that already stands in p->refs.
  static Ref adopt(T* p) {
    Ref r;
    r.p_ = p;
    return r;
  }
  T* release() { return std::exchange(p_, nullptr); }
  void reset() {
    T* p = std::exchange(p_, nullptr);
    if (p && --p->refs == 0) T::destroy(p);
  }

  T* get() const { return p_; }
  T* operator->() const { return p_; }
  T& operator*() const { return *p_; }
  explicit operator bool() const { return p_ != nullptr; }
  bool operator==(const Ref& o) const { return p_ == o.p_; }

 private:
  T* p_ = nullptr;
};

}  // namespace izvod
