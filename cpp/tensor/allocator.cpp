#include "tensor/allocator.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <vector>

#include "base/error.h"

namespace izvod {
namespace {

constexpr size_t large_block = size_t(32) << 10;
constexpr size_t huge_page = size_t(2) << 20;
constexpr size_t slab_bytes = size_t(256) << 10;
constexpr size_t idle_allowance = size_t(256) << 20;

class Pool {
 public:
  Block allocate(size_t bytes) {
    check<MemoryError>(bytes < size_t(1) << 48, "not enough memory: you tried to allocate ", bytes, " bytes.");
    const uint32_t c = size_class(bytes);
    const size_t size = class_bytes(c);
    if (void* p = blocks.take(c)) {
      if (size >= large_block) idle_ -= size;
      return {p, c};
    }
    blocks.used += size;
    void* p = size < large_block ? carve(size) : map_large(size);
    if (!p) {
      blocks.used -= size;
      throw MemoryError(text("not enough memory: you tried to allocate ", bytes, " bytes."));
    }
    blocks.peak = std::max(blocks.peak, blocks.used);
    return {p, c};
  }

  void release(Block b) {
    blocks.put(b);
    const size_t size = class_bytes(b.size_class);
    if (size >= large_block) {
      idle_ += size;
      order_.push_back(b.size_class);
    }
  }

  // Gives blocks back, those of the classes freed longest ago first, until at most `keep` bytes lie idle.
  void trim(size_t keep) {
    while (idle_ > keep && !order_.empty()) {
      const uint32_t c = order_.front();
      order_.pop_front();
      if (FreeBlock* f = blocks.free[c]) {
        blocks.free[c] = f->next;
        idle_ -= class_bytes(c);
        unmap_large(f, class_bytes(c));
      }
    }
    if (order_.size() > 100000) order_.clear();  // stale entries of blocks that were handed out again
  }

  MemoryStats stats() const { return {blocks.used, idle_, blocks.peak, requests_}; }

 private:
  void* carve(size_t size) {
    if (slab_left_ < size) {
      void* p = system_memory(slab_bytes);
      if (!p) return nullptr;
      slab_ = static_cast<char*>(p);
      slab_left_ = slab_bytes;
    }
    void* p = slab_;
    slab_ += size;
    slab_left_ -= size;
    return p;
  }

  void* map_large(size_t size) {
    if (idle_ > idle_allowance + blocks.used / 4) trim(idle_allowance / 2 + blocks.used / 8);
    if (void* p = system_memory(size)) return p;
    trim(0);
    return system_memory(size);
  }

  void* system_memory(size_t size) {
    ++requests_;
    if (size < huge_page) return std::aligned_alloc(memory_alignment, size);
    void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return nullptr;
#ifdef MADV_HUGEPAGE
    madvise(p, size, MADV_HUGEPAGE);
#endif
    return p;
  }

  static void unmap_large(void* p, size_t size) {
    if (size < huge_page)
      std::free(p);
    else
      munmap(p, size);
  }

  std::deque<uint32_t> order_;
  char* slab_ = nullptr;
  size_t slab_left_ = 0, idle_ = 0, requests_ = 0;
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
void empty_cache() { pool().trim(0); }

}  // namespace izvod
