#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

namespace izvod {

// Note [Memory]
// Touching a fresh page costs more than computing on it, and malloc more than a small kernel; so
// freed memory is kept and handed out again. Up to 256 KiB a block waits in the list of its size
// class, where the next of the class finds it, still in the cache; eight classes an octave waste at
// most an eighth. Blocks of less than 32 KiB are cut from slabs and stay in their lists. The lists
// of the others are emptied into the ranges that larger blocks come from, Note [Large blocks],
// before the system is asked for memory. Bookkeeping is under Note [One lock].
inline constexpr size_t memory_alignment = 64;

struct Block {
  void* data;
  uint32_t size_class;  // or, past the classes, the number of pages
};

// Size classes: multiples of 64 up to `fine_limit`, then eight an octave up to `class_limit`.
inline constexpr size_t fine_limit = 1024, class_limit = size_t(256) << 10;
inline constexpr uint32_t fine_classes = fine_limit / 64, class_count = fine_classes + 8 * 8;
constexpr uint32_t size_class(size_t bytes) {
  if (bytes <= fine_limit) return bytes ? uint32_t((bytes - 1) / 64) : 0;
  const int octave = std::bit_width(bytes - 1) - 1;  // 2^octave < bytes <= 2^(octave+1)
  const size_t step = size_t(1) << (octave - 3);
  return fine_classes + uint32_t(octave - 10) * 8 +
         uint32_t((bytes - 1 - (size_t(1) << octave)) / step);
}
constexpr size_t class_bytes(uint32_t c) {
  if (c < fine_classes) return size_t(c + 1) * 64;
  const uint32_t octave = 10 + (c - fine_classes) / 8, part = (c - fine_classes) % 8;
  return (size_t(1) << octave) + (size_t(part + 1) << (octave - 3));
}

struct FreeBlock {
  FreeBlock* next;
};
// Here, so that a small block that lies ready is taken, and put back, in a few instructions.
struct Blocks {
  FreeBlock* free[class_count] = {};
  size_t used = 0, peak = 0;

  void* take(uint32_t c) {  // null if none lies ready
    FreeBlock* f = free[c];
    if (!f) return nullptr;
    free[c] = f->next;
    used += class_bytes(c);
    if (used > peak) peak = used;
    return f;
  }
  void put(Block b) {
    used -= class_bytes(b.size_class);
    free[b.size_class] = new (b.data) FreeBlock{free[b.size_class]};
  }
};
inline constinit Blocks blocks;

Block allocate_slowly(size_t bytes);
void release_slowly(Block block);

// At least `bytes` bytes, aligned to 64. Throws MemoryError when the system has none left.
inline Block allocate(size_t bytes) {
  if (bytes <= fine_limit)
    if (void* p = blocks.take(size_class(bytes))) return {p, size_class(bytes)};
  return allocate_slowly(bytes);
}
inline void release(Block block) {
  if (block.size_class < fine_classes)
    blocks.put(block);
  else
    release_slowly(block);
}

struct MemoryStats {
  size_t used, idle, peak;  // bytes in blocks handed out, kept, and the most ever handed out
  size_t requests;          // how often the system was asked for memory
  size_t moved;             // bytes of pages that lay idle here and were needed there
};
MemoryStats memory_stats();
// Gives the system back what lies idle in whole huge pages.
void empty_cache();

// Gives a class (graph nodes, tensors) the pool's new and delete.
struct Pooled {
  static void* operator new(size_t bytes) { return allocate(bytes).data; }
  static void operator delete(void* p, size_t bytes) { release({p, size_class(bytes)}); }
};

}  // namespace izvod
