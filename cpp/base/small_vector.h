#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <ostream>
#include <span>
#include <type_traits>
#include <vector>

namespace izvod {

// A vector of plain values with room for N of them inside; only longer ones go to the heap.
template <class T, int N>
class SmallVector {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  SmallVector() {}  // not "= default": a tuple of these would be set to zero first
  explicit SmallVector(int64_t n, T value = T{}) { resize(n, value); }
  SmallVector(std::initializer_list<T> xs) { assign(xs.begin(), int64_t(xs.size())); }
  SmallVector(std::span<const T> xs) { assign(xs.data(), int64_t(xs.size())); }
  SmallVector(const std::vector<T>& xs) { assign(xs.data(), int64_t(xs.size())); }
  SmallVector(const SmallVector& o) { copy(o); }
  SmallVector(SmallVector&& o) noexcept { steal(o); }
  SmallVector& operator=(const SmallVector& o) {
    if (this != &o) copy(o);
    return *this;
  }
  SmallVector& operator=(SmallVector&& o) noexcept {
    if (this != &o) {
      free_heap();
      steal(o);
    }
    return *this;
  }
  ~SmallVector() { free_heap(); }

  int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return heap_ ? heap_ : inline_; }
  const T* data() const { return heap_ ? heap_ : inline_; }
  T& operator[](int64_t i) { return data()[i]; }
  const T& operator[](int64_t i) const { return data()[i]; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  T& back() { return data()[size_ - 1]; }
  const T& back() const { return data()[size_ - 1]; }

  void assign(const T* from, int64_t n) {
    reserve(n);
    if (n) std::memmove(data(), from, size_t(n) * sizeof(T));
    size_ = int32_t(n);
  }
  void resize(int64_t n, T value = T{}) {
    reserve(n);
    for (int64_t i = size_; i < n; ++i) data()[i] = value;
    size_ = int32_t(n);
  }
  void push_back(T value) {
    if (size_ == capacity_) reserve(2 * int64_t(capacity_));
    data()[size_++] = value;
  }
  void insert(int64_t at, T value) {
    push_back(value);
    std::rotate(begin() + at, end() - 1, end());
  }
  void erase(int64_t at) {
    std::copy(begin() + at + 1, end(), begin() + at);
    --size_;
  }
  void clear() { size_ = 0; }
  void reserve(int64_t n) {
    if (n > capacity_) [[unlikely]]
      grow(n);
  }
  bool operator==(const SmallVector& o) const {
    if (size_ != o.size_) return false;
    for (int64_t i = 0; i < size_; ++i)  // memcmp takes longer for so few
      if (data()[i] != o.data()[i]) return false;
    return true;
  }
  operator std::span<const T>() const { return {data(), size_t(size_)}; }

 private:
  [[gnu::noinline]] void grow(int64_t n) {
    T* p = new T[size_t(n)];
    std::memcpy(p, data(), size_t(size_) * sizeof(T));
    delete[] heap_;
    heap_ = p;
    capacity_ = int32_t(n);
  }
  void free_heap() {
    delete[] heap_;
    heap_ = nullptr;
    capacity_ = N;
  }
  // All of the room inside, whatever the size is: a few loads and stores instead of a call. What
  // has not been set is copied, too, and never looked at, which GCC cannot know.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
  void copy(const SmallVector& o) {
    if (o.heap_ || heap_) [[unlikely]]
      return assign(o.data(), o.size_);
    size_ = o.size_;
    std::memcpy(inline_, o.inline_, sizeof(inline_));
  }
  void steal(SmallVector& o) {
    heap_ = o.heap_;
    capacity_ = o.capacity_;
    size_ = o.size_;
    std::memcpy(inline_, o.inline_, sizeof(inline_));
    o.heap_ = nullptr;
    o.capacity_ = N;
    o.size_ = 0;
  }
#pragma GCC diagnostic pop
  T* heap_ = nullptr;
  int32_t size_ = 0, capacity_ = N;
  T inline_[N];
};

// Sizes, strides and lists of dimensions.
using Dims = SmallVector<int64_t, 5>;

// "[2, 3]", as torch writes shapes in messages.
inline std::ostream& operator<<(std::ostream& s, const Dims& d) {
  s << '[';
  for (int64_t i = 0; i < d.size(); ++i) s << (i ? ", " : "") << d[i];
  return s << ']';
}

}  // namespace izvod
