#pragma once
#include <cstddef>
#include <cstdint>

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

// At least `bytes` bytes, aligned to 64. Throws MemoryError when the system has none left.
Block allocate(size_t bytes);
void release(Block block);

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
  static void* operator new(size_t bytes);
  static void operator delete(void* p, size_t bytes);
};

}  // namespace izvod
