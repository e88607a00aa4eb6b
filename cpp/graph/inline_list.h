#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <utility>

namespace izvod {

// A list with room for N items inside; only longer ones go to the heap. SmallVector's like for items that own
// something (references, shapes).
template <class T, uint32_t N>
class InlineList {
 public:
  InlineList() = default;
  InlineList(std::initializer_list<T> xs) {
    reserve(xs.size());
    for (const T& x : xs) push_back(x);
  }
  InlineList(const InlineList& o) {
    reserve(o.size());
    for (const T& x : o) push_back(x);
  }
  InlineList(InlineList&& o) noexcept { take(o); }
  InlineList& operator=(InlineList o) noexcept {
    clear();
    take(o);
    return *this;
  }
  ~InlineList() { clear(); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return heap_ ? heap_ : inside(); }
  T* end() { return begin() + size_; }
  const T* begin() const { return const_cast<InlineList*>(this)->begin(); }
  const T* end() const { return begin() + size_; }
  T& operator[](size_t i) { return begin()[i]; }
  const T& operator[](size_t i) const { return begin()[i]; }
  T& back() { return end()[-1]; }

  void push_back(T x) {
    if (size_ == capacity_) reserve(2 * size_t(capacity_));
    new (end()) T(std::move(x));
    ++size_;
  }
  void resize(size_t n) {
    reserve(n);
    while (size_ < n) new (begin() + size_++) T();
    while (size_ > n) begin()[--size_].~T();
  }
  void reserve(size_t n) {
    if (n <= capacity_) return;
    T* room = std::allocator<T>().allocate(n);
    for (uint32_t i = 0; i < size_; ++i) {
      new (room + i) T(std::move(begin()[i]));
      begin()[i].~T();
    }
    free_heap();
    heap_ = room;
    capacity_ = uint32_t(n);
  }
  void clear() {
    while (size_) begin()[--size_].~T();
    free_heap();
  }

 private:
  T* inside() { return std::launder(reinterpret_cast<T*>(room_)); }
  void free_heap() {
    if (heap_) std::allocator<T>().deallocate(heap_, capacity_);
    heap_ = nullptr;
    capacity_ = N;
  }
  void take(InlineList& o) noexcept {  // into an empty list
    if (o.heap_) {
      heap_ = std::exchange(o.heap_, nullptr);
      capacity_ = std::exchange(o.capacity_, N);
      size_ = std::exchange(o.size_, 0);
      return;
    }
    for (T& x : o) new (inside() + size_++) T(std::move(x));
    o.clear();
  }

  T* heap_ = nullptr;
  uint32_t size_ = 0, capacity_ = N;
  alignas(T) std::byte room_[N * sizeof(T)];
};

}  // namespace izvod
