#include "tensor/allocator.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "tensor/large_blocks.h"

namespace izvod {
namespace {

constexpr size_t medium_block = size_t(32) << 10;  // from here: whole pages
constexpr size_t slab_bytes = size_t(256) << 10;
constexpr size_t page = LargeBlocks::page;

[[noreturn]] void out_of_memory(size_t bytes) {
  throw MemoryError(text("not enough memory: you tried to allocate ", bytes, " bytes."));
}

// What does not lie ready in `blocks`, and what is too large for it.
class Pool {
 public:
  Block allocate(size_t bytes) {
    if (bytes > class_limit) return allocate_large(bytes);
    const uint32_t c = size_class(bytes);
    const size_t size = class_bytes(c);
    if (void* p = blocks.take(c)) {
      if (size >= medium_block) idle_ -= size;
      return {p, c};
    }
    void* data = size < medium_block ? carve(size, bytes) : from_ranges(size, bytes);
    use(size);
    return {data, c};
  }

  void release(Block b) {
    if (b.size_class >= class_count) return release_large(b);
    blocks.put(b);
    if (const size_t size = class_bytes(b.size_class); size >= medium_block) idle_ += size;
  }

  void empty_cache() {
    empty_lists();
    large_.shrink(large_.idle());
  }

  MemoryStats stats() const {
    return {blocks.used, idle_ + large_.idle(), blocks.peak, large_.requests(), large_.moved()};
  }

 private:
  static void use(size_t size) {
    blocks.used += size;
    blocks.peak = std::max(blocks.peak, blocks.used);
  }

  Block allocate_large(size_t bytes) {
    if (bytes >= size_t(1) << 43) out_of_memory(bytes);
    const size_t pages = (bytes + page - 1) / page;
    void* data = from_ranges(pages * page, bytes);
    use(pages * page);
    return {data, uint32_t(class_count + pages)};
  }

  void release_large(Block b) {
    const size_t size = (b.size_class - class_count) * page;
    blocks.used -= size;
    large_.give(b.data, size);
  }

  void* carve(size_t size, size_t asked) {
    if (slab_left_ < size) {
      slab_ = static_cast<char*>(from_ranges(slab_bytes, asked));
      slab_left_ = slab_bytes;
    }
    slab_left_ -= size;
    return std::exchange(slab_, slab_ + size);
  }

  void* from_ranges(size_t size, size_t asked) {
    if (void* p = large_.take(size)) return p;
    empty_lists();
    if (void* p = large_.take(size)) return p;
    if (!large_.grow(size)) {
      large_.shrink(large_.idle());
      if (!large_.grow(size)) out_of_memory(asked);
    }
    return large_.take(size);
  }

  void empty_lists() {
    for (uint32_t c = size_class(medium_block); c < class_count; ++c)
      while (FreeBlock* f = blocks.free[c]) {
        blocks.free[c] = f->next;
        large_.give(f, class_bytes(c));
      }
    idle_ = 0;
  }

  char* slab_ = nullptr;
  size_t slab_left_ = 0, idle_ = 0;
  LargeBlocks large_;
};

// Never destroyed: tensors held by Python may outlive static objects.
Pool& pool() {
  static Pool& p = *new Pool;
  return p;
}

}  // namespace

Block allocate_slowly(size_t bytes) { return pool().allocate(bytes); }
void release_slowly(Block block) { pool().release(block); }
MemoryStats memory_stats() { return pool().stats(); }
void empty_cache() { pool().empty_cache(); }

}  // namespace izvod
