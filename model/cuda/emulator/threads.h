// Running a kernel: blocks one after the other, each block's threads as fibers.
#pragma once
#include "emulated.h"
#include <functional>

// Runs `thread` once for every thread of every block. `shared` bytes of memory belong to each block.
void emulated_run(dim3 grid, dim3 block, unsigned shared, const std::function<void()> &thread);
