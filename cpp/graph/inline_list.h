#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace izvod {

// A list with room for N items inside; only longer ones go to the heap. As SmallVector, for items
// that own something (references, shapes). An item must not know its own address: items are moved
// by copying their bytes.
template <class T, uint32_t N>
class InlineList {
 public:
  InlineList() = default;
  InlineList(const InlineList& o) {
    reserve(o.size());
    for (const T& x : o) emplace_back(x);
  }
  InlineList(InlineList&& o) noexcept { take(o); }
  InlineList& operator=(InlineList&& o) noexcept {
    if (this != &o) {
      clear();
      take(o);
    }
    return *this;
  }
  InlineList& operator=(const InlineList& o) { return *this = InlineList(o); }
  ~InlineList() { clear(); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return heap_ ? heap_ : inside(); }
  T* end() { return begin() + size_; }
  const T* begin() const { return const_cast<InlineList*>(this)->begin(); }
  const T* end() const { return begin() + size_; }
  T& operator[](size_t i) { return begin()[i]; }
  const T& operator[](size_t i) const { return begin()[i]; }

  template <class... Args>
  void emplace_back(Args&&... args) {
    if (size_ == capacity_) [[unlikely]]
      reserve(2 * size_t(capacity_));
    new (end()) T{std::forward<Args>(args)...};
    ++size_;
  }
  void push_back(const T& x) { emplace_back(x); }
  void push_back(T&& x) { emplace_back(std::move(x)); }
  void resize(size_t n) {
    reserve(n);
    while (size_ < n) new (begin() + size_++) T();
    while (size_ > n) begin()[--size_].~T();
  }
  void reserve(size_t n) {
    if (n > capacity_) [[unlikely]]
      grow(n);
  }
  void clear() {
    if (!size_ && !heap_) return;
    T* items = begin();
    while (size_) items[--size_].~T();
    if (heap_) [[unlikely]]
      free_heap();
  }

 private:
  T* inside() { return std::launder(reinterpret_cast<T*>(room_)); }
  void grow(size_t n) {
    T* room = std::allocator<T>().allocate(n);
    std::memcpy(static_cast<void*>(room), static_cast<const void*>(begin()), size_ * sizeof(T));
    if (heap_) free_heap();
    heap_ = room;
    capacity_ = uint32_t(n);
  }
  void free_heap() {
    std::allocator<T>().deallocate(heap_, capacity_);
    heap_ = nullptr;
    capacity_ = N;
  }
  void take(InlineList& o) noexcept {  // into an empty list
    heap_ = std::exchange(o.heap_, nullptr);
    size_ = std::exchange(o.size_, 0);
    capacity_ = std::exchange(o.capacity_, N);
    if (!heap_) std::memcpy(room_, o.room_, sizeof(room_));
  }

  T* heap_ = nullptr;
  uint32_t size_ = 0, capacity_ = N;
  alignas(T) std::byte room_[N * sizeof(T)];
};

}  // namespace izvod
