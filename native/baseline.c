/* The block for the instructions that every processor of its kind has. */
#define LANES 4
#include "sharpen.h"

int64_t sharpen_baseline(const Block *block, float *workspace)
{
    return sharpen(block, workspace);
}

size_t workspace_baseline(const Block *block)
{
    return space(block);
}
