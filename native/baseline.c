/* The block for the instructions that every processor of its kind has. */
#define LANES 4
#include "bands.h"

const InstructionSet baseline = {"baseline", LANES, space, sharpen, bands_space, sharpen_bands};
